#pragma once
// The kernel's temperature sensors: Documentation/ABI/testing/sysfs-class-thermal. Everything in them is in
// millidegrees Celsius.

#include "core/temperature.hpp"

#include <filesystem>

namespace platform {

// Of each zone below `directory` (/sys/class/thermal), in the order of their numbers. What cannot be read is
// left out: a sensor that is off answers EINVAL or EAGAIN, and there may be no zone at all. Not for a board
// whose sensors hang on a slow bus: each is asked here and now.
core::Temperatures thermal_zones(std::filesystem::path const& directory);

}   // namespace platform
