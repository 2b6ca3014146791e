#include "ota/segments.hpp"

#include <doctest/doctest.h>

#include <random>

using ota::Copy;
using ota::RawRun;
using ota::Segment;
using ota::Target;
using ota::Use;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

Use raw(std::uint64_t offset, std::uint32_t stored, std::uint64_t image_offset) {
    return {.offset = offset,
            .stored = stored,
            .image = Target::rootfs,
            .length = stored,
            .image_offset = image_offset};
}
Segment net(std::uint64_t begin, std::uint64_t end) {
    return {.offset = begin, .size = end - begin, .from = std::nullopt};
}
Segment local(std::uint64_t begin, std::uint64_t end, Copy from) {
    from.offset = begin;
    from.size = end - begin;
    return {.offset = begin, .size = end - begin, .from = from};
}
Copy copy(std::uint64_t offset, std::uint64_t size, std::uint32_t file, std::uint64_t file_offset) {
    return {.offset = offset, .size = size, .file = file, .file_offset = file_offset};
}

}   // namespace

TEST_CASE("what is needed are whole verity blocks, and what lies near each other is one stretch") {
    CHECK(ota::needed_stretches({}).empty());
    CHECK(ota::needed_stretches({raw(5'000, 100, 0)}) == std::vector{net(4'096, 8'192)});
    CHECK(ota::needed_stretches({raw(4'000, 200, 0)}) == std::vector{net(0, 8'192)});
    CHECK(ota::needed_stretches({raw(0, 4'096, 0), raw(4'096, 4'096, 4'096)}) == std::vector{net(0, 8'192)});
    CHECK(ota::needed_stretches({raw(0, 4'096, 0), raw(kMiB, 4'096, 4'096)}) ==
          std::vector{net(0, 4'096), net(kMiB, kMiB + 4'096)});
    // 16 KiB between them are less than another request costs
    CHECK(ota::needed_stretches({raw(0, 4'096, 0), raw(20'480, 4'096, 4'096)}) ==
          std::vector{net(0, 24'576)});
    // a stretch of zeros is not stored
    CHECK(ota::needed_stretches({{.offset = 9'000, .stored = 0, .length = 5}}).empty());
    // two uses of one stored block
    CHECK(ota::needed_stretches({raw(0, 9'000, 0), raw(0, 9'000, kMiB)}) == std::vector{net(0, 12'288)});
}

TEST_CASE("a stretch is cut up into what is copied and what is fetched") {
    std::vector const stretch{net(0, kMiB)};
    CHECK(ota::cut_up(stretch, {}) == stretch);
    auto const half = copy(0, kMiB / 2, 1, 77);
    CHECK(ota::cut_up(stretch, {half}) == std::vector{local(0, kMiB / 2, half), net(kMiB / 2, kMiB)});
    auto const all = copy(0, 4 * kMiB, 1, 77);
    CHECK(ota::cut_up(stretch, {all}) == std::vector{local(0, kMiB, all)});
    auto const middle = copy(100'000, 200'000, 2, 5);
    CHECK(ota::cut_up(stretch, {middle}) ==
          std::vector{net(0, 100'000), local(100'000, 300'000, middle), net(300'000, kMiB)});
    // outside of what is needed
    CHECK(ota::cut_up(stretch, {copy(2 * kMiB, kMiB, 1, 0)}) == stretch);
}

TEST_CASE("copies that follow each other in bundle and file are read as one") {
    std::vector const stretch{net(0, kMiB)};
    auto const one = copy(0, 100'000, 1, 50);
    CHECK(ota::cut_up(stretch, {one, copy(100'000, kMiB, 1, 100'050)}) == std::vector{local(0, kMiB, one)});
    auto const other = copy(100'000, kMiB - 100'000, 1, 100'051);
    CHECK(ota::cut_up(stretch, {one, other}) ==
          std::vector{local(0, 100'000, one), local(100'000, kMiB, other)});
}

TEST_CASE("of two copies of the same bytes the first named counts") {
    std::vector const stretch{net(0, kMiB)};
    auto const in_place = Copy{.offset = 0, .size = 300'000, .file = 0, .file_offset = 9, .in_place = true};
    auto const running = copy(0, kMiB, 1, 1'000);
    auto rest = running;
    rest.file_offset = 301'000;
    CHECK(ota::cut_up(stretch, {in_place, running}) ==
          std::vector{local(0, 300'000, in_place), local(300'000, kMiB, rest)});
}

TEST_CASE("a copy that is not worth a request of its own is fetched") {
    std::vector const stretch{net(0, kMiB)};
    CHECK(ota::cut_up(stretch, {copy(500'000, 16'000, 1, 0)}) == stretch);
    // but not when everything around it is copied too
    auto const one = copy(0, 500'000, 1, 0);
    auto const small = copy(500'000, 100, 2, 0);
    auto const two = copy(500'100, kMiB - 500'100, 3, 0);
    CHECK(ota::bytes_to_fetch(ota::cut_up(stretch, {one, small, two})) == 0);
}

TEST_CASE("whatever is copied, every needed byte comes exactly once and from its own place") {
    std::mt19937 random{5};
    auto const up_to = [&](std::uint64_t most) { return random() % most; };
    for (int round = 0; round < 500; ++round) {
        CAPTURE(round);
        std::vector<Use> uses;
        for (std::uint64_t at = up_to(100'000); at < 3 * kMiB; at += up_to(200'000)) {
            auto const size = static_cast<std::uint32_t>(1 + up_to(131'072));
            uses.push_back(raw(at, size, 0));
            at += size;
        }
        std::vector<Copy> copies;   // file 1 holds the bundle shifted by 1000
        for (auto i = up_to(20); i-- > 0;) {
            auto const at = up_to(3 * kMiB);
            copies.push_back(copy(at, 1 + up_to(300'000), 1, at + 1'000));
        }
        auto const stretches = ota::needed_stretches(uses);
        auto const segments = ota::cut_up(stretches, copies);
        std::size_t next = 0;
        for (auto const& stretch : stretches)
            for (auto at = stretch.offset; at < stretch.end(); ++next) {
                REQUIRE(next < segments.size());
                CHECK(segments[next].offset == at);
                CHECK(segments[next].size > 0);
                if (auto const& from = segments[next].from) {
                    CHECK(from->file_offset == at + 1'000);
                    CHECK(from->size == segments[next].size);
                }
                at = segments[next].end();
                CHECK(at <= stretch.end());
            }
        CHECK(next == segments.size());
    }
}

TEST_CASE("pieces are whole verity blocks and keep what is in place apart") {
    auto in_place = copy(300'000, 600'000, 0, 9);
    in_place.in_place = true;
    std::vector const stretches{net(0, kMiB), net(2 * kMiB, 2 * kMiB + 8'192)};
    auto const segments = ota::cut_up(stretches, {copy(100, 100'000, 1, 0), in_place});
    struct Seen {
        std::uint64_t offset;
        std::uint64_t size;
        bool in_place;
        std::size_t parts;
        bool operator==(Seen const&) const = default;
    };
    std::vector<Seen> seen;
    std::size_t index = 0;
    for (std::uint64_t at = 0; index < segments.size();) {
        auto const piece = ota::next_piece(segments, index, at, 262'144);
        REQUIRE(piece.size > 0);
        CHECK(piece.size % 4'096 == 0);
        seen.push_back({piece.offset, piece.size, piece.in_place, piece.parts.size()});
        at = piece.offset + piece.size;
        while (index < segments.size() && segments[index].end() <= at) ++index;
        if (index < segments.size()) at = std::max(at, segments[index].offset);
    }
    CHECK(seen == std::vector<Seen>{{0, 262'144, false, 3},        // fetched, copied, fetched
                                    {262'144, 40'960, false, 2},   // up to the first whole block in place
                                    {303'104, 262'144, true, 1},
                                    {565'248, 262'144, true, 1},
                                    {827'392, 69'632, true, 1},
                                    {897'024, 151'552, false, 2},
                                    {2 * kMiB, 8'192, false, 1}});
}

TEST_CASE("raw runs join what is one piece in image and bundle") {
    std::vector<Use> uses{raw(1'000, 131'072, 0), raw(132'072, 131'072, 131'072), raw(400'000, 500, 262'144)};
    CHECK(ota::raw_runs(uses, Target::rootfs) ==
          std::vector<RawRun>{{0, 1'000, 262'144}, {262'144, 400'000, 500}});
    CHECK(ota::raw_runs(uses, Target::boot).empty());
    uses[1].compressed = true;
    CHECK(ota::raw_runs(uses, Target::rootfs) ==
          std::vector<RawRun>{{0, 1'000, 131'072}, {262'144, 400'000, 500}});
}

TEST_CASE("a stretch of an image serves the bundle where the image lies in it as it is") {
    std::vector<RawRun> const runs{{0, 1'000, 100'000}, {200'000, 500'000, 50'000}};
    std::vector<Copy> copies;
    ota::add_copies(copies, runs, 50'000, 160'000, {.file = 3, .file_offset = 7});
    CHECK(copies == std::vector<Copy>{copy(51'000, 50'000, 3, 7), copy(500'000, 10'000, 3, 150'007)});
    copies.clear();
    ota::add_copies(copies, runs, 100'000, 100'000, {.file = 3});
    CHECK(copies.empty());
    ota::add_copies(copies, runs, 260'000, 10, {.file = 3});
    CHECK(copies.empty());
}
