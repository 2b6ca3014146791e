#include "config/dhcp_range.hpp"

#include <algorithm>

namespace config {

using core::Ipv4;

DhcpRange derive_range(core::Cidr gateway, std::optional<Ipv4> start, std::optional<Ipv4> end) noexcept {
    auto const hosts = hosts_of(gateway);
    auto const at = gateway.address.bits;
    auto const below = at - hosts.start.bits;   // so many hosts on each side of the gateway
    auto const above = hosts.end.bits - at;

    bool const upper = start ? *start >= gateway.address : end ? *end > gateway.address : above >= below;
    auto const first = upper ? Ipv4{at + 1} : hosts.start;
    auto const last = upper ? hosts.end : Ipv4{at - 1};

    // Only while more than as many again are left to give out.
    auto const tenth = Ipv4{gateway.network().bits + 10};
    bool const has_room = end.value_or(last).bits > tenth.bits + 10;
    return {start.value_or(has_room ? std::max(first, tenth) : first), end.value_or(last)};
}

}   // namespace config
