#pragma once
// Time as this program knows it: time since boot that also runs while suspended (CLOCK_BOOTTIME), for every
// deadline and window; and wall time, only for certificates and for showing to people.
//
// Apart from core/clock.hpp so that values with a time in them need no Asio.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace core {

using Duration = std::chrono::nanoseconds;

struct BootTime {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootTime>;
    static constexpr bool is_steady = true;
};
using TimePoint = BootTime::time_point;

using WallTime = std::chrono::sys_seconds;

// "2026-11-23T06:01:27Z", and back. Nothing else is understood, nor a day that does not exist.
std::string print_wall_time(WallTime when);
std::optional<WallTime> parse_wall_time(std::string_view text);

// Whole seconds, for log facts and JSON.
constexpr long long count_s(Duration d) noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

}   // namespace core
