#pragma once
// What deploy/systemd/trial-end wrote down when it ended a trial that atomixd had not ended: one line in
// <data>/state/trial-end, "B slot B was on trial without a commit 903 s after the boot, …". It explains a
// rollback, and decides nothing.

#include "core/result.hpp"
#include "core/slot.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace ota {

class TrialEnd {
public:
    explicit TrialEnd(std::filesystem::path const& directory) : file_{directory / "trial-end"} {}

    // The sentence about the last boot of `slot`; nothing when there is none, or none that can be read.
    std::optional<std::string> reason(core::Slot slot) const;
    // The trial that it tells of is over. Errors: io.
    core::Result<void> forget() const;

private:
    std::filesystem::path file_;
};

}   // namespace ota
