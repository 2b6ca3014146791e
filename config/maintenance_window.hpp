#pragma once
// When the operator lets updates be activated: "02:00-04:00" every day, "Sat,Sun 01:00-05:30" on some. UTC. A
// window may wrap midnight, and belongs to the day on which it begins: "Sat 23:00-01:00" ends on Sunday.
// Pure.

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace config {

struct MaintenanceWindow {
    static constexpr std::uint8_t kEveryDay = 0x7f;
    std::uint8_t days = kEveryDay;   // bit 0: Sunday, … bit 6: Saturday
    std::chrono::minutes from{};     // since midnight, below 24:00
    std::chrono::minutes to{};       // up to 24:00; at or before `from`: on the next day
    bool operator==(MaintenanceWindow const&) const = default;
};
using MaintenanceWindows = std::vector<MaintenanceWindow>;   // none: always open

// Errors: bad_input, the sentence that follows "key: ".
core::Result<MaintenanceWindow> parse_maintenance_window(std::string_view text);

bool is_open(MaintenanceWindows const& windows, core::WallTime now) noexcept;

// `now` if it is open.
core::WallTime next_opening(MaintenanceWindows const& windows, core::WallTime now) noexcept;

// "Sat,Sun 01:00-05:30 UTC, 02:00-04:00 UTC"; empty for none.
std::string print(MaintenanceWindows const& windows);

}   // namespace config
