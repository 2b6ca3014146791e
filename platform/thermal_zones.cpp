#include "platform/thermal_zones.hpp"

#include "platform/kernel_file.hpp"

#include <charconv>
#include <map>

namespace platform {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kZone = "thermal_zone";
constexpr int kAbsoluteZero = -273'150;   // what is below is no reading: THERMAL_TEMP_INVALID is -274000

std::optional<int> number_of(std::string_view text) {
    int number = 0;
    auto const* const end = text.data() + text.size();
    auto const [last, failed] = std::from_chars(text.data(), end, number);
    if (failed != std::errc{} || last != end) return std::nullopt;
    return number;
}

std::optional<int> temperature_in(fs::path const& file) {
    auto const told = number_of(line_of_kernel_file(file));
    if (!told || *told < kAbsoluteZero) return std::nullopt;
    return told;
}

// The lowest one, where there are more.
std::optional<int> critical_of(fs::path const& zone) {
    std::optional<int> lowest;
    for (int point = 0;; ++point) {
        auto const name = "trip_point_" + std::to_string(point);
        auto const type = line_of_kernel_file(zone / (name + "_type"));
        if (type.empty()) return lowest;
        if (type != "critical") continue;
        auto const at = temperature_in(zone / (name + "_temp"));
        if (at && (!lowest || *at < *lowest)) lowest = at;
    }
}

}   // namespace

core::Temperatures thermal_zones(fs::path const& directory) {
    std::map<int, fs::path> zones;
    std::error_code none;
    for (auto const& entry : fs::directory_iterator{directory, none}) {
        auto const name = entry.path().filename().string();
        if (!name.starts_with(kZone)) continue;
        if (auto const number = number_of(std::string_view{name}.substr(kZone.size())))
            zones[*number] = entry.path();
    }
    core::Temperatures told;
    for (auto const& [number, zone] : zones)
        if (auto const now = temperature_in(zone / "temp"))
            told.push_back({line_of_kernel_file(zone / "type"), *now, critical_of(zone)});
    return told;
}

}   // namespace platform
