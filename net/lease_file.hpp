#pragma once
// dnsmasq's lease file: "<expiry> <mac> <address> <name or *> <client id or *>" a line (dnsmasq lease.c).
// What LAN hosts call themselves is in it. Pure.

#include "core/device_state.hpp"

#include <string_view>

namespace net {

inline constexpr std::size_t kMostLeases = 1024;   // dnsmasq's own limit is 1000

// IPv4 leases in the order of their addresses, without what is no lease: damaged lines, a last line that is
// still being written, IPv6.
core::Leases parse_leases(std::string_view text);

}   // namespace net
