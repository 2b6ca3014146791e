#pragma once
// The probes by their names: device.yaml speaks of them (config/device_document.hpp), health asks them, and
// the status shows them.

#include <array>
#include <string_view>

namespace core {

inline constexpr std::array<std::string_view, 15> kProbes{
    "dns",         "ntp",           "dhcp",      "dnsmasq",      "chronyd",
    "lan_address", "lan_link",      "wan_lease", "firewall",     "forwarding",
    "data_space",  "data_writable", "clock",     "loop_latency", "update_server"};

}   // namespace core
