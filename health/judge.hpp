#pragma once
// Commit, wait or roll back, from named facts. Pure: no clock, no I/O.
//
// What each trigger is, and which test guards it: docs/architecture.md.

#include "core/device_state.hpp"
#include "health/rules.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace health {

using core::Reading;
using core::Verdict;

struct TrialFacts {
    core::TimePoint now{};
    core::Duration age{};           // since the trial began
    core::Duration healthy_for{};   // since when every required probe has held, restarts counted as failures
    core::Duration healthy_but_cable_for{};     // the same, without those that fail for want of a cable only
    std::map<std::string, unsigned> restarts;   // of each of them, those of the grace left out
    core::Services services;                    // and containers: counted_runs()
    std::vector<Reading> readings;              // weighed
};

struct Judgement {
    Verdict verdict = Verdict::wait;
    std::string reason;   // one sentence: probe, reading, and since when
    bool operator==(Judgement const&) const = default;
};

// Health wins at the very last second. A service that does not stay up ends the trial at once. A container
// that does not is judged by the window and the limit alone: it may wait for a remote, for which its image,
// and not the slot, decides to end.
Judgement judge(TrialFacts const& facts, Rules const& rules);

// What each reading counts for, by the rules of the device and by what was before the update: what was
// failing then is not held against the new slot. Those that are off are left out. A container fails for want
// of a cable, as wan_lease does, while that one does, unless the cable was out before as well.
std::vector<Reading> weighed(std::vector<Reading> readings, Rules const& rules, core::Baseline const& before);

// Outside trials: there is no slot to compare with, so what the operator requires of containers is required.
std::vector<Reading> weighed(std::vector<Reading> readings, Rules const& rules);

// Whose restarts count: those of the services, and of the containers whose reading is required. A container
// has two that are counted by themselves, its unit's and podman's own: a unit's restart makes a new
// container, whose count begins anew.
core::Services counted_runs(core::Services services,
                            core::Containers const& containers,
                            std::vector<Reading> const& readings);

// Those whose restarts count: not where the probe of the same name is off, excused or only wanted.
core::Services
judged_services(core::Services services, std::vector<Reading> const& weighed, Rules const& rules);

// Since when everything required has held. A service that restarted between two rounds has not, even if it
// was up in both; nor has a container, but for the time in which the WAN's cable is out.
struct Held {
    std::optional<core::TimePoint> since;
    std::optional<core::TimePoint> but_cable_since;
    struct Run {
        unsigned starts = 0;   // at the last round
        std::string invocation;
        unsigned forgiven = 0;   // restarts within the grace
    };
    std::map<std::string, Run> runs;

    std::map<std::string, unsigned> restarts() const;
};
Held next_held(Held held,
               std::vector<Reading> const& readings,
               core::Services const& services,
               core::TimePoint now,
               bool in_grace);

}   // namespace health
