#pragma once
// Tells systemd how this process is (sd_notify(3)'s protocol over $NOTIFY_SOCKET).

#include "core/time.hpp"

#include <optional>
#include <string_view>

namespace core {

// "READY=1", "STOPPING=1", "STATUS=…"; several lines in one call. Does nothing where nobody listens.
void notify_service_manager(std::string_view lines);

// How often the service manager wants to hear "WATCHDOG=1" from this very process ($WATCHDOG_USEC,
// $WATCHDOG_PID, sd_watchdog_enabled(3)); nothing: never.
std::optional<Duration> watchdog_interval();

}   // namespace core
