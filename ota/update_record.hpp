#pragma once
// The update under way, persisted before each phase is entered, so that a power cut resumes at a known point.
// <data>/state/update.json.

#include "core/device_state.hpp"
#include "core/json.hpp"
#include "ota/installed.hpp"

#include <optional>
#include <string>
#include <vector>

namespace ota {

struct UpdateRecord {
    core::Phase phase = core::Phase::idle;
    core::Slot target = core::Slot::b;
    Installed bundle;
    std::uint64_t boot_size = 0;   // of the images, for checking the slot again
    std::uint64_t rootfs_size = 0;
    core::Baseline baseline;              // what the probes said before the update
    std::string boot_id;                  // of the boot in which this phase was entered
    core::TimePoint trial_started{};      // in time since boot, of the boot named by boot_id
    int trial_boots = 0;                  // of the target since the activation, as far as this program ran
    core::Duration trial_length{};        // of its last boot, to the verdict; 0: not judged
    std::string reason;                   // for rolled_back
    Rejection why = Rejection::verdict;   // for rolled_back
    int unjudged_boots = 0;               // left by a reboot because the boot environment could not be used
    bool operator==(UpdateRecord const&) const = default;
};

core::json::object to_json(UpdateRecord const& record);
// Errors: bad_input, naming the member.
core::Result<UpdateRecord> update_record_from_json(core::json::object const& object);

}   // namespace ota
