#pragma once
// The leaves of the hash tree that are needed next: all of them, or, for a large bundle, one MiB at a time.

#include "ota/bundle.hpp"
#include "ota/bundle_plan.hpp"
#include "ota/range_reader.hpp"

namespace ota {

// Checks `bytes`, the leaves from number `first_leaf` on, against the tree; on the pool. `tree` outlives the
// task. Errors: bad_signature.
Task<Result<std::shared_ptr<Leaves const>>>
checked_leaves(core::Workers& workers, HashTree const& tree, std::uint64_t first_leaf, std::string bytes);

// Leaves from the one for data block `first_block` on, at most 1 MiB of them. Errors: bad_signature, the
// reader's.
Task<Result<std::shared_ptr<Leaves const>>> fetch_leaves(RangeReader& reader,
                                                         core::Workers& workers,
                                                         BundleHead const& head,
                                                         HashTree const& tree,
                                                         std::uint64_t first_block);

// The same for blocks of `plan`, from its own leaves if it holds them, else from `window`, which keeps what
// is fetched for the next call.
Task<Result<std::shared_ptr<Leaves const>>> leaves_for(RangeReader& reader,
                                                       core::Workers& workers,
                                                       std::shared_ptr<BundlePlan const> plan,
                                                       std::shared_ptr<Leaves const>& window,
                                                       std::uint64_t first_block,
                                                       std::uint64_t end_block);

}   // namespace ota
