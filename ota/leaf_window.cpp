#include "ota/leaf_window.hpp"

#include <algorithm>

namespace ota {

using core::fail;

namespace {

constexpr std::uint64_t kMostLeafBlocks = 256;   // for 128 MiB of the bundle

core::ByteRange range_of_leaves(BundleHead const& head, HashTree const& tree, std::uint64_t first_leaf) {
    auto const all = (tree.data_blocks() + kBlocksPerLeaf - 1) / kBlocksPerLeaf;
    auto const count = std::min(kMostLeafBlocks, all - first_leaf);
    auto const at = head.data_size + tree.upper_size() + first_leaf * kVerityBlock;
    return {.first = at, .last = at + count * kVerityBlock - 1};
}

}   // namespace

Task<Result<std::shared_ptr<Leaves const>>>
checked_leaves(core::Workers& workers, HashTree const& tree, std::uint64_t first_leaf, std::string bytes) {
    auto check = [&tree, first_leaf, kept = std::move(bytes)]() mutable {
        return tree.check_leaves(first_leaf, std::move(kept));
    };
    auto leaves = co_await workers.run(std::move(check));
    if (!leaves) co_return leaves.error();
    co_return std::make_shared<Leaves const>(std::move(*leaves));
}

Task<Result<std::shared_ptr<Leaves const>>> fetch_leaves(RangeReader& reader,
                                                         core::Workers& workers,
                                                         BundleHead const& head,
                                                         HashTree const& tree,
                                                         std::uint64_t first_block) {
    auto const first_leaf = first_block / kBlocksPerLeaf;
    auto const range = range_of_leaves(head, tree, first_leaf);
    auto bytes = co_await reader.fetch(*range.first, range.last + 1);
    if (!bytes) co_return fail(bytes, "fetching the bundle's hash tree");
    co_return co_await checked_leaves(workers, tree, first_leaf, std::move(*bytes));
}

Task<Result<std::shared_ptr<Leaves const>>> leaves_for(RangeReader& reader,
                                                       core::Workers& workers,
                                                       std::shared_ptr<BundlePlan const> plan,
                                                       std::shared_ptr<Leaves const>& window,
                                                       std::uint64_t first_block,
                                                       std::uint64_t end_block) {
    if (plan->leaves) co_return plan->leaves;
    if (window && window->covers(first_block) && window->covers(end_block - 1)) co_return window;
    auto const leaves = co_await fetch_leaves(reader, workers, plan->head, plan->tree, first_block);
    if (leaves) window = *leaves;
    co_return leaves;
}

}   // namespace ota
