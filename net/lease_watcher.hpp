#pragma once
// Keeps DeviceState::leases what dnsmasq's lease file says. inotify(7) on its directory only says "look
// again".

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"

#include <filesystem>
#include <string>

namespace net {

class LeaseWatcher {
public:
    LeaseWatcher(core::Clock& clock,
                 core::Writer<&core::DeviceState::leases> leases,
                 core::Log log,
                 std::filesystem::path file)
        : clock_{clock}, leases_{leases}, log_{std::move(log)}, file_{std::move(file)} {}

    // Makes the directory if it is missing. Returns, after a warning, when it can no longer be watched: to be
    // started again, later.
    core::Task<void> run();

private:
    void look();

    core::Clock& clock_;
    core::Writer<&core::DeviceState::leases> leases_;
    core::Log log_;
    std::filesystem::path file_;
    std::string warned_;   // once for each reason
};

}   // namespace net
