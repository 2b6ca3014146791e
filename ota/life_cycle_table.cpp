#include "ota/life_cycle_table.hpp"

#include <initializer_list>
#include <stdexcept>
#include <string>

namespace ota {
namespace {

using P = Phase;
using A = StartAction;

constexpr unsigned bit(Phase phase) {
    return 1U << static_cast<unsigned>(phase);
}
constexpr unsigned bits(std::initializer_list<Phase> phases) {
    unsigned all = 0;
    for (auto const phase : phases) all |= bit(phase);
    return all;
}
constexpr unsigned kNoRecord = bit(P::rolled_back) << 1U;
constexpr unsigned kEveryPhase = kNoRecord - 1;
constexpr unsigned kAll = kEveryPhase | kNoRecord;

template <class E> constexpr AnyOf<E> only(E value) {
    return {1U << static_cast<unsigned>(value)};
}
struct Any {
    template <class E> constexpr operator AnyOf<E>() const { return {~0U}; }
} constexpr any;

constexpr auto kUnmarked = only(Mark::none), kOnTrial = only(Mark::booted), kOtherOnTrial = only(Mark::other),
               kLost = only(Mark::lost);
constexpr auto kHere = only(TargetSlot::booted), kSpare = only(TargetSlot::other);
constexpr auto kSameBoot = only(Boot::same), kLater = only(Boot::earlier);
constexpr auto kSomeTries = only(Tries::left), kNoTries = only(Tries::none);
constexpr auto kFirst = only(First::booted), kNotFirst = only(First::other);
constexpr auto kHome = only(Last::booted), kAway = only(Last::other);

constexpr unsigned kActivated = bit(P::activated);
constexpr unsigned kJudged = bits({P::committed, P::rolled_back});
constexpr unsigned kStreaming = bits({P::offered, P::downloading});
constexpr unsigned kInTrial = bits({P::activated, P::trial});
constexpr unsigned kComplete = bits({P::written, P::activated});
constexpr unsigned kBefore = bits({P::idle, P::offered, P::downloading, P::written});
constexpr unsigned kSpoilt = bits({P::downloading, P::written, P::activated, P::rolled_back});

constexpr bool is_match(StartRow const& row, Situation const& s) {
    auto const phase = s.phase ? bit(*s.phase) : kNoRecord;
    return (row.phases & phase) != 0 && row.mark.contains(s.mark) && row.target.contains(s.target) &&
           row.boot.contains(s.boot) && row.tries.contains(s.tries) && row.first.contains(s.first) &&
           row.last.contains(s.last);
}

// clang-format off
constexpr std::array<StartRow, kStartRows> kStarts{{
    // phase in the record                mark           target  boot       tries       order      committed

    // The booted slot is on trial.
    {"on trial",
     kEveryPhase & ~kJudged,              kOnTrial,      kHere,  any,       any,        any,       any,    A::trial, P::trial},
    {"on trial, the record is lost or of something else",
     kAll,                                kOnTrial,      kSpare, any,       any,        any,       any,    A::trial, P::trial},
    {"judged good, not yet in the environment",
     bit(P::committed),                   kOnTrial,      kHere,  any,       any,        any,       any,    A::finish_commit, P::committed},
    {"judged bad, not yet in the environment",
     bit(P::rolled_back),                 kOnTrial,      kHere,  any,       any,        any,       any,    A::finish_rollback, P::rolled_back},

    // The other slot is.
    {"activated, not yet rebooted",
     kActivated,                          kOtherOnTrial, any,    kSameBoot, any,        any,       any,    A::reboot_into_trial, {}},
    {"activated, every attempt used",
     kActivated,                          kOtherOnTrial, any,    kLater,    kNoTries,   any,       any,    A::attempts_used_up, P::rolled_back},
    {"activated, did not load",
     kActivated,                          kOtherOnTrial, any,    kLater,    kSomeTries, any,       any,    A::did_not_load, P::rolled_back},
    {"every attempt used",
     kAll & ~kActivated,                  kOtherOnTrial, any,    any,       kNoTries,   any,       any,    A::attempts_used_up, P::rolled_back},
    {"did not load",
     kAll & ~kActivated,                  kOtherOnTrial, any,    any,       kSomeTries, any,       any,    A::did_not_load, P::rolled_back},

    // None is, in the target. Only a commit takes the mark away and leaves the slot first.
    {"committed, the record does not say so",
     kInTrial,                            kUnmarked,     kHere,  any,       any,        kFirst,    any,    A::finish_commit, P::committed},
    {"committed, perhaps not in all books",
     bit(P::committed),                   kUnmarked,     kHere,  any,       any,        any,       any,    A::finish_commit, P::committed},
    {"rolled back, not yet rebooted",
     bit(P::rolled_back),                 kUnmarked,     kHere,  kSameBoot, any,        any,       any,    A::reboot_to_old, {}},
    {"in a slot that was rolled back",
     bit(P::rolled_back),                 kUnmarked,     kHere,  kLater,    any,        any,       kHome,  A::ordinary, {}},
    {"fell back into a slot that was rolled back",
     bit(P::rolled_back),                 kUnmarked,     kHere,  kLater,    any,        any,       kAway,  A::unplanned_fallback, {}},
    {"in the target, before it was activated",
     kBefore,                             kUnmarked,     kHere,  any,       any,        any,       kHome,  A::ordinary, {}},
    {"fell back into the target, before it was activated",
     kBefore,                             kUnmarked,     kHere,  any,       any,        any,       kAway,  A::unplanned_fallback, {}},
    {"in the target, neither first nor on trial",
     kInTrial,                            kUnmarked,     kHere,  any,       any,        kNotFirst, kHome,  A::ordinary, {}},
    {"fell back into the target, neither first nor on trial",
     kInTrial,                            kUnmarked,     kHere,  any,       any,        kNotFirst, kAway,  A::unplanned_fallback, {}},

    // None is, beside the target.
    {"written",
     bit(P::written),                     kUnmarked,     kSpare, any,       any,        any,       any,    A::resume_written, {}},
    {"activated, the environment does not say so",
     kActivated,                          kUnmarked,     kSpare, any,       any,        any,       any,    A::activate_again, P::activated},
    {"download under way",
     kStreaming,                          kUnmarked,     kSpare, any,       any,        any,       kHome,  A::resume_download, {}},
    {"nothing under way",
     kAll & ~kComplete & ~kStreaming,     kUnmarked,     kSpare, any,       any,        any,       kHome,  A::ordinary, {}},
    {"fell back from the slot last committed",
     kAll & ~kComplete,                   kUnmarked,     kSpare, any,       any,        any,       kAway,  A::unplanned_fallback, {}},

    // No copy of the environment is good: begin one with what the record knows, then look again.
    {"environment lost on trial",
     kInTrial,                            kLost,         kHere,  any,       any,        any,       any,    A::restore_trial, {}},
    {"environment lost, running slot judged bad",
     bit(P::rolled_back),                 kLost,         kHere,  kSameBoot, any,        any,       any,    A::restore_without_booted, {}},
    {"environment lost in a slot that was rolled back",
     bit(P::rolled_back),                 kLost,         kHere,  kLater,    any,        any,       any,    A::restore_booted_first, {}},
    {"environment lost in the target",
     kBefore | bit(P::committed),         kLost,         kHere,  any,       any,        any,       any,    A::restore_booted_first, {}},
    {"environment lost, spare slot unfinished or refused",
     kSpoilt,                             kLost,         kSpare, any,       any,        any,       any,    A::restore_without_spare, {}},
    {"environment lost beside the target",
     kAll & ~kSpoilt,                     kLost,         kSpare, any,       any,        any,       any,    A::restore_booted_first, {}},
}};

constexpr std::array<EventRow, kEventRows> kEvents{{
    {kEveryPhase,                         Event::offered,         P::offered,     "read the bundle's tables"},
    {kStreaming,                          Event::data_flows,      P::downloading, "forget what the spare slot held, mark it bad, write"},
    {kStreaming,                          Event::images_written,  P::written,     "wait for the permission to activate"},
    {kComplete,                           Event::allowed,         P::activated,   "store order, counters and trial mark at once; reboot"},
    {kActivated,                          Event::not_activated,   P::written,     "wait for the permission to activate"},
    {kEveryPhase,                         Event::booted_target,   P::trial,       "hand the baseline to the judge, wait for its verdict"},
    {kEveryPhase,                         Event::judged_good,     P::committed,   "target first, counter full, mark removed; then the books"},
    {kEveryPhase,                         Event::judged_bad,      P::rolled_back, "ledger, history; target out of the order; reboot"},
    {kEveryPhase,                         Event::fell_back,       P::rolled_back, "ledger, history; target out of the order"},
    {kBefore | kInTrial,                  Event::failed,          P::idle,        "show the error, poll again later"},
    {bit(P::committed),                   Event::failed,          P::committed,   "show the error: it came before the offer was recorded"},
    {bit(P::rolled_back),                 Event::failed,          P::rolled_back, "show the error: it came before the offer was recorded"},
}};
// clang-format on

constexpr int matches(Situation const& situation) {
    int count = 0;
    for (auto const& row : kStarts) count += is_match(row, situation) ? 1 : 0;
    return count;
}

template <class Check> constexpr bool holds_for_every_situation(Check check) {
    for (unsigned n = 0; n < 9 * 4 * 32; ++n) {
        auto const phase = n / (4 * 32);
        Situation const s{.phase = phase < 8 ? std::optional{static_cast<Phase>(phase)} : std::nullopt,
                          .mark = static_cast<Mark>(n / 32 % 4),
                          .target = static_cast<TargetSlot>(n & 1U),
                          .boot = static_cast<Boot>(n >> 1U & 1U),
                          .tries = static_cast<Tries>(n >> 2U & 1U),
                          .first = static_cast<First>(n >> 3U & 1U),
                          .last = static_cast<Last>(n >> 4U & 1U)};
        bool const is_possible = s.phase || (s.target == TargetSlot::other && s.boot == Boot::earlier);
        if (is_possible && !check(s)) return false;
    }
    return true;
}
static_assert(holds_for_every_situation([](Situation const& s) { return matches(s) >= 1; }),
              "a start that no row of the table answers");
static_assert(holds_for_every_situation([](Situation const& s) { return matches(s) <= 1; }),
              "a start that two rows of the table answer");

}   // namespace

constinit std::array<StartRow, kStartRows> const kStartTable = kStarts;
constinit std::array<EventRow, kEventRows> const kEventTable = kEvents;

bool StartRow::matches(Situation const& situation) const noexcept {
    return is_match(*this, situation);
}

StartRow const& row_for(Situation const& situation) noexcept {
    std::size_t at = 0;
    while (!is_match(kStarts[at], situation)) ++at;   // ends: the static_assert above
    return kStartTable[at];
}

bool EventRow::answers(Phase from, Event what) const noexcept {
    return event == what && (phases & bit(from)) != 0;
}

Phase next_phase(Phase from, Event event) {
    for (auto const& row : kEvents)
        if (row.answers(from, event)) return row.next;
    throw std::logic_error{std::string{"the life cycle has no row for event "} +
                           std::to_string(static_cast<int>(event)) + " in phase " + core::name(from)};
}

}   // namespace ota
