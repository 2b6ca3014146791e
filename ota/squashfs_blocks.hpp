#pragma once
// Which stored blocks a squashfs on this device is made of: what a delta update can take from the running
// slot. By libsquashfs. Blocks; for the pool.

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ota {

struct StoredBlock {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;   // as stored
    bool operator==(StoredBlock const&) const = default;
    auto operator<=>(StoredBlock const&) const = default;
};

// Data blocks and fragments, by offset, each once; `path` is a file or a block device that begins with a
// squashfs. Errors: bad_input (it does not, or its tables are damaged), errno's.
core::Result<std::vector<StoredBlock>> stored_blocks(std::filesystem::path const& path);

}   // namespace ota
