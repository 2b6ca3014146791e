#pragma once
// Time that passes at once when somebody sleeps; for tests in which nobody else is there to be slept for.

#include "core/clock.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <vector>

namespace test {

class HurriedClock final : public core::Clock {
public:
    std::vector<core::Duration> sleeps;   // as they were asked for

    core::TimePoint now() const override { return now_; }
    core::WallTime wall_now() const override { return core::SystemClock{}.wall_now(); }
    core::Task<void> sleep_until(core::TimePoint when) override {
        sleeps.push_back(when - now_);
        now_ = std::max(now_, when);
        co_await core::asio::post(core::asio::use_awaitable);
    }
    void pass(core::Duration by) { now_ += by; }

private:
    core::TimePoint now_{std::chrono::hours{1}};
};

}   // namespace test
