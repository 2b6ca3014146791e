#pragma once
// nft's listing of a table without what differs between two readings of the same rules: handles, what
// counters have counted, the order of a set's elements, and elements that packets add. Pure.

#include "core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace net {

using NormalListing = std::vector<std::string>;   // one object each, in the kernel's order

// `text` is nft's JSON. The rules of chain `variable` are left out. Errors: bad_input (not nft's JSON).
core::Result<NormalListing> normal_listing(std::string_view text, std::string_view variable);

// What `found` has instead of `wanted`, in one short line; empty when they are the same.
std::string first_difference(NormalListing const& wanted, NormalListing const& found);

}   // namespace net
