#pragma once
// When to ask the update server next. Pure; `chance` is a random number in [0, 1).

#include "core/time.hpp"

#include <algorithm>
#include <optional>

namespace ota {

struct PollRules {
    core::Duration interval{};
    core::Duration first{};   // the first poll is at a random moment before this
};

inline core::Duration scaled(core::Duration d, double by) {
    return std::chrono::duration_cast<core::Duration>(d * by);
}

inline core::Duration first_poll(PollRules const& rules, double chance) {
    return scaled(rules.first, chance);
}

// Jitter on every poll: the interval ±20 %. After failures exponential back-off with full jitter from a
// sixteenth of the interval to four of them, never below a second. What the server asks for, up to a day, is
// the least; it said the same to others, so a fifth of it or ten minutes are added at random.
inline core::Duration next_poll(PollRules const& rules,
                                unsigned failures_in_a_row,
                                std::optional<core::Duration> retry_after,
                                double chance) {
    using namespace std::chrono_literals;
    auto const asked_for = [&](core::Duration least) {
        auto const wish = std::max(std::clamp<core::Duration>(*retry_after, 1s, 24h), least);
        return wish + scaled(std::min<core::Duration>(wish / 5, 10min), chance);
    };
    if (failures_in_a_row == 0)
        return retry_after ? asked_for({}) : scaled(rules.interval, 0.8 + 0.4 * chance);
    auto ceiling = rules.interval / 16;
    for (unsigned i = 1; i < failures_in_a_row && ceiling < 4 * rules.interval; ++i) ceiling *= 2;
    ceiling = std::min(ceiling, 4 * rules.interval);
    auto const pause = std::max<core::Duration>(1s, scaled(ceiling, chance));
    return retry_after ? asked_for(pause) : pause;
}

// Once the WAN is back.
inline core::Duration poll_after_outage(PollRules const& rules, double chance) {
    return scaled(rules.interval / 60, chance);
}

}   // namespace ota
