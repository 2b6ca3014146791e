#pragma once
// Which operator's document is in force. <data>/config/atomix.yaml if this version accepts it; if it is
// refused, the last one that a slot accepted and that this version accepts too; else the built-in LAN
// default.
//
// Each slot keeps a copy of what it accepted last, <data>/state/accepted-A.yaml and -B.yaml, so after a
// rollback the old version finds one that it understood itself. The newer copy stands in: a slot that is
// booted after the other, for a trial or back from one, goes on with what the device ran on just before.
//
// The copies' times of change tell which is newer. They are a counter more than a time: a slot that accepts
// sets its copy's behind the other's, so a clock that jumps, or that there is none at boot, reverses nothing.

#include "config/operator_document.hpp"
#include "core/device_state.hpp"
#include "core/slot.hpp"

namespace config {

struct InForce {
    OperatorDocument document;
    core::ConfigState state;   // the source, and every problem met on the way
};

class Accepted {
public:
    Accepted(Path const& data_directory, core::Slot booted, DeviceNames names = {});

    // Never fails: what cannot be read, parsed or stored is one of the problems. No document at all is none.
    // Stores an accepted document (mode 0600) if it differs from the stored one; its copy is the newer one
    // then.
    InForce choose() const;

private:
    void stand_in(InForce& chosen) const;

    core::Slot booted_;
    Path written_;
    Path stored_;
    Path stored_by_other_;
    DeviceNames names_;
};

// Which copy stands in first, by the times of change of both; nothing: there is no copy. The other slot's
// goes first where neither is newer, since this slot has accepted nothing after it.
using AcceptedAt = std::optional<std::filesystem::file_time_type>;
bool own_is_newer(AcceptedAt own, AcceptedAt others);

// The last document that `slot` accepted, which it falls back to when it refuses the operator's. Nothing: it
// never accepted one. Errors: bad_input (this version refuses it, so nobody here knows what is in it),
// read_file's.
core::Result<std::optional<OperatorDocument>>
last_accepted(Path const& data_directory, core::Slot slot, DeviceNames const& names = {});

}   // namespace config
