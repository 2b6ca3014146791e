#pragma once
// A board whose reboot comes, whatever hangs: orderly first, forced when that has not come within a minute,
// and half a minute later the watchdog's, which nobody feeds any more. It acts when it is asked; whoever
// wants the reboot asks again and again.

#include "core/board.hpp"
#include "core/clock.hpp"

#include <functional>
#include <optional>

namespace platform {

enum class RebootStep { orderly, force, starve };

// What is to be done so long after it was asked for first. Pure.
RebootStep reboot_step(core::Duration since_asked) noexcept;

class RebootPath final : public core::Board {
public:
    struct Acts {
        std::function<core::Task<core::Result<void>>(std::string why)> force;
        std::function<void()> starve;   // the watchdog; nothing where none is armed
    };
    // A view of `board` and `clock`.
    RebootPath(core::Board& board, core::Clock const& clock, Acts acts)
        : board_{board}, clock_{clock}, acts_{std::move(acts)} {}

    std::string name() const override { return board_.name(); }
    core::Result<core::Slot> booted_slot() const override { return board_.booted_slot(); }
    core::Result<std::string> boot_id() const override { return board_.boot_id(); }
    core::Task<core::Result<void>> reboot(std::string why) override;

private:
    core::Board& board_;
    core::Clock const& clock_;
    Acts acts_;
    std::optional<core::TimePoint> asked_;
};

}   // namespace platform
