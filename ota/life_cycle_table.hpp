#pragma once
// The life cycle of an update as one table in two parts: what a start of this program does, and where each
// event leads while it runs. Whoever acts persists the next phase first, so a power cut ends in a row of the
// first part.
//
// The boot environment decides what happened; the record under <data>/state only explains it. The trial mark
// is in the same store as the activation, so "activated" and "on trial" can never disagree.

#include "core/device_state.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace ota {

using core::Phase;

// ---- at a start ----

// The facts of a start, each of which has few values.

// The slot on trial; lost: no good environment.
enum class Mark : std::uint8_t { none, booted, other, lost };
enum class TargetSlot : std::uint8_t { booted, other };   // of the record; other when there is none
enum class Boot : std::uint8_t { same, earlier };         // in which the record's phase was entered
enum class Tries : std::uint8_t { left, none };           // of the slot on trial, when that is the other one
enum class First : std::uint8_t { booted, other };        // in the loader's order
enum class Last : std::uint8_t { booted, other };   // slot that was committed; booted before the first commit

struct Situation {
    std::optional<Phase> phase;   // nothing: no record, or an unreadable one
    Mark mark = Mark::none;
    TargetSlot target = TargetSlot::other;
    Boot boot = Boot::earlier;
    Tries tries = Tries::left;
    First first = First::booted;
    Last last = Last::booted;
};

enum class StartAction {
    ordinary,                 // nothing is under way: refill the counter
    resume_download,          // as ordinary; the next poll goes on where the download stopped
    resume_written,           // written: check the slot, then activate it when that is allowed
    activate_again,           // allowed, never activated: check the slot, activate it if it still is allowed
    reboot_into_trial,        // activated, and this is still the boot in which that was done
    trial,                    // the booted slot is on trial
    finish_commit,            // judged good, the environment or the books may not say so yet
    finish_rollback,          // judged bad, the environment does not say so yet
    reboot_to_old,            // rolled back, and this is still the slot that was judged bad
    attempts_used_up,         // the loader fell back: every attempt was used without a commit
    did_not_load,             // the loader fell back: it tried the slot and could not load it
    unplanned_fallback,       // no update, but this is not the slot last committed
    restore_booted_first,     // no good environment: begin one with the booted slot first, look again
    restore_trial,            // the same, with the booted slot on trial
    restore_without_spare,    // the same, without the spare slot, whose content is unfinished or was refused
    restore_without_booted,   // the same, without the booted slot, which was judged bad
};

// A set of values of an enum, as bits.
template <class E> struct AnyOf {
    unsigned bits;
    constexpr bool contains(E value) const noexcept {
        return (bits >> static_cast<unsigned>(value) & 1U) != 0;
    }
};

struct StartRow {
    char const* name;
    unsigned phases;   // bits of Phase, and kNoRecord
    AnyOf<Mark> mark;
    AnyOf<TargetSlot> target;
    AnyOf<Boot> boot;
    AnyOf<Tries> tries;
    AnyOf<First> first;
    AnyOf<Last> last;
    StartAction act;
    std::optional<Phase> next;   // the phase it enters; nothing: the record stays

    bool matches(Situation const& situation) const noexcept;
};

inline constexpr std::size_t kStartRows = 29;
extern std::array<StartRow, kStartRows> const kStartTable;

// Exactly one row matches each situation; the compiler has tried them all. No record: target other, boot
// earlier.
StartRow const& row_for(Situation const& situation) noexcept;

// ---- while it runs ----

enum class Event : std::uint8_t {
    offered,          // a signed bundle that may be installed, for the spare slot
    data_flows,       // the server has begun to send images: the spare slot's content ends here
    images_written,   // all of them, verified and synced
    allowed,          // window, flags and consent: it may be activated
    not_activated,    // the environment could not be told, or it may not be any more
    booted_target,    // the loader has chosen it: the mark names the booted slot
    judged_good,
    judged_bad,
    fell_back,   // the loader has given the slot up
    failed,      // any error before the reboot, or a slot that does not hold the images
};

struct EventRow {
    unsigned phases;   // bits of Phase
    Event event;
    Phase next;
    char const* act;   // what follows once `next` is persisted

    bool answers(Phase from, Event what) const noexcept;
};

inline constexpr std::size_t kEventRows = 12;
extern std::array<EventRow, kEventRows> const kEventTable;

// The phase to persist before acting on `event`. An event that has no row for the phase is a bug and throws
// std::logic_error.
Phase next_phase(Phase from, Event event);

}   // namespace ota
