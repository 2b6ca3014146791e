#include "ota/start.hpp"

namespace ota {
namespace {

StartAction with_mark(StartFacts const& facts) noexcept {
    if (*facts.env.trial == facts.booted) {
        // A verdict that was recorded stands, whatever cut it short.
        if (facts.target == facts.booted && facts.phase == Phase::committed)
            return StartAction::finish_commit;
        if (facts.target == facts.booted && facts.phase == Phase::rolled_back)
            return StartAction::finish_rollback;
        return StartAction::trial;
    }
    if (facts.phase == Phase::activated && facts.same_boot) return StartAction::reboot_into_trial;
    if (facts.env.left(*facts.env.trial) == 0) return StartAction::attempts_used_up;
    return StartAction::did_not_load;
}

}   // namespace

StartAction decide_start(StartFacts const& facts) noexcept {
    if (facts.env.trial) return with_mark(facts);

    bool const in_target = facts.target == facts.booted;
    bool const is_first = !facts.env.order.empty() && facts.env.order.front() == facts.booted;
    // Only a commit takes the mark away and leaves the slot first; the books could not be written then.
    if (in_target && is_first && (facts.phase == Phase::activated || facts.phase == Phase::trial))
        return StartAction::finish_commit;
    if (facts.phase == Phase::written || facts.phase == Phase::activated)
        return in_target ? StartAction::ordinary : StartAction::activate_again;
    if (in_target && facts.phase == Phase::committed) return StartAction::finish_commit;
    if (in_target && facts.phase == Phase::rolled_back && facts.same_boot) return StartAction::reboot_to_old;
    if (facts.committed && *facts.committed != facts.booted) return StartAction::unplanned_fallback;
    return StartAction::ordinary;
}

}   // namespace ota
