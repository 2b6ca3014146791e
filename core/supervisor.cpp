#include "core/supervisor.hpp"

#include "core/race.hpp"
#include "core/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace core {
namespace {

bool is_cancellation(std::exception const& failed) {
    auto const* error = dynamic_cast<boost::system::system_error const*>(&failed);
    return error && error->code() == asio::error::operation_aborted;
}

Task<void> rung(asio::steady_timer& timer) {
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}   // namespace

Task<void> Supervisor::keep_alive(Service& service) {
    service.restart.emplace(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    for (unsigned failures = 0;;) {
        auto const started = clock_.now();
        std::string why = "returned";
        std::exception_ptr thrown;
        try {
            // Spawned by ends_before, so that a service that switches its cancellation off for its clean-up
            // does not switch off ours.
            auto task = service.start();
            auto told = rung(*service.restart);
            bool const by_itself = co_await ends_before(std::move(task), std::move(told));
            if (!by_itself) why = "was told to";
        } catch (std::exception const& failed) {
            thrown = std::current_exception();
            why = is_cancellation(failed) ? "gave itself up" : failed.what();
        } catch (...) {
            thrown = std::current_exception();
            why = "threw what is not an exception";
        }
        auto const state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            if (thrown) std::rethrow_exception(thrown);
            co_return;
        }
        failures = clock_.now() - started >= backoff_.forget_after ? 1 : failures + 1;
        auto const pause = backoff_.pause(failures);
        log_(Level::warning, "service ended, will restart",
             {{"service", service.name}, {"why", why}, {"in_s", count_s(pause)}});
        co_await clock_.sleep_for(pause);
    }
}

void Supervisor::restart(std::string const& name) {
    for (auto& service : services_)
        if (service.name == name && service.restart) service.restart->cancel();
}

Task<void> Supervisor::run() {
    TaskGroup tasks{co_await asio::this_coro::executor};
    for (auto& service : services_) tasks.start(keep_alive(service));
    while ((co_await asio::this_coro::cancellation_state).cancelled() == asio::cancellation_type::none)
        co_await tasks.changed();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await tasks.end_all();
}

}   // namespace core
