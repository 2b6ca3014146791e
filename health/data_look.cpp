#include "health/data_look.hpp"

#include "core/race.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

namespace health {

namespace asio = core::asio;

struct DataLook::Call {
    Call(asio::any_io_executor executor, core::TimePoint now)
        : ended{executor, asio::steady_timer::time_point::max()}, since{now} {}

    asio::steady_timer ended;   // never rings; cancelled at the end
    core::TimePoint since;
    bool is_over = false;
    DataFacts facts;
    std::exception_ptr thrown;
};

Task<void> DataLook::end_of(std::shared_ptr<Call> call) {
    while (!call->is_over) co_await call->ended.async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<DataFacts> DataLook::look() {
    if (!call_ || call_->is_over) {
        auto const executor = co_await asio::this_coro::executor;
        call_ = std::make_shared<Call>(executor, clock_.now());
        // The loop itself waits for its end: whoever asked may be gone by then.
        asio::co_spawn(executor, look_(), [call = call_](std::exception_ptr thrown, DataFacts facts) {
            call->thrown = thrown;
            call->facts = std::move(facts);
            call->is_over = true;
            call->ended.cancel();
        });
    }
    auto const call = call_;
    auto end = end_of(call);
    auto limit = clock_.sleep_until(call->since + kLimit);
    co_await core::ends_before(std::move(end), std::move(limit));
    if (call->thrown) std::rethrow_exception(call->thrown);
    if (call->is_over) co_return call->facts;
    auto const late = core::fail(core::Errc::timed_out,
                                 "did not answer within " + std::to_string(core::count_s(kLimit)) + " s");
    co_return DataFacts{.free_bytes = late, .written = late};
}

}   // namespace health
