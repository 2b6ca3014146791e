#pragma once
// Time that only the test moves. advance() visits every alarm in order, so twenty minutes cost microseconds and every
// order is the same on every run. Sleep until the test advances; nothing here really waits.

#include "core/clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>

namespace test {

class FakeClock final : public core::Clock {
public:
    explicit FakeClock(core::asio::io_context& io) : io_{io} {}

    core::TimePoint now() const override { return now_; }
    core::WallTime wall_now() const override {
        return wall_ + std::chrono::duration_cast<std::chrono::seconds>(now_ - core::TimePoint{});
    }
    core::Task<void> sleep_until(core::TimePoint when) override;

    void set_wall(core::WallTime at_start) { wall_ = at_start; }

    // Runs everything that is ready, then each alarm up to now + `by`, in order.
    void advance(core::Duration by);
    // Runs everything that is ready at this moment.
    void settle();

private:
    core::asio::io_context& io_;
    core::TimePoint now_{std::chrono::hours{1}};
    core::WallTime wall_{std::chrono::seconds{1'795'000'000}};   // 2026-11-18
    std::multimap<core::TimePoint, core::asio::steady_timer*> alarms_;
};

}   // namespace test
