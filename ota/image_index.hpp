#pragma once
// Which blocks an image is made of: what an index file is made of when a bundle is made, and what the device
// compares it with (ota/block_index.hpp). All of it blocks: use it on the pool.

#include "core/owned.hpp"
#include "ota/block_index.hpp"
#include "ota/squashfs_blocks.hpp"

#include <filesystem>
#include <vector>

namespace ota {

// Hashes blocks of one file, some at a time, so that a cancellation is never far away.
class BlockHasher {
public:
    // Errors: errno's.
    static core::Result<BlockHasher> open(std::filesystem::path path, std::vector<StoredBlock> blocks);

    // About 8 MiB; true when all blocks are hashed. Errors: io (also: the file is shorter than its blocks).
    core::Result<bool> hash_some();
    // In the order of the blocks; once hash_some has said true.
    std::vector<IndexedBlock> take() { return std::move(hashed_); }

private:
    std::filesystem::path path_;
    core::OwnedFd fd_;
    std::vector<StoredBlock> blocks_;
    std::vector<IndexedBlock> hashed_;
    std::vector<std::byte> room_;
};

// A file in blocks of 128 KiB, the last one shorter: how files of a boot partition are compared.
// Errors: errno's.
core::Result<std::vector<StoredBlock>> file_blocks(std::filesystem::path const& path);

// The index of a squashfs image.
core::Result<std::vector<IndexedBlock>> index_squashfs(std::filesystem::path const& image);

// The index of a boot image whose files are also in `directory`: the blocks of each file that lies in one
// piece in the image, at a multiple of 512. Errors: errno's, too_large (an image over 1 GiB).
core::Result<std::vector<IndexedBlock>> index_boot_image(std::filesystem::path const& image,
                                                         std::filesystem::path const& directory);

}   // namespace ota
