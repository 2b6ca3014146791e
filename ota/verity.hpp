#pragma once
// The dm-verity hash tree behind a bundle's squashfs: version 1, SHA-256, blocks of 4096 bytes, no
// superblock.
//
// A node is SHA256(salt || block), 128 of them to a hash block, the rest of it zero. The top level lies
// first, the leaves last; the root hash, of the top block, is in the signed manifest (RAUC
// src/verity_hash.c). Pure.

#include "core/result.hpp"
#include "core/sha256.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ota {

inline constexpr std::size_t kVerityBlock = 4096;

struct TreeLevel {
    std::uint64_t offset = 0;   // in the tree, bytes
    std::uint64_t blocks = 0;
    bool operator==(TreeLevel const&) const = default;
};

// Top level first, at least one.
std::vector<TreeLevel> tree_levels(std::uint64_t data_blocks);
std::uint64_t tree_size(std::uint64_t data_blocks);   // bytes

core::Sha256 verity_digest(core::Sha256 const& salt, std::span<std::byte const> block);

// A tree that the root hash vouches for; then every data block can be checked, in any order.
class HashTree {
public:
    // Errors: bad_input (not the size that `data_blocks` needs), bad_signature (does not lead to `root`).
    static core::Result<HashTree> check(std::vector<std::byte> tree,
                                        std::uint64_t data_blocks,
                                        core::Sha256 const& root,
                                        core::Sha256 const& salt);

    std::uint64_t data_blocks() const noexcept { return data_blocks_; }

    // Whether `block`, of exactly 4096 bytes, is the data block number `index`.
    bool verify_block(std::uint64_t index, std::span<std::byte const> block) const;

    // `bytes` begin at data block `index`. Errors: bad_signature, naming the first wrong block; bad_input
    // (not whole blocks of the data).
    core::Result<void> verify_blocks(std::uint64_t index, std::span<std::byte const> bytes) const;

private:
    HashTree() = default;

    std::vector<std::byte> tree_;
    std::uint64_t leaves_ = 0;   // where they begin in tree_
    std::uint64_t data_blocks_ = 0;
    core::Sha256 salt_{};
};

}   // namespace ota
