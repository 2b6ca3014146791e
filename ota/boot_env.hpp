#pragma once
// The boot variables this program owns, by meaning. Everything else in the environment is left alone.
//
// Names and forms are RAUC's and our loader's: BOOT_ORDER "B A", BOOT_A_LEFT and BOOT_B_LEFT in hex, and
// ATOMIX_TRIAL, the slot on trial, which the loader lets through. One write is one libubootenv store into the
// copy not in use, so a power cut leaves the old set or the new one (libubootenv src/uboot_env.c,
// libuboot_env_store).

#include "core/device_state.hpp"
#include "core/result.hpp"
#include "core/slot.hpp"
#include "core/task.hpp"

#include <optional>
#include <vector>

namespace ota {

using core::Phase;
using core::Result;
using core::Slot;
using core::Task;

struct BootState {
    std::vector<Slot> order;   // slots the loader may try, first one first
    int left_a = 0;            // tries left; 0: skipped
    int left_b = 0;
    std::optional<Slot> trial;   // set with the activation, removed with commit or rollback
    // No copy has a good checksum: the rest is what the loader begins with (order A B, all attempts, no
    // trial). Whatever is written next makes it whole again (docs/decisions/0008).
    bool lost = false;

    int left(Slot slot) const noexcept { return slot == Slot::a ? left_a : left_b; }
    int& left(Slot slot) noexcept { return slot == Slot::a ? left_a : left_b; }
    bool has_in_order(Slot slot) const noexcept;
    bool operator==(BootState const&) const = default;
};

// The four changes this program makes to the environment; each is one write, also to one that was lost. None
// of them ever leaves the loader without a slot to try: the other one stays in the order, or comes back into
// it.

// The loader never tries `slot`; its trial, if any, is over; the other slot has all its attempts.
BootState with_marked_bad(BootState now, Slot slot, int attempts);
// `slot` first and on trial, the other one behind it; both with all attempts.
BootState with_activated(BootState now, Slot slot, int attempts);
// `slot` first, no trial.
BootState with_committed(BootState now, Slot slot, int attempts);
// Only the counter.
BootState with_refilled(BootState now, Slot slot, int attempts);

class BootEnv {
public:
    virtual ~BootEnv() = default;

    // What the loader would make of it: an order that names no known slot is A B, one that names a slot twice
    // names it once, a counter that is absent or no hexadecimal number is a full one. Errors: io (a device
    // that cannot be read). That no copy is good is no error but BootState::lost.
    virtual Task<Result<BootState>> read() = 0;

    // Stores what differs, at once, and reads it back from the device; where nothing differs nothing is
    // stored. Errors: io, naming the device (also when it did not take the data or other values are read
    // back), refused (a variable is read-only). What is then on the device is unknown: read again.
    virtual Task<Result<void>> write(BootState wanted) = 0;
};

}   // namespace ota
