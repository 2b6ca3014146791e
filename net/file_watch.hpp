#pragma once
// A small file that another program writes: inotify(7) on its directory only says "look again".

#include "core/clock.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace net {

// Calls `look` at once, and again 100 ms after each change of `file`: who writes it may cut it to nothing
// first. Makes the directory if it is missing. Returns why it can no longer be watched; call it again, later.
core::Task<std::string>
watch_file(core::Clock& clock, std::filesystem::path file, std::function<void()> look);

}   // namespace net
