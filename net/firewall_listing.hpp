#pragma once
// Reads back what the kernel has, and compares it with what was wanted. Pure.

#include "net/firewall_policy.hpp"

#include <string_view>

namespace net {

// `json` is what `nft -j list table inet atomix` prints. Compared are the base chains and their policies, the
// ports, the SSH rule, and how many rules every chain has; counters and handles are not. Errors: bad_input
// (not nft's JSON), refused, with what differs.
Result<void> check_listing(std::string_view json, FirewallPolicy const& policy);

}   // namespace net
