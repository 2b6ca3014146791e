#pragma once
// How fast a link is. Asked by ioctl(2), not read from /sys, which may show another network namespace.

#include <optional>
#include <string>

namespace net {

// In Mbit/s; nothing where the driver does not know, or there is no such interface. Does not wait.
std::optional<int> link_speed_mbit(std::string const& interface);

}   // namespace net
