#pragma once
// Somebody else's words, fit for a line of the log and for the status. Pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace core {

// At most `longest` bytes, then "…"; never cut within a character of UTF-8. Control characters are spaces.
std::string one_line(std::string_view words, std::size_t longest);

}   // namespace core
