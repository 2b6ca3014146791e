#pragma once
// Racing two tasks: the loser is cancelled and waited for, its exception never hides the winner's.

#include "core/task.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <exception>
#include <optional>

namespace core {

namespace detail {
template <class T> Task<std::optional<T>> boxed(Task<T> task) {
    co_return co_await std::move(task);
}
}   // namespace detail

// The value of `task`, or nothing when `limit` ended first. Whose exception it is: the winner's. A
// cancellation from outside ends both and is thrown.
template <class T> Task<std::optional<T>> first_of(Task<T> task, Task<void> limit) {
    auto const executor = co_await asio::this_coro::executor;
    auto [order, failed, value, limit_failed] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, detail::boxed(std::move(task)), asio::deferred),
            asio::co_spawn(executor, std::move(limit), asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    if (order[0] == 0) {
        if (failed) std::rethrow_exception(failed);
        co_return std::move(value);
    }
    if (limit_failed) std::rethrow_exception(limit_failed);
    co_return std::nullopt;
}

// True when `task` ended by itself, false when `stop` did first (then `task` was cancelled and waited for).
inline Task<bool> ends_before(Task<void> task, Task<void> stop) {
    auto const executor = co_await asio::this_coro::executor;
    auto [order, failed, stop_failed] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, std::move(task), asio::deferred),
            asio::co_spawn(executor, std::move(stop), asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    auto const state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    bool const task_first = order[0] == 0;
    if (task_first && failed) std::rethrow_exception(failed);
    if (!task_first && stop_failed) std::rethrow_exception(stop_failed);
    co_return task_first;
}

}   // namespace core
