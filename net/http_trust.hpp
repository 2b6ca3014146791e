#pragma once
// What the two ends of a TLS connection have to prove to each other, by files that may change at any time.

#include "core/time.hpp"

#include <filesystem>
#include <optional>

namespace net {

// PEM. The certificate may be followed by those between it and its authority; the key has no passphrase.
struct ClientIdentity {
    std::filesystem::path certificate;
    std::filesystem::path key;
    bool operator==(ClientIdentity const&) const = default;
};

// The files are read anew for each connection.
struct TlsTrust {
    std::optional<std::filesystem::path> authorities;   // PEM; absent: the system's
    core::WallTime judge_at{};                // certificates must be valid then, whatever the clock says
    bool judge_at_is_floor = false;           // as in core::HttpRequest
    std::optional<ClientIdentity> identity;   // for a server that asks who we are
    bool operator==(TlsTrust const&) const = default;
};

}   // namespace net
