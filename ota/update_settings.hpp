#pragma once
// What the update tasks need to know of the documents.

#include "config/device_document.hpp"
#include "config/operator_document.hpp"
#include "core/slot.hpp"
#include "ota/bundle.hpp"
#include "ota/poll_schedule.hpp"

#include <optional>
#include <string>

namespace ota {

struct UpdateSettings {
    std::string compatible;
    core::WallTime built{};   // the floor for the time at which certificates are judged
    std::filesystem::path keyring;
    SlotTargets slot_a;
    SlotTargets slot_b;
    int attempts = 3;
    PollRules poll;
    std::optional<std::string> server_url;   // none: no updates are looked for
    std::filesystem::path flags;             // where the flag files are

    SlotTargets const& targets(core::Slot slot) const { return slot == core::Slot::a ? slot_a : slot_b; }
};

UpdateSettings update_settings(config::DeviceDocument const& device, config::OperatorDocument const& wishes);

}   // namespace ota
