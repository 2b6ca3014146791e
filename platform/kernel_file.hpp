#pragma once
// Files that are the kernel's: each write is an order, and nothing is replaced, made or synced.

#include "core/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace platform {

// The first line, without its end; empty: it is, or it cannot be read.
std::string line_of_kernel_file(std::filesystem::path const& file);

// Errors: errno's.
core::Result<void> write_kernel_file(std::filesystem::path const& file, std::string_view text);

}   // namespace platform
