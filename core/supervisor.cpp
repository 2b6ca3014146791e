#include "core/supervisor.hpp"

#include "core/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace core {
namespace {

bool is_cancellation(std::exception const& failed) {
    auto const* error = dynamic_cast<boost::system::system_error const*>(&failed);
    return error && error->code() == asio::error::operation_aborted;
}

}   // namespace

Task<void> Supervisor::keep_alive(Service const& service) {
    auto const executor = co_await asio::this_coro::executor;
    for (unsigned failures = 0;;) {
        auto const started = clock_.now();
        std::string why = "returned";
        std::exception_ptr thrown;
        try {
            // Spawned, so that a service that switches its cancellation off for its clean-up does not switch
            // off ours.
            auto task = service.start();
            co_await asio::co_spawn(executor, std::move(task), asio::use_awaitable);
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

Task<void> Supervisor::run() {
    TaskGroup tasks{co_await asio::this_coro::executor};
    for (auto const& service : services_) tasks.start(keep_alive(service));
    while ((co_await asio::this_coro::cancellation_state).cancelled() == asio::cancellation_type::none)
        co_await tasks.changed();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await tasks.end_all();
}

}   // namespace core
