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
constexpr std::uint64_t kDigestsPerBlock = kVerityBlock / kDigest;

bool is_digest_at(std::vector<std::byte> const& tree, std::uint64_t offset, Sha256 const& digest) {
    return std::memcmp(tree.data() + offset, digest.data(), kDigest) == 0;
}

}   // namespace

std::vector<TreeLevel> tree_levels(std::uint64_t data_blocks) {
    std::vector<TreeLevel> levels;
    auto below = data_blocks;
    do {
        below = (below + kDigestsPerBlock - 1) / kDigestsPerBlock;
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

Result<HashTree> HashTree::check(std::vector<std::byte> tree,
                                 std::uint64_t data_blocks,
                                 Sha256 const& root,
                                 Sha256 const& salt) {
    if (data_blocks == 0 || tree.size() != tree_size(data_blocks))
        return fail(Errc::bad_input, "the hash tree has not the size that the data needs");
    auto const levels = tree_levels(data_blocks);
    auto const block_of = [&](TreeLevel const& level, std::uint64_t i) {
        return std::span<std::byte const>{tree}.subspan(level.offset + i * kVerityBlock, kVerityBlock);
    };
    if (verity_digest(salt, block_of(levels.front(), 0)) != root)
        return fail(Errc::bad_signature, "the hash tree does not match the signed root hash");
    for (std::size_t depth = 1; depth < levels.size(); ++depth) {
        for (std::uint64_t i = 0; i < levels[depth].blocks; ++i) {
            if (!is_digest_at(tree, levels[depth - 1].offset + i * kDigest,
                              verity_digest(salt, block_of(levels[depth], i))))
                return fail(Errc::bad_signature, "the hash tree does not match the signed root hash");
        }
    }
    HashTree checked;
    checked.leaves_ = levels.back().offset;
    checked.tree_ = std::move(tree);
    checked.data_blocks_ = data_blocks;
    checked.salt_ = salt;
    return checked;
}

bool HashTree::verify_block(std::uint64_t index, std::span<std::byte const> block) const {
    return index < data_blocks_ && block.size() == kVerityBlock &&
           is_digest_at(tree_, leaves_ + index * kDigest, verity_digest(salt_, block));
}

Result<void> HashTree::verify_blocks(std::uint64_t index, std::span<std::byte const> bytes) const {
    auto const blocks = bytes.size() / kVerityBlock;
    if (bytes.size() % kVerityBlock != 0 || index > data_blocks_ || blocks > data_blocks_ - index)
        return fail(Errc::bad_input, "these are not whole blocks of the bundle");
    for (std::uint64_t i = 0; i < blocks; ++i) {
        if (!verify_block(index + i, bytes.subspan(i * kVerityBlock, kVerityBlock)))
            return fail(Errc::bad_signature, "block " + std::to_string(index + i) +
                                                 " of the bundle does not match the signed hash tree");
    }
    return {};
}

}   // namespace ota
