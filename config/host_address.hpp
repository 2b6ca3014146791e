#pragma once
// Addresses and names of hosts, as a document writes them: what no host can have is refused. Pure.

#include "config/values.hpp"

namespace config {

// "192.0.2.10/24": a host's address in its network, neither the network's own nor its broadcast. On a /31
// both are hosts (RFC 3021). Errors: bad_input.
Result<core::Cidr> as_host_cidr(Node const& node, int least_prefix, int most_prefix);

// "192.0.2.1": not of 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3. Errors: bad_input.
Result<core::Ipv4> as_host_ipv4(Node const& node);

// An IPv4 or IPv6 address, lower-cased, that another host can have. Errors: bad_input.
Result<std::string> as_host_ip(Node const& node);

// A DNS name in its normal form (config/host_name.hpp). Errors: bad_input.
Result<std::string> as_dns_name(Node const& node);

// Whether a host could be in both.
constexpr bool overlap(core::Cidr a, core::Cidr b) noexcept {
    return a.contains(b.network()) || b.contains(a.network());
}

}   // namespace config
