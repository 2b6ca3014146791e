#pragma once
// What becomes of readings from round to round: since when each is as it is, and how the device does. Pure.

#include "core/device_state.hpp"

#include <vector>

namespace health {

// `readings` of `now`, with since and last_failure as they follow from those of the round before.
std::vector<core::Reading>
dated(std::vector<core::Reading> readings, std::vector<core::Reading> const& before, core::TimePoint now);

// Of a slot that is not on trial. A bad round degrades it, a second one in a row of something required is a
// failure; both are left after two rounds without. Nothing is done about either: people see it.
struct Course {
    core::Condition condition = core::Condition::unknown;
    unsigned strikes = 0;        // rounds in a row in which something required failed
    unsigned without_fail = 0;   // rounds in a row in which nothing required failed
    unsigned clean = 0;          // rounds in a row in which nothing failed
    bool operator==(Course const&) const = default;
};
// A bad round within the grace is none.
Course next_course(Course course, std::vector<core::Reading> const& readings, bool in_grace);

}   // namespace health
