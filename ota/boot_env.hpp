#pragma once
// The boot variables this program owns, by meaning. Everything else in the environment is left alone.
//
// Names and forms are RAUC's and our loader's: BOOT_ORDER "B A", BOOT_A_LEFT and BOOT_B_LEFT in hex, and ATOMIX_TRIAL,
// the slot on trial, which the loader lets through. One write is one libubootenv store into the copy not in use, so a
// power cut leaves the old set or the new one (libubootenv src/uboot_env.c, libuboot_env_store).

#include "core/result.hpp"
#include "core/slot.hpp"

#include <optional>
#include <vector>

namespace ota {

using core::Result;
using core::Slot;

struct BootState {
    std::vector<Slot> order;        // slots the loader may try, first one first
    int left_a = 0;                 // tries left; 0: skipped
    int left_b = 0;
    std::optional<Slot> trial;      // set with the activation, removed with commit or rollback

    int left(Slot slot) const noexcept { return slot == Slot::a ? left_a : left_b; }
    int& left(Slot slot) noexcept { return slot == Slot::a ? left_a : left_b; }
    bool operator==(BootState const&) const = default;
};

// The four changes this program makes to the environment; each is one write.
BootState with_marked_bad(BootState now, Slot slot);                     // the loader never tries it; no trial of it
BootState with_activated(BootState now, Slot slot, int attempts);        // first in the order, on trial
BootState with_committed(BootState now, Slot slot, int attempts);        // first in the order, no trial
BootState with_refilled(BootState now, Slot slot, int attempts);         // only the counter

class BootEnv {
public:
    virtual ~BootEnv() = default;

    // Errors: io (device unreadable, or no copy with a good checksum).
    virtual Result<BootState> read() = 0;

    // Stores what differs, at once, and reads it back. Errors: io (also when another value is read back).
    virtual Result<void> write(BootState const& wanted) = 0;
};

}   // namespace ota
