#pragma once
// Fixed addresses of LAN hosts, network.dnsmasq.reservations: a list of {mac, ip, name}, the name optional.

#include "config/mapping.hpp"
#include "core/ipv4.hpp"

#include <optional>
#include <string>
#include <vector>

namespace config {

struct Reservation {
    std::string mac;   // "00:11:22:33:44:55"
    core::Ipv4 ip;
    std::string name;   // one DNS label, lower case; empty: none
    bool operator==(Reservation const&) const = default;
};

// Those without a problem; every problem is `dnsmasq`'s. Without `lan`, which was refused then, addresses are
// not held against it. `taken`: the gateway's own names.
std::vector<Reservation> read_reservations(Mapping& dnsmasq,
                                           Node const& list,
                                           std::optional<core::Cidr> lan,
                                           std::vector<std::string> const& taken);

}   // namespace config
