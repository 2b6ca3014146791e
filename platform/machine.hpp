#pragma once
// A board as the wiring sees it: what main.cpp asks of it, and no feature does.

#include "core/board.hpp"
#include "platform/boot_report.hpp"

#include <filesystem>
#include <string>

namespace platform {

class Machine : public core::Board {
public:
    // As reboot(), for a system whose orderly reboot does not come. Errors: io, refused, timed_out.
    virtual core::Task<core::Result<void>> force_reboot(std::string why) = 0;

    virtual BootReport boot_report() const { return {}; }

    // Its LED's directory of /sys/class/leds; empty: it has none.
    virtual std::filesystem::path led() const { return {}; }
};

}   // namespace platform
