#pragma once
// One round of every probe that is not off.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/ipv4.hpp"
#include "core/workers.hpp"
#include "health/data_look.hpp"
#include "health/rules.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace health {

struct ProbeSettings {
    core::Cidr lan{};
    std::string local_name;   // that dnsmasq must know, "atomixos.local"; empty: none, and DNS is not asked
    std::filesystem::path data;
    std::uint64_t data_minimum = 0;   // bytes
    bool data_is_lost = false;        // it is memory: the partition did not mount
    core::WallTime built{};           // of this image: the clock's floor
    std::vector<std::string> units;   // of systemd, beyond dnsmasq's and chronyd's
    Rules rules;                      // which are off
};

// What the probes need of others, as acts; wired in main.
struct ProbeActs {
    std::function<core::Task<bool>()> clock_is_synchronised;
    // One small question to the update server; what comes of it is DeviceState::update.server. Empty: there
    // is none. Asked in a trial and for a baseline only; else the polls tell.
    std::function<core::Task<void>()> contact_server;
};

class Prober {
public:
    Prober(core::Clock& clock,
           core::Workers& workers,
           core::StateBus& state,
           ProbeSettings settings,
           ProbeActs acts);

    core::Task<std::vector<core::Reading>> round();

    // Names only: of the probes that fail in each of three rounds, and of the others. One lost answer must
    // not excuse a probe in the trial.
    core::Task<core::Baseline> baseline();

private:
    core::Task<std::vector<core::Reading>> round(bool asks_server);
    core::Task<void> ask_network(std::vector<core::Reading>& readings);
    core::Task<void> ask_own(std::vector<core::Reading>& readings);
    core::Task<void> ask_server(std::vector<core::Reading>& readings, bool anew);
    bool is_on(std::string const& probe) const;

    core::Clock& clock_;
    core::StateBus& state_;
    ProbeSettings settings_;
    ProbeActs acts_;
    DataLook data_;
};

}   // namespace health
