#pragma once
// One round of every probe.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/ipv4.hpp"

#include <string>
#include <vector>

namespace health {

class Prober {
public:
    // `local_name` is one that dnsmasq must know, "atomixos.local"; empty: there is none, and DNS is not
    // asked.
    Prober(core::Clock& clock, core::StateBus& state, core::Cidr lan, std::string local_name)
        : clock_{clock}, state_{state}, lan_{lan}, local_name_{std::move(local_name)} {}

    core::Task<std::vector<core::Reading>> round();

    // Names only, of the probes that fail in each of three rounds: the baseline of an update. One lost answer
    // must not excuse a probe in the trial.
    core::Task<std::vector<std::string>> failing();

private:
    core::Clock& clock_;
    core::StateBus& state_;
    core::Cidr lan_;
    std::string local_name_;
};

}   // namespace health
