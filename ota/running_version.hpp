#pragma once
// Which version runs: the manifest's, recorded with the update that wrote this slot; os-release's VERSION_ID
// before the first.

#include "ota/books.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace ota {

// Pure: of os-release(5); empty if there is none.
std::string version_id(std::string_view os_release);

// "unknown" if nothing says.
std::string running_version(Books const& books, core::Slot booted, std::filesystem::path const& os_release);

}   // namespace ota
