#pragma once
// The kernel's command line, which is where a boot loader says what it did. Pure.

#include <optional>
#include <string>
#include <string_view>

namespace platform {

// The value of the last word "key=value".
std::optional<std::string> value_in_command_line(std::string_view line, std::string_view key);

}   // namespace platform
