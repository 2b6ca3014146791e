#pragma once
// Names and addresses of hosts as text, in their normal form. Pure; what comes out is safe in a line of
// dnsmasq's or chrony's configuration: letters, digits, dots, hyphens and, in an IPv6 address, colons.

#include "core/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace config {

// Lower-cased, without a final dot; nothing when it is not a DNS name (RFC 1123: at most 253 characters,
// labels of 1 to 63 letters, digits and inner hyphens).
std::optional<std::string> normal_dns_name(std::string_view text);

// An IPv4 address, an IPv6 address without brackets or scope, or a DNS name that no resolver takes for an
// address.
std::optional<std::string> normal_host(std::string_view text);

// "https://host[:port][/path]" with scheme and host lower-cased and without final slashes.
// Errors: bad_input, with the rule that is broken.
core::Result<std::string> normal_server_url(std::string_view text);

}   // namespace config
