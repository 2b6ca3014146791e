#pragma once
// How the containers of the operator's document do, one reading each, "container:web". Pure: from what
// health::ContainerHost found out of units and podman.

#include "core/device_state.hpp"

#include <string>
#include <vector>

namespace health {

// Good: the unit is active, podman says that the container runs, and its health check, where it has one, says
// healthy. While podman cannot be asked the unit's word counts, with a warning: that podman's API is away is
// no fault of the container, and does not roll an update back.
core::Reading
container_reading(std::string const& name, core::Container const& container, std::string const& podman_error);

// Of every container that is known; one that fails while the WAN's cable is out may do so for want of its
// remote (`cable_out`). In a trial also, as failing, of those that were good before the update and of which
// nothing is known now: there is no operator's document any more, or the new slot has not got as far as its
// units. One that the operator took out of the document meanwhile is not missed, nor one that a document does
// not name which stands in for a refused one: whose fault that is, the probe "document" says.
std::vector<core::Reading> container_readings(core::DeviceState const& state);

}   // namespace health
