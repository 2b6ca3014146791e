#include "core/one_line.hpp"

#include <algorithm>

namespace core {

std::string one_line(std::string_view words, std::size_t longest) {
    auto end = std::min(longest, words.size());
    bool const is_cut = end < words.size();
    auto const is_within = [&](std::size_t at) {
        return (static_cast<unsigned char>(words[at]) & 0xc0) == 0x80;
    };
    while (is_cut && end > 0 && is_within(end)) --end;
    std::string line{words.substr(0, end)};
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
    return is_cut ? line + "…" : line;
}

}   // namespace core
