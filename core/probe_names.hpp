#pragma once
// The probes by their names: device.yaml speaks of them (config/device_document.hpp), health asks them, and
// the status shows them. Each container of the operator's document has one as well, "container:web".

#include <array>
#include <string>
#include <string_view>

namespace core {

inline constexpr std::array<std::string_view, 16> kProbes{
    "dns",         "ntp",           "dhcp",      "dnsmasq",      "chronyd",
    "lan_address", "lan_link",      "wan_lease", "firewall",     "forwarding",
    "data_space",  "data_writable", "clock",     "loop_latency", "update_server", "document"};

// In device.yaml: the probes of all containers that it does not name one by one.
inline constexpr std::string_view kContainerProbes{"containers"};
inline constexpr std::string_view kContainerProbe{"container:"};   // and the container's name

inline std::string container_probe(std::string_view container) {
    return std::string{kContainerProbe} + std::string{container};
}
inline bool is_container_probe(std::string_view probe) {
    return probe.starts_with(kContainerProbe);
}

// A unit of trial.units: the probe "unit:name.service", and the service of that name in DeviceState.
inline constexpr std::string_view kUnitProbe{"unit:"};

}   // namespace core
