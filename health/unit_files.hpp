#pragma once
// Quadlet files of ours in a directory. Everything is durable before it is told.

#include "core/result.hpp"
#include "health/container_sync.hpp"

#include <filesystem>

namespace health {

using core::Result;

// Who may read the files of a directory: they may hold secrets (Environment=).
struct Readers {
    unsigned group = 0;   // of the directory, which it may enter; 0: root's
    bool operator==(Readers const&) const = default;
};

// Those that Quadlet would look at, ours and others, in the order of their names; a directory that is not
// there holds none. What cannot be read counts as somebody else's. Errors: errno's.
Result<std::vector<UnitFile>> read_unit_files(std::filesystem::path const& directory);

// Writes and removes as `steps` says. The directory is made where it is missing. Errors: errno's.
Result<void> touch_unit_files(std::filesystem::path const& directory, Readers readers, Steps const& steps);

}   // namespace health
