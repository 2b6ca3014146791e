#include "ota/progress.hpp"

#include "support/rauc_bundle.hpp"

#include <doctest/doctest.h>

using ota::kMib;
using ota::MibTracker;
using ota::Target;
using ota::Use;
using ota::WrittenMib;

namespace {

Use use(std::uint64_t image_offset, std::uint32_t length, bool compressed) {
    return {.offset = 1'000 + image_offset,
            .stored = length,
            .compressed = compressed,
            .image = Target::rootfs,
            .length = length,
            .image_offset = image_offset};
}
std::vector<Use> uses_of(std::uint64_t size, bool compressed) {
    std::vector<Use> uses;
    for (std::uint64_t at = 0; at < size; at += 131'072)
        uses.push_back(
            use(at, static_cast<std::uint32_t>(std::min<std::uint64_t>(131'072, size - at)), compressed));
    return uses;
}
std::span<std::byte const> bytes(std::string const& image, std::uint64_t at, std::uint64_t size) {
    return std::as_bytes(std::span{image}).subspan(at, size);
}
WrittenMib hashed(std::string const& image, std::uint32_t number) {
    auto const stretch = ota::bytes_of_mib(number, image.size());
    return {number, core::sha256(bytes(image, stretch.offset, stretch.size))};
}
WrittenMib raw(std::uint32_t number) {
    return {number, std::nullopt};
}

}   // namespace

TEST_CASE("the first MiB begins behind the head, the last one ends with the image") {
    CHECK(ota::bytes_of_mib(0, 10 * kMib).offset == 4'096);
    CHECK(ota::bytes_of_mib(0, 10 * kMib).size == kMib - 4'096);
    CHECK(ota::bytes_of_mib(3, 10 * kMib).offset == 3 * kMib);
    CHECK(ota::bytes_of_mib(3, 3 * kMib + 5).size == 5);
    CHECK(ota::bytes_of_mib(0, 4'000).size == 0);
    CHECK(ota::bytes_of_mib(4, 3 * kMib).size == 0);
}

TEST_CASE("a MiB is recorded when its last byte is written, hashed only if the bundle compresses it") {
    auto const image = test::noise(2 * kMib + 5'000, 3);
    for (bool const compressed : {false, true}) {
        CAPTURE(compressed);
        MibTracker tracker{uses_of(image.size(), compressed), Target::rootfs, image.size(), {}};
        for (std::uint64_t at = 0; at < image.size(); at += 100'000) {
            auto const n = std::min<std::uint64_t>(100'000, image.size() - at);
            CHECK(tracker.written().size() == std::min<std::uint64_t>(at / kMib, 2));
            tracker.wrote(at, bytes(image, at, n));
        }
        auto const want = compressed ? std::vector{hashed(image, 0), hashed(image, 1), hashed(image, 2)}
                                     : std::vector{raw(0), raw(1), raw(2)};
        CHECK(tracker.written() == want);
    }
}

TEST_CASE("a compressed MiB whose bytes come out of order is not recorded, a raw one is") {
    auto const image = test::noise(3 * kMib, 4);
    for (bool const compressed : {false, true}) {
        CAPTURE(compressed);
        MibTracker tracker{uses_of(image.size(), compressed), Target::rootfs, image.size(), {}};
        tracker.wrote(0, bytes(image, 0, kMib));
        tracker.wrote(kMib, bytes(image, kMib, 131'072));        // begun
        tracker.wrote(2 * kMib, bytes(image, 2 * kMib, kMib));   // another one in between
        tracker.wrote(kMib + 131'072, bytes(image, kMib + 131'072, kMib - 131'072));
        auto const want = compressed ? std::vector{hashed(image, 0), hashed(image, 2)}
                                     : std::vector{raw(0), raw(1), raw(2)};
        CHECK(tracker.written() == want);
    }
}

TEST_CASE("what an earlier attempt wrote stays recorded") {
    auto const image = test::noise(3 * kMib, 5);
    MibTracker tracker{uses_of(image.size(), true), Target::rootfs, image.size(), {hashed(image, 1), raw(2)}};
    CHECK(tracker.written() == std::vector{hashed(image, 1), raw(2)});
    tracker.wrote(0, bytes(image, 0, kMib));
    CHECK(tracker.written() == std::vector{hashed(image, 0), hashed(image, 1), raw(2)});
}

TEST_CASE("a progress record survives being written and read, and a damaged one is none") {
    ota::Progress const progress{.manifest_hash = {1, 2},
                                 .target = core::Slot::a,
                                 .boot = {{0, core::Sha256{3}}, {7, core::Sha256{4}}},
                                 .rootfs = {{0, std::nullopt}, {1, std::nullopt}}};
    auto const object = ota::to_json(progress);
    CHECK(ota::progress_from_json(object) == progress);
    CHECK(ota::progress_from_json(*core::parse_json_object(core::json::serialize(object))) == progress);

    for (auto const* text : {R"({})", R"({"manifest_hash": "00", "slot": "B", "boot": [], "rootfs": []})",
                             R"({"boot": [[-1, ""]]})", R"({"boot": [[0]]})", R"({"boot": [[99999999, ""]]})",
                             R"({"boot": [[0, "zz"]]})", R"({"boot": [[1, ""], [0, ""]]})",
                             R"({"boot": [[1, ""], [1, ""]]})", R"({"boot": 5})", R"({"slot": "C"})"}) {
        CAPTURE(text);
        auto wrong = object;
        for (auto const& [key, value] : *core::parse_json_object(text)) wrong[key] = value;
        if (std::string_view{text} == "{}") wrong.erase("boot");
        CHECK_FALSE(ota::progress_from_json(wrong));
    }
}
