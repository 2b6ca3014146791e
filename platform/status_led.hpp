#pragma once
// The board's LED says how the device is, to who stands before it.
//
// The kernel blinks (Documentation/leds/leds-class.rst, the trigger "timer"; its delays are in ms), so that
// nothing here wakes up for it.

#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/task.hpp"

#include <filesystem>

namespace platform {

enum class LedPattern {
    on,       // a committed slot, and all is well
    slowly,   // 1 s on, 1 s off: a trial, an update under way to one, or not known yet
    fast,     // 0.1 s on, 0.1 s off: degraded, failed, or the last update was rolled back
};

// Pure.
LedPattern led_pattern(core::DeviceState const& state) noexcept;

// `led`: a directory of /sys/class/leds. Errors: errno's; not_found also where the kernel lacks the trigger.
core::Result<void> show(std::filesystem::path const& led, LedPattern pattern);

// Shows the state until it is cancelled. An LED that cannot be switched is logged, at the next pattern again.
core::Task<void> keep_led(std::filesystem::path led, core::StateBus& state, core::Log log);

}   // namespace platform
