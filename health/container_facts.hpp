#pragma once
// What the state says of one container: its unit by systemd, what runs by podman. Pure.

#include "config/containers.hpp"
#include "core/device_state.hpp"
#include "core/systemd_unit.hpp"
#include "health/podman.hpp"

#include <optional>

namespace health {

// `unit` is what was seen of "<name>.service" now; nothing: it could not be asked, and why is `unknown`.
// `service` follows it (core::service_after). `podman`: what that one told last; nothing: it told nothing
// yet.
core::Container container_facts(config::ContainerUnit const& wish,
                                bool required,
                                core::Service const& service,
                                std::optional<core::UnitState> const& unit,
                                std::string const& unknown,
                                std::optional<std::vector<PodmanContainer>> const& podman);

}   // namespace health
