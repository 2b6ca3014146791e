#include "health/container_facts.hpp"

#include <algorithm>

namespace health {
namespace {

std::string why_not_running(core::Service const& service, core::UnitState const& unit) {
    if (unit.active == "active") return {};
    if (unit.load == "masked") return "its unit is masked";
    if (unit.load != "loaded") return "systemd has made no unit of it";
    if (core::is_down(unit) && service.starts > 0 && service.error == "stopped by somebody")
        return "its unit was stopped";
    return service.error;
}

std::string image_of(config::ContainerUnit const& wish) {
    for (auto const& section : wish.sections)
        for (auto const& directive : section.directives)
            if (section.name == "Container" && directive.key == "Image" && !directive.values.empty())
                return directive.values.front();
    return {};
}

}   // namespace

core::Container container_facts(config::ContainerUnit const& wish,
                                bool required,
                                core::Service const& service,
                                std::optional<core::UnitState> const& unit,
                                std::string const& unknown,
                                std::optional<std::vector<PodmanContainer>> const& podman) {
    core::Container facts{.rootful = wish.privileged,
                          .required = required,
                          .starts = service.starts,
                          .image = image_of(wish)};
    if (!unit) {
        facts.error = unknown.empty() ? "" : "not known: " + unknown;
        return facts;
    }
    if (unit->load == "loaded") facts.unit = unit->active;
    facts.invocation = unit->invocation;
    facts.error = why_not_running(service, *unit);
    if (!podman) return facts;
    auto const found = std::ranges::find(*podman, podman_name(wish), &PodmanContainer::name);
    if (found == podman->end()) return facts;
    facts.state = found->state;
    facts.health = found->health;
    facts.restarts = found->restarts;
    facts.image_id = found->image_id;
    return facts;
}

}   // namespace health
