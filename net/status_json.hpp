#pragma once
// The device's state as GET /api/v1/status shows it: stable snake_case keys, units in the key names, null for
// what is not known. Schema 1; a key is added freely, and never renamed or given another meaning.

#include "core/device_state.hpp"
#include "core/temperature.hpp"

#include <string>

namespace net {

// `temperatures` are those of this moment.
std::string
status_json(core::DeviceState const& state, core::TimePoint now, core::Temperatures const& temperatures);

}   // namespace net
