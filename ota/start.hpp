#pragma once
// What a start of this program means for an update that may be under way. Pure.
//
// The boot environment decides what happened, the record under <data>/state only explains it. The trial mark
// is in the same store as the activation, so "activated" and "on trial" can never disagree.

#include "ota/boot_env.hpp"

#include <optional>

namespace ota {

struct StartFacts {
    BootState env;
    Slot booted = Slot::a;
    std::optional<Slot> committed;   // the slot last committed; none before the first
    // From the record; nothing when there is none or it was unreadable.
    std::optional<Phase> phase;
    std::optional<Slot> target;
    bool same_boot = false;   // the record was written in this very boot
};

enum class StartAction {
    ordinary,             // nothing is under way
    activate_again,       // written, never activated: check the slot and activate it
    reboot_into_trial,    // activated, and this is still the boot in which that was done
    trial,                // the booted slot is on trial
    finish_commit,        // judged good, the environment or the books may not say so yet
    finish_rollback,      // judged bad, the environment does not say so yet
    reboot_to_old,        // rolled back, and this is still the slot that was judged bad
    attempts_used_up,     // the loader fell back: every attempt was used without a commit
    did_not_load,         // the loader fell back: it tried the slot and could not load it
    unplanned_fallback,   // no update, but this is not the slot last committed
};

StartAction decide_start(StartFacts const& facts) noexcept;

}   // namespace ota
