#pragma once
// DHCP, DNS and NTP for the LAN: writes dnsmasq's and chronyd's files, and asks the ServiceHost for both once
// the LAN interface has its address. Written again when the interface gets another MAC.
//
// consumes DeviceState::links; the services' facts are the host's (DeviceState::services "dnsmasq",
// "chronyd").

#include "config/operator_document.hpp"
#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/result.hpp"
#include "core/service_host.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace net {

using core::Result;
using core::Task;

struct LanFiles {
    std::filesystem::path dnsmasq_config, dnsmasq_hosts, dnsmasq_leases;
    std::filesystem::path chrony_config, chrony_socket, chrony_pid_file, chrony_drift;
};
// `run` does not survive a boot, `data` survives updates.
LanFiles lan_files(std::filesystem::path const& run, std::filesystem::path const& data);

// Writes what dnsmasq and chronyd read, for the LAN interface with this MAC, and gives what is to be started
// with it. Errors: errno's.
Result<std::vector<core::ServiceSpec>> write_lan_files(config::OperatorDocument const& document,
                                                       config::DeviceDocument const& device,
                                                       std::string const& mac);

class LanServices {
public:
    LanServices(core::Clock& clock,
                core::StateBus& state,
                core::ServiceHost& host,
                core::Log log,
                config::OperatorDocument document,
                config::DeviceDocument device);

    Task<void> run();

private:
    core::Clock& clock_;
    core::StateBus& state_;
    core::ServiceHost& host_;
    core::Log log_;
    config::OperatorDocument document_;
    config::DeviceDocument device_;
};

}   // namespace net
