#pragma once
// The ServiceHost where no systemd is PID 1: the services are our children, held by pidfd, restarted with
// back-off; at once after ten seconds of running.
//
// A child of an earlier atomixd that was killed is found by its pid file and ended first: dnsmasq outlives
// its parent (it changes ids after exec, which clears PR_SET_PDEATHSIG) and would keep the ports.

#include "core/backoff.hpp"
#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/service_host.hpp"

#include <boost/asio/steady_timer.hpp>

#include <filesystem>
#include <map>

namespace core {

class ChildHost final : public ServiceHost {
public:
    // `run_directory` holds the pid files (a directory that does not survive a boot).
    ChildHost(Clock& clock,
              Writer<&DeviceState::services> services,
              Log log,
              std::filesystem::path run_directory);

    void want(ServiceSpec spec) override;
    Task<void> run() override;

private:
    Task<void> keep(std::string name);
    Task<void> live(ServiceSpec spec);
    Task<void> other_wish(ServiceSpec spec);
    void tell(std::string const& name, Service service);

    Clock& clock_;
    Writer<&DeviceState::services> services_;
    Log log_;
    std::filesystem::path run_directory_;
    Backoff backoff_{.first = std::chrono::milliseconds{100},
                     .most = std::chrono::seconds{5},
                     .forget_after = std::chrono::seconds{10}};
    std::map<std::string, ServiceSpec> wanted_;
    std::shared_ptr<asio::steady_timer> changed_;   // rings never; cancelled when wanted_ changes
};

}   // namespace core
