#pragma once
// A port that a container without privileges publishes: on this device's loopback only, whatever was written.
// Pure.

#include "core/result.hpp"

#include <string>
#include <string_view>

namespace config {

struct PublishedPort {
    std::string text;        // "127.0.0.1:8080:80", "127.0.1.1:8080:80/udp": podman's --publish
    bool is_moved = false;   // another address was written, and is no longer there
    bool operator==(PublishedPort const&) const = default;
};

// "8080:80", "127.0.0.1:8080:80/udp", "192.0.2.1:8080:80". Of the addresses 127.0.0.1 and 127.0.1.1 stay;
// localhost and ::1, with or without brackets, are another name of 127.0.0.1.
// Errors: bad_input (no host port, a range, not of this form).
core::Result<PublishedPort> on_loopback(std::string_view written);

}   // namespace config
