#pragma once
// Nothing else in the program asks the time. Tests use FakeClock (test/support/fake_clock.hpp).

#include "core/task.hpp"
#include "core/time.hpp"

namespace core {

class Clock {
public:
    virtual ~Clock() = default;

    virtual TimePoint now() const = 0;
    virtual WallTime wall_now() const = 0;   // may be wrong by decades until NTP has answered

    // Throws system_error(operation_aborted) when cancelled; never returns early.
    virtual Task<void> sleep_until(TimePoint when) = 0;
    Task<void> sleep_for(Duration d) { return sleep_until(now() + d); }
};

class SystemClock final : public Clock {
public:
    TimePoint now() const override;       // CLOCK_BOOTTIME
    WallTime wall_now() const override;   // CLOCK_REALTIME
    Task<void> sleep_until(TimePoint when) override;
};

}   // namespace core
