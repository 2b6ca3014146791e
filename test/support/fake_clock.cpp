#include "support/fake_clock.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace test {
namespace asio = core::asio;

core::Task<void> FakeClock::sleep_until(core::TimePoint when) {
    if (when <= now_) co_return;
    asio::steady_timer alarm(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    auto const at = alarms_.emplace(when, &alarm);
    auto const [aborted] = co_await alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    alarms_.erase(at);
    if (now_ < when) throw boost::system::system_error(aborted);   // cancelled, not rung
}

void FakeClock::settle() {
    io_.restart();
    io_.poll();
}

void FakeClock::advance(core::Duration by) {
    auto const until = now_ + by;
    for (settle(); !alarms_.empty() && alarms_.begin()->first <= until; settle()) {
        now_ = std::max(now_, alarms_.begin()->first);
        alarms_.begin()->second->cancel();   // wakes exactly one sleeper
    }
    now_ = until;
}

}   // namespace test
