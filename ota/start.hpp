#pragma once
// What a start of this program means for an update that may be under way: facts -> row of the table. Pure.

#include "ota/boot_env.hpp"
#include "ota/life_cycle_table.hpp"

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

Situation situation_of(StartFacts const& facts) noexcept;

StartAction decide_start(StartFacts const& facts) noexcept;

// The environment to begin with for one of the four restore_… actions; any other action is a bug and gives
// `lost` back as it is.
BootState restored(StartAction action, BootState lost, Slot booted, int attempts);

}   // namespace ota
