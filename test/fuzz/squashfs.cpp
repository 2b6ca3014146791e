// Verified but hostile: a squashfs that was signed and lies. Whatever is accepted must not lead outside of
// the data.
//
// An input is the boot image's size, the root file system's, 4096-byte blocks between the first one and the
// tables, all little-endian (8, 8 and 4 bytes), then the squashfs' first 4096 bytes and its tables.

#include "ota/squashfs.hpp"
#include "fuzz.hpp"

#include <algorithm>

using fuzz::must;
using ota::Target;
using ota::Use;

namespace {

constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kMostGap = (8ull << 30) / kBlock;   // a bundle is at most 8 GiB
constexpr std::uint64_t kLargestTables = 4 * 1024 * 1024;   // as ota/bundle_fetch.cpp

std::vector<std::byte> bytes_of(std::string_view text) {
    auto const bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

void hold(ota::Layout const& layout, Use const& use, std::uint64_t data_end) {
    must(use.length > 0, "a use is of some bytes");
    must(use.offset <= data_end && use.stored <= data_end - use.offset,
         "a stored block lies before the tables");
    must(use.stored <= layout.block_size, "a stored block is not larger than a block");
    auto const inflated = use.stored == 0 || use.compressed ? layout.block_size : use.stored;
    must(std::uint64_t{use.block_offset} + use.length <= inflated, "a use lies in its block");
}

// The uses of one image are all of it, each byte once.
void hold_whole(std::vector<Use> uses, Target image, std::uint64_t size) {
    std::erase_if(uses, [&](Use const& use) { return use.image != image; });
    std::ranges::sort(uses, {}, &Use::image_offset);
    std::uint64_t end = 0;
    for (auto const& use : uses) {
        must(use.image_offset == end, "an image's uses follow each other");
        end += use.length;
    }
    must(end == size, "an image's uses are the whole image");
}

void hold_apart(std::vector<Use> const& uses) {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    for (auto const& use : uses) {
        must(use.offset >= begin, "uses come by offset");
        if (use.stored > 0)
            must(use.offset >= end || use.offset + use.stored == end, "stored blocks do not overlap");
        begin = use.offset;
        end = std::max(end, use.offset + use.stored);
    }
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    fuzz::Input input{bytes, size};
    ota::Manifest manifest;
    manifest.boot = {.filename = "boot.img", .sha256 = {}, .size = input.take<std::uint64_t>()};
    manifest.rootfs = {.filename = "rootfs.img", .sha256 = {}, .size = input.take<std::uint64_t>()};
    auto const tables_at = kBlock * (1 + input.take<std::uint32_t>() % kMostGap);
    ota::SquashfsParts parts{.first = bytes_of(input.take_text(kBlock)), .tables = bytes_of(input.rest())};
    if (parts.first.size() < kBlock || manifest.boot.size == 0 || manifest.rootfs.size == 0) return 0;
    parts.tables.resize((parts.tables.size() + kBlock - 1) / kBlock * kBlock);
    parts.size = tables_at + parts.tables.size();

    auto const start = ota::tables_start(parts.first, parts.size);
    must(start.has_value() || !start.error().context.empty(), "a refusal is a sentence");
    if (!start) return 0;
    must(*start < parts.size, "the tables lie in the squashfs");
    if (parts.size - *start > kLargestTables) return 0;
    if (*start < tables_at)   // then they would have been fetched, and be something
        parts.tables.insert(parts.tables.begin(), tables_at - *start / kBlock * kBlock, std::byte{});

    auto const layout = ota::find_images(parts, manifest);
    must(layout.has_value() || !layout.error().context.empty(), "a refusal is a sentence");
    if (!layout) return 0;
    must(layout->block_size >= kBlock && layout->block_size <= 1 << 20, "a block is 4 KiB to 1 MiB");
    for (auto const* uses : {&layout->uses, &layout->boot_index, &layout->rootfs_index})
        for (auto const& use : *uses) hold(*layout, use, *start);
    hold_whole(layout->uses, Target::boot, manifest.boot.size);
    hold_whole(layout->uses, Target::rootfs, manifest.rootfs.size);
    hold_apart(layout->uses);
    return 0;
}
