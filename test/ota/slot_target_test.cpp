#include "ota/slot_target.hpp"

#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>

using core::Errc;
using ota::SlotTarget;

namespace {

struct Slot {
    test::TemporaryDirectory at;
    std::filesystem::path path = at / "slot";
    std::string const old = test::noise(2'000'000, 11);

    Slot() { test::write_whole(path, old); }
    std::string content() const { return test::read_whole(path); }
    SlotTarget open(std::uint64_t image_size) {
        auto target = SlotTarget::open(path, image_size);
        REQUIRE(target);
        return std::move(*target);
    }
};

auto bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

}   // namespace

TEST_CASE_FIXTURE(Slot, "a slot's head is zero from the start of an installation to its end") {
    auto const image = test::noise(1'500'001, 12);
    auto target = open(image.size());
    REQUIRE(target.clear_head());
    CHECK(content() == std::string(4096, '\0') + old.substr(4096));

    REQUIRE(target.write(0, bytes(image)));
    REQUIRE(target.sync());
    CHECK(content() == std::string(4096, '\0') + image.substr(4096) + old.substr(image.size()));

    REQUIRE(target.write_head());
    CHECK(content() == image + old.substr(image.size()));
}

TEST_CASE_FIXTURE(Slot, "pieces may come in any order and of any size") {
    auto const image = test::noise(1'400'003, 13);
    auto target = open(image.size());
    std::string_view const all{image};
    struct {
        std::size_t from, to;
    } const pieces[] = {
        {1'000'000, image.size()}, {0, 4'095}, {4'095, 5'000}, {5'000, 700'000}, {700'000, 1'000'000}};
    for (auto const& piece : pieces)
        REQUIRE(target.write(piece.from, bytes(all.substr(piece.from, piece.to - piece.from))));
    REQUIRE(target.sync());
    REQUIRE(target.write_head());
    CHECK(content() == image + old.substr(image.size()));
}

TEST_CASE_FIXTURE(Slot, "a slot is never made longer, and nothing is written outside the image") {
    auto target = open(10'000);
    auto const outside = target.write(9'999, bytes("ab"));
    REQUIRE_FALSE(outside);
    CHECK(outside.error().is(Errc::bad_input));

    auto const large = SlotTarget::open(path, old.size() + 1);
    REQUIRE_FALSE(large);
    CHECK(large.error().is(Errc::too_large));
    CHECK(content() == old);
}

TEST_CASE("an image smaller than the head leaves zeros behind it") {
    test::TemporaryDirectory const at;
    test::write_whole(at / "slot", std::string(6000, 'o'));
    auto target = SlotTarget::open(at / "slot", 100);
    REQUIRE(target);
    REQUIRE(target->clear_head());
    REQUIRE(target->write(0, bytes(std::string(100, 'n'))));
    REQUIRE(target->sync());
    REQUIRE(target->write_head());
    CHECK(test::read_whole(at / "slot") ==
          std::string(100, 'n') + std::string(3996, '\0') + std::string(1904, 'o'));
}

TEST_CASE("a slot that is missing or no slot is named") {
    test::TemporaryDirectory const at;
    auto const missing = SlotTarget::open(at / "slot", 1);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().is(Errc::not_found));
    CHECK(missing.error().context.find("slot device missing: ") == 0);

    auto const directory = ota::slot_size(at.path());
    REQUIRE_FALSE(directory);
    CHECK(directory.error().is(Errc::refused));
}

TEST_CASE_FIXTURE(Slot, "bytes that could not be written are not forgotten when the storage recovers") {
    auto const image = test::noise(600'000, 14);
    auto target = open(image.size());
    REQUIRE(target.clear_head());
    REQUIRE(target.write(0, bytes(std::string_view{image}.substr(0, 300'000))));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto const handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit const none{.rlim_cur = 4096, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
    auto const synced = target.sync();
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    CHECK_FALSE(synced);

    CHECK_FALSE(target.sync());
    CHECK_FALSE(target.write_head());
    CHECK(content().starts_with(std::string(4096, '\0')));
}
