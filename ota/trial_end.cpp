#include "ota/trial_end.hpp"

#include "core/files.hpp"

#include <algorithm>

namespace ota {
namespace {
constexpr std::size_t kLongest = 1024;
}

std::optional<std::string> TrialEnd::reason(core::Slot slot) const {
    auto const text = core::read_file(file_, kLongest);
    auto const about = std::string{core::name(slot)} + ' ';
    if (!text || !text->starts_with(about)) return std::nullopt;
    auto line = text->substr(about.size(), text->find('\n') - about.size());
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
    if (line.empty()) return std::nullopt;
    return line;
}

core::Result<void> TrialEnd::forget() const {
    return core::remove_file(file_);
}

}   // namespace ota
