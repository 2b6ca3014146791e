#pragma once
// Commit, wait or roll back, from named facts. Pure: no clock, no I/O.

#include "core/device_state.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace health {

using core::Reading;
using core::Verdict;

struct Rules {
    core::Duration window{};         // every required probe must hold this long
    core::Duration limit{};          // a trial that is older than this has failed
    unsigned restarts_allowed = 3;   // of one service, from the start of this program
};

struct TrialFacts {
    core::Duration age{};           // since the trial began
    core::Duration healthy_for{};   // since when every required probe has held, restarts counted as failures
    core::Services services;
    std::vector<Reading> readings;
};

struct Judgement {
    Verdict verdict = Verdict::wait;
    std::string reason;   // one sentence
    bool operator==(Judgement const&) const = default;
};

// Health wins at the very last second.
Judgement judge(TrialFacts const& facts, Rules const& rules);

// What was failing before the update is not held against the new slot.
std::vector<Reading> excused(std::vector<Reading> readings, std::vector<std::string> const& failing_before);

// Since when everything required has held. A service that restarted between two rounds has not, even if it
// was up in both.
struct Held {
    std::optional<core::TimePoint> since;
    std::map<std::string, unsigned> starts;   // at the last round
};
Held next_held(Held held,
               std::vector<Reading> const& readings,
               core::Services const& services,
               core::TimePoint now);

}   // namespace health
