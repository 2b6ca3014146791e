#pragma once
// The operator's flags: files under <data>/config whose presence is the whole truth, content ignored.
// inotify(7) only says "look again", so a lost or coalesced event loses nothing; so does the table of mounts,
// since what is mounted over the directory or above it is no event.

#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/owned.hpp"

#include <array>
#include <filesystem>
#include <string_view>

namespace config {

inline constexpr std::string_view kSshWanEnabled = "ssh-wan-enabled";   // SSH (TCP 22) is open on the WAN
inline constexpr std::string_view kHoldUpdates = "hold-updates";        // no update is installed or activated
inline constexpr std::string_view kRetryUpdate = "retry-update";   // clears the ledger of rejected bundles
inline constexpr std::array kFlags{kSshWanEnabled, kHoldUpdates, kRetryUpdate};

// The flags set in `directory`: regular files only, because a link's target can change without an event here.
core::Flags read_flags(std::filesystem::path const& directory);

class FlagWatcher {
public:
    FlagWatcher(std::filesystem::path directory, core::Writer<&core::DeviceState::flags> flags, core::Log log)
        : directory_{std::move(directory)}, flags_{flags}, log_{std::move(log)} {}

    // Makes the directory if it is missing when this starts; one that goes away later is waited for, since
    // whoever replaces it by a rename must not find a new one in the way. Returns, after a warning, when
    // there is nothing left to watch (the parent is gone, or inotify's limits are reached): to be started
    // again, later.
    core::Task<void> run();

private:
    // Returns when the directory at the path may be another one, or cannot be watched.
    core::Task<void> watch_one_directory(bool& can_watch);
    void look();
    void warn(std::string_view what, int error);

    std::filesystem::path directory_;
    core::Writer<&core::DeviceState::flags> flags_;
    core::Log log_;
};

}   // namespace config
