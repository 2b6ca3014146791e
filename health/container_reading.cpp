#include "health/container_reading.hpp"

#include "core/probe_names.hpp"
#include "health/probes.hpp"

namespace health {
namespace {

// What is wrong with it, empty: nothing.
std::string fault_of(core::Container const& container, bool podman_is_away) {
    if (container.unit.empty()) return "there is no unit of it";
    if (container.unit != "active")
        return "its unit is " + container.unit;   // trigger: container not running
    if (container.state.empty())
        return podman_is_away ? "" : "its unit is active, but podman does not know it";
    if (container.state != "running") return "podman says that it is " + container.state;
    if (container.health.empty() || container.health == "healthy") return {};
    if (container.health == "starting") return "it runs, and its health check has not passed yet";
    return "it runs, and its health check says " + container.health;   // trigger: unhealthy container
}

core::Reading lost(std::string const& probe, core::ConfigState const& config) {
    bool const is_there =
        config.source == core::ConfigState::Source::operator_document || core::is_refused(config);
    return {.probe = probe,
            .good = false,
            .detail = is_there ? "it was good before the update, and nothing is known of it yet"
                               : "it was good before the update, and there is no operator's document"};
}

// What the document in force has is known of from the first look at it on, whatever becomes of it.
bool was_looked_at(core::DeviceState const& state) {
    auto const& containers = state.containers;
    bool const is_operators = state.config.source == core::ConfigState::Source::operator_document;
    return (is_operators || core::is_refused(state.config)) &&
           (containers.applied || !containers.known.empty());
}

}   // namespace

core::Reading container_reading(std::string const& name,
                                core::Container const& container,
                                std::string const& podman_error) {
    auto const fault = fault_of(container, !podman_error.empty());
    core::Reading reading{.probe = core::container_probe(name), .good = fault.empty(), .detail = fault};
    if (!reading.good) {
        if (!container.error.empty()) reading.detail += ": " + container.error;
        return reading;
    }
    reading.warning = container.state.empty();
    if (reading.warning)
        reading.detail = "its unit is active, more is not known: " + podman_error;
    else
        reading.detail = container.health.empty() ? "it runs" : "it runs, and is healthy";
    return reading;
}

std::vector<core::Reading> container_readings(core::DeviceState const& state) {
    auto const& containers = state.containers;
    std::vector<core::Reading> readings;
    bool const no_cable = wan_lease_reading(state.links.wan).cable_out;
    for (auto const& [name, container] : containers.known) {
        // Each owner has a podman of its own.
        auto const& why =
            container.rootful ? containers.rootful_podman_error : containers.rootless_podman_error;
        auto reading = container_reading(name, container, why);
        reading.cable_out = !reading.good && no_cable;
        readings.push_back(std::move(reading));
    }
    if (state.update.phase != core::Phase::trial || was_looked_at(state)) return readings;
    for (auto const& probe : state.update.baseline.good) {
        if (!core::is_container_probe(probe)) continue;
        auto const name = probe.substr(core::kContainerProbe.size());
        if (!containers.known.contains(name))   // trigger: lost container
            readings.push_back(lost(probe, state.config));
    }
    return readings;
}

}   // namespace health
