#pragma once
// Files that are the kernel's: each write is an order, and nothing is replaced, made or synced.

#include "core/result.hpp"

#include <filesystem>
#include <string_view>

namespace platform {

// Errors: errno's.
core::Result<void> write_kernel_file(std::filesystem::path const& file, std::string_view text);

}   // namespace platform
