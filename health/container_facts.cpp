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

}   // namespace

core::Container container_facts(config::ContainerUnit const& wish,
                                bool required,
                                core::Service const& service,
                                std::optional<core::UnitState> const& unit,
                                std::string const& unknown,
                                std::optional<std::vector<PodmanContainer>> const& podman) {
    auto const image = config::values_of(wish, "Container", "Image");
    core::Container facts{.rootful = wish.privileged,
                          .required = required,
                          .starts = service.starts,
                          .image = image.empty() ? "" : image.front()};
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
