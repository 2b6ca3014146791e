#include "health/rules.hpp"

#include "core/probe_names.hpp"

namespace health {

Importance Rules::importance_of(std::string const& probe) const {
    if (auto const named = probes.find(probe); named != probes.end()) return named->second;
    if (core::is_container_probe(probe)) {
        auto const all = probes.find(std::string{core::kContainerProbes});
        if (all != probes.end()) return all->second;
        bool const is_kept = required_containers.contains(probe);   // trigger: required container
        return is_kept ? Importance::kept : Importance::wanted;
    }
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

Rules rules_for(Rules rules, core::Containers const& containers, core::Baseline const& before) {
    for (auto const& probe : before.good)
        if (core::is_container_probe(probe)) rules.required_containers.insert(probe);
    for (auto const& [name, container] : containers.known)
        if (!container.required)
            rules.required_containers.erase(core::container_probe(name));
        else
            rules.required_containers.insert(core::container_probe(name));
    return rules;
}

}   // namespace health
