// How the images' bytes reach a slot: past the page cache, where that is possible.

#include "ota/slot_target.hpp"

#include "support/loop_device.hpp"
#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"
#include "support/write_recorder.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using ota::SlotTarget;
using Kind = test::DiskOp::Kind;

namespace {

constexpr std::size_t kBlock = 4096;
constexpr std::size_t kGathered = 512 * 1024;

struct World {
    test::TemporaryDirectory at;   // on a disk's file system: a tmpfs may take no O_DIRECT
    std::string const old = test::noise(2'000 * 1'024, 11);
    std::string const image = test::noise(1'500'001, 12);
    std::filesystem::path slot = at / "slot";
    std::filesystem::path target = slot;

    World() { test::write_whole(slot, old); }

    // In pieces that end anywhere, as a stream brings them.
    core::Result<void> write_image() {
        auto opened = SlotTarget::open(target, image.size());
        if (!opened) return opened.error();
        if (auto ok = opened->clear_head(); !ok) return ok;
        for (std::size_t i = 0; i < image.size(); i += 70'001) {
            auto const piece = std::string_view{image}.substr(i, 70'001);
            if (auto ok = opened->write(i, std::as_bytes(std::span{piece})); !ok) return ok;
        }
        if (auto ok = opened->sync(); !ok) return ok;
        return opened->write_head();
    }
    bool is_written() const { return test::read_whole(slot) == image + old.substr(image.size()); }
};

std::size_t bytes_of(std::vector<test::DiskOp> const& ops, bool direct) {
    std::size_t sum = 0;
    for (auto const& op : ops)
        if (op.kind == Kind::write && op.direct == direct) sum += op.bytes.size();
    return sum;
}

void check_all_went_past_the_cache(std::vector<test::DiskOp> const& ops, std::size_t image_size) {
    // All but the head, which comes twice, and what is no whole block at the end.
    CHECK(bytes_of(ops, true) == (image_size - ota::kSlotHead) / kBlock * kBlock);
    CHECK(bytes_of(ops, false) == 2 * ota::kSlotHead + image_size % kBlock);
    std::size_t largest = 0;
    for (auto const& op : ops) {
        if (!op.direct) continue;
        CHECK(op.offset % kBlock == 0);
        CHECK(op.bytes.size() % kBlock == 0);
        largest = std::max(largest, op.bytes.size());
    }
    CHECK(largest == kGathered);
}

}   // namespace

TEST_CASE_FIXTURE(World, "every whole block of an image goes past the page cache of a file") {
    test::WriteRecorder const recorder{at.path()};
    REQUIRE(write_image());
    CHECK(is_written());
    check_all_went_past_the_cache(recorder.ops(), image.size());
}

TEST_CASE_FIXTURE(World, "every whole block of an image goes past the page cache of a block device") {
    test::LoopDevice const device{slot};
    target = device.node;
    test::WriteRecorder const recorder{at.path()};
    REQUIRE(write_image());
    CHECK(is_written());
    check_all_went_past_the_cache(recorder.ops(), image.size());
}

TEST_CASE_FIXTURE(World, "a slot that takes no direct writes is written through the page cache") {
    test::WriteRecorder recorder{at.path()};
    int refused = 0;
    SUBCASE("a file system without them") {
        recorder.refuse_direct();
    }
    SUBCASE("a device whose sectors are larger than the writes") {
        recorder.on_the_way([&](test::DiskOp const& op) {
            refused += op.direct ? 1 : 0;
            return op.direct ? EINVAL : 0;
        });
    }
    REQUIRE(write_image());
    CHECK(is_written());
    CHECK(bytes_of(recorder.ops(), true) == 0);
    CHECK(refused <= 1);   // it is not asked for each time anew
}

TEST_CASE_FIXTURE(World, "a write that is refused for another reason is an error, direct or not") {
    test::WriteRecorder recorder{at.path()};
    bool direct = true;
    int why = EIO;
    SUBCASE("direct") {}
    SUBCASE("through the page cache") {
        direct = false;
        why = EINVAL;
    }
    recorder.on_the_way(
        [&](test::DiskOp const& op) { return op.direct == direct && op.offset >= ota::kSlotHead ? why : 0; });
    auto const got = write_image();
    REQUIRE_FALSE(got);
    CHECK_MESSAGE(got.error().context.find("writing " + slot.string()) != std::string::npos,
                  got.error().text());
    CHECK(test::read_whole(slot).starts_with(std::string(ota::kSlotHead, '\0')));
}
