// One context per block on the stack: EVP would allocate one for each 4 KiB.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "ota/verity.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

namespace ota {

using core::Errc;
using core::fail;
using core::Result;
using core::Sha256;

namespace {

constexpr std::uint64_t kDigest = sizeof(Sha256);
constexpr char const* kNotSigned = "the hash tree does not match the signed root hash";
static_assert(kVerityBlock / kDigest == kBlocksPerLeaf);

bool is_digest_at(std::string_view tree, std::uint64_t offset, Sha256 const& digest) {
    return std::memcmp(tree.data() + offset, digest.data(), kDigest) == 0;
}

std::span<std::byte const> block_at(std::string_view tree, std::uint64_t offset) {
    return std::as_bytes(std::span{tree}).subspan(offset, kVerityBlock);
}

}   // namespace

std::vector<TreeLevel> tree_levels(std::uint64_t data_blocks) {
    std::vector<TreeLevel> levels;
    auto below = data_blocks;
    do {
        below = (below + kBlocksPerLeaf - 1) / kBlocksPerLeaf;
        levels.push_back({.offset = 0, .blocks = below});
    } while (below > 1);
    std::ranges::reverse(levels);
    for (std::size_t i = 1; i < levels.size(); ++i)
        levels[i].offset = levels[i - 1].offset + levels[i - 1].blocks * kVerityBlock;
    return levels;
}

std::uint64_t tree_size(std::uint64_t data_blocks) {
    auto const leaves = tree_levels(data_blocks).back();
    return leaves.offset + leaves.blocks * kVerityBlock;
}

Sha256 verity_digest(Sha256 const& salt, std::span<std::byte const> block) {
    SHA256_CTX context;
    Sha256 digest;
    SHA256_Init(&context);
    SHA256_Update(&context, salt.data(), salt.size());
    SHA256_Update(&context, block.data(), block.size());
    SHA256_Final(digest.data(), &context);
    return digest;
}

Result<HashTree>
HashTree::check(std::string upper, std::uint64_t data_blocks, Sha256 const& root, Sha256 const& salt) {
    if (data_blocks == 0) return fail(Errc::bad_input, "a bundle without data has no hash tree");
    auto const levels = tree_levels(data_blocks);
    if (upper.size() != levels.back().offset)
        return fail(Errc::bad_input, "the hash tree has not the size that the data needs");
    for (std::size_t depth = 0; depth + 1 < levels.size(); ++depth) {
        for (std::uint64_t i = 0; i < levels[depth].blocks; ++i) {
            auto const digest = verity_digest(salt, block_at(upper, levels[depth].offset + i * kVerityBlock));
            bool const good = depth == 0
                                  ? digest == root
                                  : is_digest_at(upper, levels[depth - 1].offset + i * kDigest, digest);
            if (!good) return fail(Errc::bad_signature, kNotSigned);
        }
    }
    HashTree checked;
    checked.parents_ = levels.size() > 1 ? levels[levels.size() - 2].offset : 0;
    checked.leaf_blocks_ = levels.back().blocks;
    checked.upper_ = std::move(upper);
    checked.data_blocks_ = data_blocks;
    checked.root_ = root;
    checked.salt_ = salt;
    return checked;
}

Result<Leaves> HashTree::check_leaves(std::uint64_t first_leaf, std::string bytes) const {
    auto const blocks = bytes.size() / kVerityBlock;
    if (bytes.size() % kVerityBlock != 0 || blocks == 0 || first_leaf >= leaf_blocks_ ||
        blocks > leaf_blocks_ - first_leaf)
        return fail(Errc::bad_input, "these are not whole blocks of the hash tree's leaves");
    for (std::uint64_t i = 0; i < blocks; ++i) {
        auto const digest = verity_digest(salt_, block_at(bytes, i * kVerityBlock));
        bool const good = upper_.empty()
                              ? digest == root_
                              : is_digest_at(upper_, parents_ + (first_leaf + i) * kDigest, digest);
        if (!good) return fail(Errc::bad_signature, kNotSigned);
    }
    Leaves leaves;
    leaves.bytes_ = std::move(bytes);
    leaves.first_ = first_leaf * kBlocksPerLeaf;
    leaves.end_ = std::min(data_blocks_, (first_leaf + blocks) * kBlocksPerLeaf);
    leaves.salt_ = salt_;
    return leaves;
}

bool Leaves::verify_block(std::uint64_t index, std::span<std::byte const> block) const {
    return covers(index) && block.size() == kVerityBlock &&
           is_digest_at(bytes_, (index - first_) * kDigest, verity_digest(salt_, block));
}

Result<void> Leaves::verify_blocks(std::uint64_t index, std::span<std::byte const> bytes) const {
    auto const blocks = bytes.size() / kVerityBlock;
    if (bytes.size() % kVerityBlock != 0 || index < first_ || index > end_ || blocks > end_ - index)
        return fail(Errc::bad_input, "these are not whole blocks of the bundle");
    for (std::uint64_t i = 0; i < blocks; ++i) {
        if (!verify_block(index + i, bytes.subspan(i * kVerityBlock, kVerityBlock)))
            return fail(Errc::bad_signature, "block " + std::to_string(index + i) +
                                                 " of the bundle does not match the signed hash tree");
    }
    return {};
}

}   // namespace ota
