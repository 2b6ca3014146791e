// The hash tree's geometry at any size, and trees whose upper levels were signed and mean something else.

#include "ota/verity.hpp"
#include "fuzz.hpp"

using fuzz::must;
using ota::kVerityBlock;

namespace {

void hold_geometry(std::uint64_t blocks) {
    auto const levels = ota::tree_levels(blocks);
    must(!levels.empty() && levels.front().offset == 0 && levels.front().blocks == 1, "the top is one block");
    for (std::size_t i = 0; i < levels.size(); ++i) {
        auto const below = i + 1 < levels.size() ? levels[i + 1].blocks : blocks;
        must(levels[i].blocks == (below + ota::kBlocksPerLeaf - 1) / ota::kBlocksPerLeaf,
             "a level has a digest for each block below");
        must(i == 0 || levels[i].offset == levels[i - 1].offset + levels[i - 1].blocks * kVerityBlock,
             "levels follow each other");
    }
    must(ota::tree_size(blocks) == levels.back().offset + levels.back().blocks * kVerityBlock,
         "a tree is as large as its levels");
}

// What a signer may sign: a root over any top block.
void read_tree(std::uint64_t blocks, std::uint64_t first_leaf, std::string_view bytes) {
    core::Sha256 salt{};
    auto const upper_size = ota::tree_levels(blocks).back().offset;
    auto const upper = bytes.substr(0, upper_size);
    auto const top = bytes.substr(0, kVerityBlock);
    auto const root = ota::verity_digest(salt, std::as_bytes(std::span{top}));
    auto const tree = ota::HashTree::check(std::string{upper}, blocks, root, salt);
    must(tree.has_value() || !tree.error().context.empty(), "a refusal is a sentence");
    if (!tree) return;
    must(tree->data_blocks() == blocks && tree->upper_size() == upper_size,
         "a tree is of the data it was checked for");

    auto const leaves = tree->check_leaves(first_leaf, std::string{bytes.substr(upper.size())});
    must(leaves.has_value() || !leaves.error().context.empty(), "a refusal is a sentence");
    if (!leaves) return;
    auto const first = first_leaf * ota::kBlocksPerLeaf;
    must(leaves->covers(first) && !leaves->covers(blocks), "leaves vouch for blocks of the data");
    (void)leaves->verify_blocks(first, std::as_bytes(std::span{bytes}));
    must(!leaves->verify_block(blocks, std::as_bytes(std::span{top})),
         "no block behind the data is vouched for");
}

// A good tree over `data` and the same with one bit changed.
void hold_good_and_bad(std::string_view data, std::uint32_t where) {
    core::Sha256 salt{};
    std::string leaf;
    for (std::size_t at = 0; at < data.size(); at += kVerityBlock) {
        auto const digest = ota::verity_digest(salt, std::as_bytes(std::span{data.substr(at, kVerityBlock)}));
        leaf.append(reinterpret_cast<char const*>(digest.data()), digest.size());
    }
    leaf.resize(kVerityBlock);
    auto const root = ota::verity_digest(salt, std::as_bytes(std::span{leaf}));
    auto const tree = ota::HashTree::check("", data.size() / kVerityBlock, root, salt);
    must(tree.has_value(), "a good tree is accepted");
    must(tree->check_leaves(0, leaf).has_value(), "good leaves are accepted");
    auto bad = leaf;
    bad[where % bad.size()] = static_cast<char>(bad[where % bad.size()] ^ (1 << (where >> 16) % 8));
    must(!tree->check_leaves(0, bad), "a changed bit in the leaves is noticed");

    auto const leaves = tree->check_leaves(0, leaf);
    must(leaves->verify_blocks(0, std::as_bytes(std::span{data})).has_value(), "good data is accepted");
    std::string changed{data};
    changed[where % changed.size()] =
        static_cast<char>(changed[where % changed.size()] ^ (1 << (where >> 16) % 8));
    must(!leaves->verify_blocks(0, std::as_bytes(std::span{changed})),
         "a changed bit in the data is noticed");
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    fuzz::Input input{bytes, size};
    auto const blocks = input.take<std::uint64_t>();
    auto const first_leaf = input.take<std::uint64_t>();
    auto const where = input.take<std::uint32_t>();
    constexpr std::uint64_t kMostBlocks = (8ull << 30) / kVerityBlock;   // a bundle is at most 8 GiB
    hold_geometry(blocks % kMostBlocks + 1);
    read_tree(blocks % kMostBlocks, first_leaf, input.rest());
    auto const data = input.rest().substr(0, input.rest().size() / kVerityBlock * kVerityBlock);
    if (!data.empty() && data.size() <= ota::kBlocksPerLeaf * kVerityBlock) hold_good_and_bad(data, where);
    return 0;
}
