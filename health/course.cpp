#include "health/course.hpp"

#include <algorithm>

namespace health {

using core::Condition;
using core::Weight;

namespace {
constexpr unsigned kStrikes = 2;
constexpr unsigned kRoundsToReturn = 2;
}   // namespace

std::vector<core::Reading>
dated(std::vector<core::Reading> readings, std::vector<core::Reading> const& before, core::TimePoint now) {
    for (auto& reading : readings) {
        auto const known =
            std::ranges::find_if(before, [&](core::Reading const& r) { return r.probe == reading.probe; });
        bool const is_known = known != before.end();
        reading.since = is_known && known->good == reading.good ? known->since : now;
        if (is_known) reading.last_failure = known->last_failure;
        if (!reading.good) reading.last_failure = {reading.detail, now};
    }
    return readings;
}

Course next_course(Course course, std::vector<core::Reading> const& readings, bool in_grace) {
    auto const fails = [&](Weight weight) {
        return std::ranges::any_of(readings,
                                   [&](core::Reading const& r) { return !r.good && r.weight == weight; });
    };
    bool const required_fails = fails(Weight::required);
    bool const fails_at_all = required_fails || fails(Weight::wanted);
    if (fails_at_all && in_grace) return course;

    course.strikes = required_fails ? course.strikes + 1 : 0;
    course.without_fail = required_fails ? 0 : course.without_fail + 1;
    course.clean = fails_at_all ? 0 : course.clean + 1;

    bool const recovers = course.condition == Condition::failed && course.without_fail < kRoundsToReturn;
    bool const clears = (course.condition == Condition::failed || course.condition == Condition::degraded) &&
                        course.clean < kRoundsToReturn;
    if (course.strikes >= kStrikes || recovers)
        course.condition = Condition::failed;
    else if (fails_at_all || clears)
        course.condition = Condition::degraded;
    else
        course.condition = Condition::good;
    return course;
}

}   // namespace health
