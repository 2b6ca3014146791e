#pragma once
// What differs from one piece of hardware to the next. One implementation per folder under platform/.

#include "core/result.hpp"
#include "core/slot.hpp"
#include "core/task.hpp"

#include <string>

namespace core {

class Board {
public:
    virtual ~Board() = default;

    virtual std::string name() const = 0;

    // The slot this system was booted from. Errors: not_found (the boot loader did not say), io.
    virtual Result<Slot> booted_slot() const = 0;
    // Changes with every boot. Errors: not_found, io.
    virtual Result<std::string> boot_id() const = 0;

    // Why this boot began, as the hardware knows it: "power", "watchdog", "software"; empty: it does not
    // tell.
    virtual std::string boot_reason() const { return {}; }

    // Orderly; returns once it is under way, and this process then gets SIGTERM. Errors: io.
    virtual Task<Result<void>> reboot(std::string why) = 0;
};

}   // namespace core
