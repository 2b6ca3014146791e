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
#include <string>
#include <vector>

namespace ota {

inline constexpr std::size_t kVerityBlock = 4096;
inline constexpr std::uint64_t kBlocksPerLeaf =
    128;   // data blocks that one block of the leaf level vouches for

struct TreeLevel {
    std::uint64_t offset = 0;   // in the tree, bytes
    std::uint64_t blocks = 0;
    bool operator==(TreeLevel const&) const = default;
};

// Top level first, at least one.
std::vector<TreeLevel> tree_levels(std::uint64_t data_blocks);
std::uint64_t tree_size(std::uint64_t data_blocks);   // bytes

core::Sha256 verity_digest(core::Sha256 const& salt, std::span<std::byte const> block);

// Consecutive blocks of the tree's leaf level that lead to the root hash: they vouch for 512 KiB of data
// each.
class Leaves {
public:
    bool covers(std::uint64_t index) const noexcept { return index >= first_ && index < end_; }

    // Whether `block`, of exactly 4096 bytes, is the data block number `index`.
    bool verify_block(std::uint64_t index, std::span<std::byte const> block) const;

    // `bytes` begin at data block `index`. Errors: bad_signature, naming the first wrong block; bad_input
    // (not whole blocks of the data, or other ones than these leaves vouch for).
    core::Result<void> verify_blocks(std::uint64_t index, std::span<std::byte const> bytes) const;

private:
    friend class HashTree;
    Leaves() = default;

    std::string bytes_;
    std::uint64_t first_ = 0;   // data blocks
    std::uint64_t end_ = 0;
    core::Sha256 salt_{};
};

// The levels above the leaves, which the root hash vouches for: 1/128 of the tree. Leaves are checked against
// them as they are needed, so that a large bundle's tree need not be held.
class HashTree {
public:
    // `upper`: everything before the leaf level; empty where the leaves are the top.
    // Errors: bad_input (not the size that `data_blocks` needs), bad_signature (does not lead to `root`).
    static core::Result<HashTree>
    check(std::string upper, std::uint64_t data_blocks, core::Sha256 const& root, core::Sha256 const& salt);

    std::uint64_t data_blocks() const noexcept { return data_blocks_; }
    std::uint64_t upper_size() const noexcept { return upper_.size(); }

    // `bytes` are whole blocks of the leaf level from number `first_leaf` on.
    // Errors: bad_input (not whole blocks of it), bad_signature.
    core::Result<Leaves> check_leaves(std::uint64_t first_leaf, std::string bytes) const;

private:
    HashTree() = default;

    std::string upper_;
    std::uint64_t parents_ = 0;   // where the level above the leaves begins in upper_
    std::uint64_t leaf_blocks_ = 0;
    std::uint64_t data_blocks_ = 0;
    core::Sha256 root_{};
    core::Sha256 salt_{};
};

}   // namespace ota
