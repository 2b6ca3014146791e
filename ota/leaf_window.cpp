#include "ota/leaf_window.hpp"

#include "ota/bundle_range.hpp"

#include <algorithm>

namespace ota {

using core::fail;

namespace {
constexpr std::uint64_t kMostLeafBlocks = 256;   // for 128 MiB of the bundle
}

Task<Result<std::shared_ptr<Leaves const>>> fetch_leaves(core::HttpClient& http,
                                                         core::Workers& workers,
                                                         BundleSource source,
                                                         BundleHead head,
                                                         HashTree const& tree,
                                                         std::uint64_t first_block) {
    auto const first_leaf = first_block / kBlocksPerLeaf;
    auto const all = (tree.data_blocks() + kBlocksPerLeaf - 1) / kBlocksPerLeaf;
    auto const count = std::min(kMostLeafBlocks, all - first_leaf);
    auto const at = head.data_size + tree.upper_size() + first_leaf * kVerityBlock;
    core::ByteRange const range{.first = at, .last = at + count * kVerityBlock - 1};
    auto bytes = co_await fetch_range(http, std::move(source), std::move(head), range);
    if (!bytes) co_return fail(bytes, "fetching the bundle's hash tree");
    auto check = [&tree, first_leaf, kept = std::move(*bytes)]() mutable {
        return tree.check_leaves(first_leaf, std::move(kept));
    };
    auto leaves = co_await workers.run(std::move(check));
    if (!leaves) co_return leaves.error();
    co_return std::make_shared<Leaves const>(std::move(*leaves));
}

Task<Result<std::shared_ptr<Leaves const>>> leaves_for(core::HttpClient& http,
                                                       core::Workers& workers,
                                                       BundleSource source,
                                                       std::shared_ptr<BundlePlan const> plan,
                                                       std::shared_ptr<Leaves const>& window,
                                                       std::uint64_t first_block,
                                                       std::uint64_t end_block) {
    if (plan->leaves) co_return plan->leaves;
    bool const covered = window && window->covers(first_block) && window->covers(end_block - 1);
    if (!covered) {
        auto const fetched =
            co_await fetch_leaves(http, workers, std::move(source), plan->head, plan->tree, first_block);
        if (!fetched) co_return fetched;
        window = *fetched;
    }
    co_return window;
}

}   // namespace ota
