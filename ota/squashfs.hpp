#pragma once
// What a bundle's squashfs says about where its images lie. By libsquashfs, over bytes that are already
// verified.
//
// Only the superblock and the tables are read, never a data block (squashfs-tools-ng, sqfs/dir_reader.h).

#include "core/result.hpp"
#include "ota/bundle_plan.hpp"
#include "ota/manifest.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ota {

// The first verity block and the end of a squashfs, verified.
struct SquashfsParts {
    std::vector<std::byte> first;    // 4096 bytes: superblock and compressor options
    std::vector<std::byte> tables;   // the last bytes of the squashfs
    std::uint64_t size = 0;          // of the whole
};

// Offset of the first table: `tables` must reach back to there.
// Errors: bad_input (no squashfs, or a superblock that cannot be).
core::Result<std::uint64_t> tables_start(std::span<std::byte const> first, std::uint64_t size);

// Errors: bad_input (an image is missing, is no file or has another size than the manifest says; blocks out
// of bounds; damaged tables; a compression other than gzip, xz, lz4, zstd).
core::Result<Layout> find_images(SquashfsParts const& parts, Manifest const& manifest);

}   // namespace ota
