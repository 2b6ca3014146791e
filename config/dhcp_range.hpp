#pragma once
// Which addresses the LAN's DHCP server gives out. Pure.

#include "core/ipv4.hpp"

#include <optional>
#include <string>

namespace config {

struct DhcpRange {
    core::Ipv4 start;
    core::Ipv4 end;   // inclusive
    bool operator==(DhcpRange const&) const = default;
};

// First and last address that a host can have. On a /31 both can (RFC 3021).
constexpr DhcpRange hosts_of(core::Cidr network) noexcept {
    auto const first = network.network().bits, last = first | ~network.netmask().bits;
    if (network.prefix >= 31) return {{first}, {last}};
    return {{first + 1}, {last - 1}};
}

// The range around what is given: the larger side of the gateway, or the side of the given end. The lowest
// nine addresses of the network stay free for hosts with fixed addresses where there is room: 172.20.30.1/24
// gives .10 to .254, and so does every other /24 with the gateway at .1. So an operator who moves the LAN has
// to write one line, not three (AtomixOS keeps 172.20.30.x there and refuses).
DhcpRange
derive_range(core::Cidr gateway, std::optional<core::Ipv4> start, std::optional<core::Ipv4> end) noexcept;

}   // namespace config
