#pragma once
// Addresses of what is fetched: https only, without credentials. Pure (RFC 3986, the part that this client
// needs).

#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace net {

struct Url {
    std::string host;   // a name in lower case, an IPv4 address, or an IPv6 address without brackets
    std::uint16_t port = 443;
    std::string target = "/";   // path and query; a fragment is not sent

    std::string peer() const;        // "updates.example:443", "[::1]:8443"
    std::string authority() const;   // the same without the default port: the Host header
    std::string text() const;        // "https://updates.example/path?query"
    bool operator==(Url const&) const = default;
};

std::string in_lower_case(std::string_view text);   // of ASCII

// Errors: refused (not https, credentials), bad_input (no host, bad port, white space or control characters).
// They give the reason only; the caller names the address, unless it holds a password.
core::Result<Url> parse_url(std::string_view text);

// What a Location header found at `base` means (RFC 3986 section 5.3). Errors: as parse_url.
core::Result<Url> resolve_location(Url const& base, std::string_view location);

}   // namespace net
