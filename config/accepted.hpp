#pragma once
// Which operator's document is in force. <data>/config/atomix.yaml if this version accepts it; if it is
// refused, the last one that *this slot* accepted, kept as <data>/state/accepted-A.yaml or -B.yaml; else the
// built-in LAN default.
//
// One copy per slot: after a rollback the old version finds the document that it understood itself.

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
    // Stores an accepted document (mode 0600) if it differs from the stored one.
    InForce choose() const;

private:
    Path written_;
    Path stored_;
    Path stored_by_other_;
    DeviceNames names_;
};

// The last document that `slot` accepted, which it falls back to when it refuses the operator's. Nothing: it
// never accepted one. Errors: bad_input (this version refuses it, so nobody here knows what is in it),
// read_file's.
core::Result<std::optional<OperatorDocument>>
last_accepted(Path const& data_directory, core::Slot slot, DeviceNames const& names = {});

}   // namespace config
