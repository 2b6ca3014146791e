#pragma once
// What became of the last updates, and which bundle each slot holds since its commit. They explain; the boot
// environment decides. <data>/state/history.json and <data>/state/committed.json.

#include "core/device_state.hpp"
#include "core/json.hpp"
#include "ota/installed.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ota {

struct OutcomeTrial {
    long long length_s = 0;   // of its last boot, to the verdict; 0: there was none, or an older version told
    int boots = 0;            // of the target, until its end
    int unexpected_reboots = 0;   // among them: neither the activation's nor for want of a boot environment
    bool operator==(OutcomeTrial const&) const = default;
};

struct Outcome {
    bool committed = false;   // otherwise rolled back
    core::Slot slot = core::Slot::a;
    std::string version;
    core::Sha256 manifest_hash{};
    std::string reason;
    std::string at;        // wall time, as good as the device knew it
    std::string boot_id;   // of the boot that saw the end
    OutcomeTrial trial;
    bool operator==(Outcome const&) const = default;
};

struct History {
    std::vector<Outcome> outcomes;   // the newest last, at most 20

    // The same end of the same bundle in the same boot is one outcome, however often it is recorded.
    void add(Outcome outcome);
    std::optional<core::Outcome> last_commit() const;
    std::optional<core::Outcome> last_rollback() const;
    bool operator==(History const&) const = default;
};
core::json::object to_json(History const& history);
History history_from_json(core::json::object const& object);

struct Committed {
    std::optional<core::Slot> last;            // the slot last committed
    std::map<core::Slot, Installed> bundles;   // by slot
    std::uint64_t floor = 0;                   // no bundle of a lower index is installed; 0: none yet
    bool operator==(Committed const&) const = default;
};
core::json::object to_json(Committed const& committed);
Committed committed_from_json(core::json::object const& object);

// The floor once `bundle` is committed, never before: at least its index, and exactly that after a recovery
// bundle that may lower this floor. The same however often it is repeated.
std::uint64_t floor_after(std::uint64_t floor, Installed const& bundle) noexcept;

}   // namespace ota
