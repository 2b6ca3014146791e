#pragma once
// The index beside an image in a bundle: which blocks the image is made of, so that a device can tell which
// of them it has already. A file <image>.index in the bundle's squashfs; RAUC ignores it, the hash tree
// covers it.
//
// It is a hint: bytes found by it are checked against the signed hash tree like those that were fetched, so a
// wrong index costs bandwidth, never correctness. Format (integers little-endian): "ATOMIXI1", then for each
// block, by offset: 8 bytes of its SHA-256, 4 bytes gap to the end of the block before, 4 bytes size. Pure.

#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ota {

inline constexpr std::string_view kIndexSuffix = ".index";

using BlockHash = std::uint64_t;   // the first 8 bytes of the SHA-256

struct IndexedBlock {
    std::uint64_t offset = 0;   // in the image
    std::uint32_t size = 0;
    BlockHash hash = 0;
    bool operator==(IndexedBlock const&) const = default;
};

BlockHash block_hash(std::span<std::byte const> block);

// `blocks` by offset, none over another, no gap of 4 GiB.
std::string print_index(std::vector<IndexedBlock> const& blocks);

// Errors: bad_input (no index, cut, a block outside of an image of `image_size` bytes).
core::Result<std::vector<IndexedBlock>> parse_index(std::string_view bytes, std::uint64_t image_size);

}   // namespace ota
