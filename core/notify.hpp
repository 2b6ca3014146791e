#pragma once
// Tells systemd how this process is (sd_notify(3)'s protocol over $NOTIFY_SOCKET; no libsystemd needed).

#include <string_view>

namespace core {

// "READY=1", "STOPPING=1", "STATUS=…"; several lines in one call. Does nothing where nobody listens.
void notify_service_manager(std::string_view lines);

}   // namespace core
