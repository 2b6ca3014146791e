#include "config/maintenance_window.hpp"

#include "config/yaml.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace config {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::minutes;

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

core::Error unknown(std::string_view text) {
    return core::fail(core::Errc::bad_input,
                      "expected a window in UTC such as 02:00-04:00 or \"Sat,Sun 01:00-05:30\", not " +
                          shown(text));
}

std::optional<std::uint8_t> days_of(std::string_view text) {
    std::uint8_t bits = 0;
    for (bool more = true; more;) {
        auto const comma = text.find(',');
        auto const day = std::ranges::find(kDays, text.substr(0, comma));
        if (day == kDays.end()) return std::nullopt;
        bits = static_cast<std::uint8_t>(bits | 1u << (day - kDays.begin()));
        more = comma != std::string_view::npos;
        if (more) text.remove_prefix(comma + 1);
    }
    return bits;
}

// "00:00" … "24:00"
std::optional<minutes> time_of(std::string_view text) {
    auto const digit = [&](std::size_t at) { return text[at] - '0'; };
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    for (auto const at : {0, 1, 3, 4})
        if (text[at] < '0' || text[at] > '9') return std::nullopt;
    auto const time = minutes{(digit(0) * 10 + digit(1)) * 60 + digit(3) * 10 + digit(4)};
    return digit(3) < 6 && time <= 24h ? std::optional{time} : std::nullopt;
}

std::string print(minutes time) {
    auto const two = [](long long value) {
        return std::string{static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
    };
    return two(time / 1h) + ':' + two(time % 1h / 1min);
}

std::string print(MaintenanceWindow const& window) {
    std::string text;
    if (window.days != MaintenanceWindow::kEveryDay) {
        for (auto const day : {1u, 2u, 3u, 4u, 5u, 6u, 0u})   // a weekend is Sat,Sun
            if (window.days >> day & 1) text += (text.empty() ? "" : ",") + std::string{kDays[day]};
        text += ' ';
    }
    return text + print(window.from) + '-' + print(window.to) + " UTC";
}

// The window that begins on `day`, if one does.
struct Span {
    core::WallTime from;
    core::WallTime to;
};
std::optional<Span> on(std::chrono::sys_days day, MaintenanceWindow const& window) noexcept {
    if (!(window.days >> std::chrono::weekday{day}.c_encoding() & 1)) return std::nullopt;
    auto const length = window.to > window.from ? window.to - window.from : window.to - window.from + 24h;
    return Span{day + window.from, day + window.from + length};
}

}   // namespace

core::Result<MaintenanceWindow> parse_maintenance_window(std::string_view text) {
    MaintenanceWindow window;
    auto times = text;
    if (auto const space = text.find(' '); space != std::string_view::npos) {
        auto const on_days = days_of(text.substr(0, space));
        if (!on_days) return unknown(text);
        window.days = *on_days;
        times.remove_prefix(space + 1);
    }
    auto const dash = times.find('-');
    if (dash == std::string_view::npos) return unknown(text);
    auto const from = time_of(times.substr(0, dash));
    auto const to = time_of(times.substr(dash + 1));
    if (!from || !to || *from == 24h) return unknown(text);
    if (*from == *to)
        return core::fail(core::Errc::bad_input,
                          "begins and ends at " + print(*from) + "; write 00:00-24:00 for the whole day");
    window.from = *from;
    window.to = *to;
    return window;
}

bool is_open(MaintenanceWindows const& windows, core::WallTime now) noexcept {
    auto const today = std::chrono::floor<days>(now);
    return windows.empty() || std::ranges::any_of(windows, [&](MaintenanceWindow const& window) {
               for (auto const day : {today - days{1}, today})
                   if (auto const span = on(day, window); span && now >= span->from && now < span->to)
                       return true;
               return false;
           });
}

core::WallTime next_opening(MaintenanceWindows const& windows, core::WallTime now) noexcept {
    if (is_open(windows, now)) return now;
    auto const today = std::chrono::floor<days>(now);
    auto earliest = core::WallTime::max();
    for (auto const& window : windows)
        for (int ahead = 0; ahead <= 7; ++ahead)   // a week hence at the latest: today's may be over
            if (auto const span = on(today + days{ahead}, window); span && span->from > now)
                earliest = std::min(earliest, span->from);
    return earliest;
}

std::string print(MaintenanceWindows const& windows) {
    std::string text;
    for (auto const& window : windows) text += (text.empty() ? "" : ", ") + print(window);
    return text;
}

}   // namespace config
