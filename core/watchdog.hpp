#pragma once
// A watchdog of the hardware, or softdog: it resets the machine when nobody feeds it. One implementation per
// kind of machine under platform/.

#include "core/result.hpp"
#include "core/time.hpp"

#include <string>

namespace core {

class WatchdogDevice {
public:
    struct Facts {
        std::string identity;    // the driver's words
        bool reset_us = false;   // it ended the boot before
    };
    virtual ~WatchdogDevice() = default;

    virtual std::string name() const = 0;

    // From here on it counts. Errors: errno's (absent, in use), refused (this is no watchdog).
    virtual Result<Facts> open() = 0;
    // What the driver made of it, read back; a driver that has a warning before its reset is told to give it.
    // Errors: errno's.
    virtual Result<Duration> set_timeout(Duration wanted) = 0;
    // Until the reset, to the second. Errors: errno's (many drivers cannot tell).
    virtual Result<Duration> time_left() = 0;
    virtual Result<void> feed() = 0;
    // Stops it, if the driver can be stopped. Nothing happens where it is not open.
    virtual void close() noexcept = 0;
    // Leaves it counting, for a reboot that must come. It cannot be fed any more.
    virtual void abandon() noexcept = 0;
};

}   // namespace core
