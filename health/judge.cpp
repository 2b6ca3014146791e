#include "health/judge.hpp"

#include <algorithm>

namespace health {
namespace {

std::string seconds(core::Duration d) {
    return std::to_string(core::count_s(d)) + " s";
}

Reading const* first_failing(std::vector<Reading> const& readings) {
    auto const failing =
        std::ranges::find_if(readings, [](Reading const& r) { return r.required && !r.good; });
    return failing == readings.end() ? nullptr : &*failing;
}

}   // namespace

Judgement judge(TrialFacts const& facts, Rules const& rules) {
    if (facts.healthy_for >= rules.window)
        return {Verdict::commit, "every required probe held for the whole window"};
    for (auto const& [name, service] : facts.services)
        if (service.starts > rules.restarts_allowed + 1)
            return {Verdict::roll_back,
                    name + " does not stay up: started " + std::to_string(service.starts) + " times in " +
                        seconds(facts.age) + (service.error.empty() ? "" : ", last " + service.error)};
    auto const* const failing = first_failing(facts.readings);
    if (facts.age >= rules.limit)
        return {Verdict::roll_back, failing ? failing->probe + ": " + failing->detail +
                                                  ", at the end of a trial of " + seconds(rules.limit)
                                            : "the probes did not hold for " + seconds(rules.window) +
                                                  " within a trial of " + seconds(rules.limit)};
    return {Verdict::wait, failing ? failing->probe + ": " + failing->detail : ""};
}

std::vector<Reading> excused(std::vector<Reading> readings, std::vector<std::string> const& failing_before) {
    for (auto& reading : readings)
        if (std::ranges::find(failing_before, reading.probe) != failing_before.end())
            reading.required = false;
    return readings;
}

Held next_held(Held held,
               std::vector<Reading> const& readings,
               core::Services const& services,
               core::TimePoint now) {
    bool restarted = false;
    for (auto const& [name, service] : services) {
        auto const known = held.starts.find(name);
        restarted |= known != held.starts.end() && known->second != service.starts;
        held.starts[name] = service.starts;
    }
    if (first_failing(readings))
        held.since.reset();
    else if (restarted || !held.since)
        held.since = now;
    return held;
}

}   // namespace health
