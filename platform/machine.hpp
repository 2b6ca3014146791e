#pragma once
// A board as the wiring sees it: what main.cpp asks of it, and no feature does.

#include "core/board.hpp"
#include "core/temperature.hpp"
#include "platform/boot_report.hpp"

#include <filesystem>
#include <string>

namespace platform {

class Machine : public core::Board {
public:
    // As reboot(), for a system whose orderly reboot does not come. Errors: io, refused, timed_out.
    virtual core::Task<core::Result<void>> force_reboot(std::string why) = 0;

    virtual BootReport boot_report() const { return {}; }

    // What its maker calls it, "Pine64 Rock64", and this one of it; empty: nobody says.
    virtual std::string model() const { return {}; }
    virtual std::string serial() const { return {}; }

    // As its sensors say now; none where it has none, or they are off.
    virtual core::Temperatures temperatures() const { return {}; }

    // Its LED's directory of /sys/class/leds; empty: it has none.
    virtual std::filesystem::path led() const { return {}; }
};

}   // namespace platform
