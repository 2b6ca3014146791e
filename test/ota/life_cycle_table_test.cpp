#include "ota/life_cycle_table.hpp"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>
#include <string>

using core::Phase;
using ota::Event;
using ota::next_phase;

namespace {

constexpr int kPhases = 8;
constexpr int kEvents = 10;

std::optional<Phase> next(Phase from, Event event) {
    try {
        return next_phase(from, event);
    } catch (std::logic_error const&) { return std::nullopt; }
}

}   // namespace

TEST_CASE("an update that goes well passes every phase in order") {
    struct {
        Event event;
        Phase want;
    } const story[] = {
        {Event::offered, Phase::offered},        {Event::data_flows, Phase::downloading},
        {Event::images_written, Phase::written}, {Event::allowed, Phase::activated},
        {Event::booted_target, Phase::trial},    {Event::judged_good, Phase::committed},
        {Event::offered, Phase::offered},
    };
    auto phase = Phase::idle;
    for (auto const& step : story) {
        phase = next_phase(phase, step.event);
        CHECK(phase == step.want);
    }
}

// Columns are phases: idle offered downloading written activated trial committed rolled_back; a row is where
// the event leads from each, by the first letter (-: no row).
TEST_CASE("each event leads from each phase where the table says, or nowhere") {
    struct {
        Event event;
        char const* want;
    } const cases[] = {
        {Event::offered, "oooooooo"},        {Event::data_flows, "-dd-----"},
        {Event::images_written, "-ww-----"}, {Event::allowed, "---aa---"},
        {Event::not_activated, "----w---"},  {Event::booted_target, "tttttttt"},
        {Event::judged_good, "cccccccc"},    {Event::judged_bad, "rrrrrrrr"},
        {Event::fell_back, "rrrrrrrr"},      {Event::failed, "iiiiiicr"},
    };
    CHECK(std::size(cases) == kEvents);
    for (auto const& c : cases) {
        std::string found;
        for (int from = 0; from < kPhases; ++from) {
            auto const to = next(static_cast<Phase>(from), c.event);
            found += to ? core::name(*to)[0] : '-';
        }
        CHECK(found == c.want);
    }
}

TEST_CASE("no two rows answer the same event in the same phase, and every row answers one") {
    std::set<ota::EventRow const*> used;
    for (int from = 0; from < kPhases; ++from)
        for (int event = 0; event < kEvents; ++event) {
            int answers = 0;
            for (auto const& row : ota::kEventTable)
                if (row.answers(static_cast<Phase>(from), static_cast<Event>(event))) {
                    ++answers;
                    used.insert(&row);
                }
            CHECK(answers <= 1);
        }
    CHECK(used.size() == ota::kEventRows);
}

TEST_CASE("every row of a start has a name of its own and a situation that it answers") {
    std::set<std::string> names;
    std::set<ota::StartRow const*> used;
    for (auto const& row : ota::kStartTable) names.insert(row.name);
    for (unsigned n = 0; n < 9 * 4 * 32; ++n) {
        ota::Situation situation{.mark = static_cast<ota::Mark>(n / 32 % 4),
                                 .tries = static_cast<ota::Tries>(n >> 2U & 1U),
                                 .first = static_cast<ota::First>(n >> 3U & 1U),
                                 .last = static_cast<ota::Last>(n >> 4U & 1U)};
        if (n / 128 < kPhases) {
            situation.phase = static_cast<Phase>(n / 128);
            situation.target = static_cast<ota::TargetSlot>(n & 1U);
            situation.boot = static_cast<ota::Boot>(n >> 1U & 1U);
        }
        int answers = 0;
        for (auto const& row : ota::kStartTable) answers += row.matches(situation) ? 1 : 0;
        CHECK(answers == 1);
        used.insert(&ota::row_for(situation));
    }
    CHECK(names.size() == ota::kStartRows);
    CHECK(used.size() == ota::kStartRows);
}
