#pragma once
// Who runs dnsmasq and chronyd. In the product systemd's units own them, so that DHCP and NTP outlive a
// controller crash (core/systemd_host.hpp); where no systemd is PID 1, they are our children
// (core/child_host.hpp).
//
// Wishes go in here, facts come out as DeviceState::services.

#include "core/task.hpp"

#include <string>
#include <vector>

namespace core {

struct ServiceSpec {
    std::string name;
    std::vector<std::string> argv;   // stays in the foreground; argv[0] is an absolute path
    std::string configuration;       // rendered text it was started with: a change restarts the service
    bool operator==(ServiceSpec const&) const = default;
};

class ServiceHost {
public:
    virtual ~ServiceHost() = default;

    // Starts the service, or restarts it when `spec` differs from what it was started with. Takes effect in
    // run().
    virtual void want(ServiceSpec spec) = 0;
    // Keeps what is wanted alive. When cancelled, ChildHost ends it in order and SystemdHost leaves it alone.
    virtual Task<void> run() = 0;
};

}   // namespace core
