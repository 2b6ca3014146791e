#pragma once
// Arms the hardware's watchdog in every trial, and outside when it is wished: the machine resets when this
// program, its loop or a task hangs, when a rollback does not get to its reboot, or when the kernel hangs.
//
// A driver is believed when it was seen to count: the timeout that is read back can be fed, and what is left
// becomes less. (The RK3328's dw_wdt is said to reset nothing on some boards.) Else the fallback, softdog, is
// tried, which cannot help when the kernel hangs; when that one is no better, the first one is armed all the
// same.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/watchdog.hpp"

#include <vector>

namespace health {

enum class WatchdogMode { never, trial, always };

// Pure: whether it is to run.
bool is_watchdog_wanted(WatchdogMode mode, bool operator_wish, core::Phase phase) noexcept;

// What was seen of a driver, and why it is not believed; empty: it is. Pure.
struct Counting {
    core::Result<core::Duration> left = core::Duration{};
    core::Result<core::Duration> left_later = core::Duration{};   // 3 s later, unfed
};
std::string why_distrusted(Counting const& seen);

class Watchdog {
public:
    struct Settings {
        WatchdogMode mode = WatchdogMode::trial;
        bool operator_wish = false;                          // outside trials too
        core::Duration timeout = std::chrono::seconds{60};   // feed() is called three times as often
    };
    // `devices`: the preferred one first; they outlive this.
    Watchdog(core::Clock& clock,
             core::StateBus& state,
             core::Writer<&core::DeviceState::watchdog> writer,
             core::Log log,
             std::vector<core::WatchdogDevice*> devices,
             Settings settings);

    // Until cancelled; then the watchdog is stopped, unless a reboot must come.
    core::Task<void> run();

    // Somebody vouches for the program; does nothing where nothing is armed, or when the verdict to roll back
    // is five minutes old and its trial still there.
    void feed();
    // A reboot was asked for and does not come: nobody feeds it any more.
    void starve();

private:
    struct Armed {
        core::WatchdogDevice* device = nullptr;
        core::WatchdogState state;
    };
    core::Task<void> keep_armed();
    core::Task<Armed> arm();
    core::Task<Armed> examine(core::WatchdogDevice& device);
    bool is_wanted() const;
    core::Task<void> wanted_is(bool wanted);
    void release() noexcept;

    core::Clock& clock_;
    core::StateBus& state_;
    core::Writer<&core::DeviceState::watchdog> writer_;
    core::Log log_;
    std::vector<core::WatchdogDevice*> devices_;
    Settings settings_;
    core::WatchdogDevice* armed_ = nullptr;
    std::optional<core::TimePoint> bad_since_;   // the verdict
    bool is_starving_ = false;
};

}   // namespace health
