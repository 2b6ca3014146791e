#include "health/rules.hpp"

namespace health {

Importance Rules::importance_of(std::string const& probe) const {
    if (auto const named = probes.find(probe); named != probes.end()) return named->second;
    // What depends on others than this device fails a new slot only if the old one had it.
    return probe == "lan_link" || probe == "update_server" ? Importance::kept : Importance::required;
}

Rules rules_of(config::DeviceDocument const& device) {
    Rules rules{.window = *device.trial_window,
                .limit = *device.trial_limit,
                .grace = *device.trial_grace,
                .cable = *device.trial_cable == "ignore" ? Cable::ignore : Cable::wait};
    for (auto const& probe : *device.probes_required) rules.probes[probe] = Importance::required;
    for (auto const& probe : *device.probes_wanted) rules.probes[probe] = Importance::wanted;
    for (auto const& probe : *device.probes_off) rules.probes[probe] = Importance::off;
    return rules;
}

}   // namespace health
