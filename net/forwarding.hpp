#pragma once
// Keeps IP forwarding off, IPv4 and IPv6, for all interfaces and for each: whoever switches it on finds it
// off again. The firewall drops what would be forwarded as well; this is the second lock on the same door.

#include "core/backoff.hpp"
#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/result.hpp"
#include "net/netconf_socket.hpp"
#include "net/repairs.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace net {

// Writes 0 to every switch that exists and is not 0 already; which ones. Errors: errno's.
core::Result<std::vector<std::string>> switch_forwarding_off(std::filesystem::path const& sysctl_net);

class Forwarding {
public:
    Forwarding(core::Clock& clock,
               core::Writer<&core::DeviceState::forwarding> forwarding,
               core::Log log,
               std::filesystem::path sysctl_net = "/proc/sys/net");

    core::Task<void> run();

private:
    bool switch_off();

    core::Clock& clock_;
    core::Writer<&core::DeviceState::forwarding> forwarding_;
    core::Log log_;
    std::filesystem::path sysctl_net_;
    NetconfSocket kernel_;
    core::Backoff backoff_;
    Repairs repairs_;
};

}   // namespace net
