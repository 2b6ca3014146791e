#include "core/supervisor.hpp"

#include "core/task_group.hpp"

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
    for (unsigned failures = 0;;) {
        auto const started = clock_.now();
        std::string why = "returned";
        std::exception_ptr thrown;
        try {
            co_await service.start();
        } catch (std::exception const& failed) {
            thrown = std::current_exception();
            why = is_cancellation(failed) ? "gave itself up" : failed.what();
        }
        auto const cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
        if (thrown && cancelled != asio::cancellation_type::none) std::rethrow_exception(thrown);
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
