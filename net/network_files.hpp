#pragma once
// networkd's files of ours in a directory (net/networkd_config.hpp): as wanted, and none that is left over.
// No other file there is touched.

#include "core/result.hpp"
#include "net/networkd_config.hpp"

#include <filesystem>

namespace net {

using core::Result;

// What has its text already is not written. True when something was changed. Errors: errno's.
Result<bool> write_network_files(std::filesystem::path const& directory,
                                 std::vector<NetworkFile> const& wanted);

}   // namespace net
