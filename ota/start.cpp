#include "ota/start.hpp"

namespace ota {
namespace {

Mark mark_in(BootState const& env, Slot booted) noexcept {
    if (env.lost) return Mark::lost;
    if (!env.trial) return Mark::none;
    return *env.trial == booted ? Mark::booted : Mark::other;
}

}   // namespace

Situation situation_of(StartFacts const& facts) noexcept {
    auto const& env = facts.env;
    bool const has_tries = !env.trial || env.left(*env.trial) > 0;
    bool const is_first = !env.order.empty() && env.order.front() == facts.booted;
    return {.phase = facts.phase,
            .mark = mark_in(env, facts.booted),
            .target = facts.target == facts.booted ? TargetSlot::booted : TargetSlot::other,
            .boot = facts.same_boot ? Boot::same : Boot::earlier,
            .tries = has_tries ? Tries::left : Tries::none,
            .first = is_first ? First::booted : First::other,
            .last = facts.committed.value_or(facts.booted) == facts.booted ? Last::booted : Last::other};
}

StartAction decide_start(StartFacts const& facts) noexcept {
    return row_for(situation_of(facts)).act;
}

BootState restored(StartAction action, BootState lost, Slot booted, int attempts) {
    switch (action) {
    case StartAction::restore_trial:
        return with_activated(std::move(lost), booted, attempts);
    case StartAction::restore_without_booted:
        return with_marked_bad(std::move(lost), booted, attempts);
    case StartAction::restore_without_spare:
        return with_marked_bad(std::move(lost), core::other(booted), attempts);
    case StartAction::restore_booted_first:
        return with_committed(std::move(lost), booted, attempts);
    default:
        return lost;
    }
}

}   // namespace ota
