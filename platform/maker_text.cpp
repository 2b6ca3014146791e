#include "platform/maker_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace platform {
namespace {

// In lower case. Those that systemd's hwdb (20-dmi-id.hwdb) calls rubbish and those of dmidecode and
// firmware.
constexpr std::array<std::string_view, 18> kNothing{"0123456789",
                                                    "123456789",
                                                    "1234567890",
                                                    "default string",
                                                    "empty",
                                                    "invalid",
                                                    "n/a",
                                                    "none",
                                                    "not applicable",
                                                    "not available",
                                                    "not specified",
                                                    "o.e.m.",
                                                    "oem",
                                                    "system product name",
                                                    "system serial number",
                                                    "to be filled by o.e.m",
                                                    "to be filled by o.e.m.",
                                                    "unknown"};

bool stands_for_nothing(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    // "00000000", "........", "xxxxxxxx"
    bool const filled = std::string_view{"0.-x"}.find(text.front()) != std::string_view::npos &&
                        text.find_first_not_of(text.front()) == std::string::npos;
    return filled || std::ranges::find(kNothing, text) != kNothing.end();
}

}   // namespace

std::string maker_text(std::string_view raw) {
    constexpr std::string_view kEnds{"\0\n", 2};
    raw = raw.substr(0, raw.find_first_of(kEnds));
    auto const first = raw.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    std::string text{raw.substr(first, raw.find_last_not_of(" \t\r") - first + 1)};
    bool const legible = std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
    if (!legible || stands_for_nothing(text)) return {};
    return text;
}

}   // namespace platform
