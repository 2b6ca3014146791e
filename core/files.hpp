#pragma once
// Small files: read with a size limit, replace atomically (write, fsync, rename, fsync the directory).

#include "core/result.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace core {

// Errors: not_found, too_large, io (errno).
Result<std::string> read_file(std::filesystem::path const& path, std::size_t limit);

// After a power cut the old content or the new one is there, never a mixture. Missing directories are made.
// Errors: errno's.
Result<void> replace_file(std::filesystem::path const& path, std::string_view content, unsigned mode = 0644);

// Absent already is a success. Durable like replace_file.
Result<void> remove_file(std::filesystem::path const& path);

}   // namespace core
