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
    SignerRules signers;
    SlotTargets slot_a;
    SlotTargets slot_b;
    int attempts = 3;
    PollRules poll;
    std::optional<std::string> server_url;   // none: no updates are looked for
    std::filesystem::path flags;             // where the flag files are
    std::uint64_t index = 0;                 // of the running image's release; 0: none
    std::optional<int> revision;             // of the board, if known
    int minimum_rate = 1024;                 // bytes per second: a slower download is given up
    core::Duration download_limit = std::chrono::hours{24};
    core::Duration trial_limit = std::chrono::minutes{10};
    int trials_per_bundle = 1;   // bad verdicts before the same content is rejected for good
    std::uint64_t checkpoint_every =
        16 * 1024 * 1024;   // bytes of a bundle between two records of its progress
    core::Duration checkpoint_pause = std::chrono::seconds{2};   // and time
    std::size_t piece_size = 512 * 1024;                         // WriteSteps::piece_size
    std::optional<std::filesystem::path> boot_files;   // where the running slot's boot partition is mounted
    config::MaintenanceWindows windows;                // for activating; none: at any time
    bool only_security = false;                        // the operator wants no other updates

    SlotTargets const& targets(core::Slot slot) const { return slot == core::Slot::a ? slot_a : slot_b; }
};

UpdateSettings update_settings(config::DeviceDocument const& device, config::OperatorDocument const& wishes);

}   // namespace ota
