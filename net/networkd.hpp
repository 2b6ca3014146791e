#pragma once
// The operator's wishes for the WAN and the further interfaces, put into force by systemd-networkd: its files
// are written, and it is told when they are not those that it was told of last. So a restart of this program
// with the same document disturbs nothing, whoever wrote the files (net/prepare_lan.hpp does before networkd
// starts).

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"
#include "net/network_files.hpp"

namespace net {

using core::Task;

struct NetworkdPlaces {
    std::filesystem::path directory;   // of our files, /run/systemd/network
    std::filesystem::path told;        // what networkd was told of last; does not survive a boot
};

class Networkd {
public:
    Networkd(core::Clock& clock,
             core::Processes& processes,
             core::Writer<&core::DeviceState::network> network,
             core::Log log,
             std::vector<NetworkFile> wanted,
             NetworkdPlaces places);

    // Never ends. Looks again every hour, and sooner after a failure.
    Task<void> run();

private:
    Task<Result<void>> apply();
    Task<Result<void>> reload();

    core::Clock& clock_;
    core::Processes& processes_;
    core::Writer<&core::DeviceState::network> network_;
    core::Log log_;
    std::vector<NetworkFile> wanted_;
    NetworkdPlaces places_;
};

}   // namespace net
