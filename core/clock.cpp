#include "core/clock.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <ctime>

namespace core {
namespace {

timespec read(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return t;
}

}   // namespace

std::string print_wall_time(WallTime when) {
    std::time_t const seconds = when.time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    auto const length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, length};
}

std::optional<WallTime> parse_wall_time(std::string_view text) {
    std::string const whole{text};
    std::tm parts{};
    char const* const end = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end != '\0') return std::nullopt;
    WallTime const when{std::chrono::seconds{::timegm(&parts)}};
    if (print_wall_time(when) != text) return std::nullopt;   // "02-30" would have become March
    return when;
}

TimePoint SystemClock::now() const {
    auto const t = read(CLOCK_BOOTTIME);
    return TimePoint{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

WallTime SystemClock::wall_now() const {
    return WallTime{std::chrono::seconds{read(CLOCK_REALTIME).tv_sec}};
}

Task<void> SystemClock::sleep_until(TimePoint when) {
    // steady_timer counts CLOCK_MONOTONIC, which stands still in suspend: look again until boot time agrees.
    asio::steady_timer alarm(co_await asio::this_coro::executor);
    for (auto left = when - now(); left > Duration::zero(); left = when - now()) {
        alarm.expires_after(left);
        co_await alarm.async_wait(asio::use_awaitable);
    }
}

}   // namespace core
