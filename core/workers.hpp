#pragma once
// A small pool for what would block the event loop: hashing, inflating, disk writes, libubootenv.

#include "core/task.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace core {

class Workers {
public:
    explicit Workers(std::size_t threads) : pool_{threads} {}
    ~Workers() { pool_.join(); }

    // Runs `work` on the pool and resumes on the caller's loop. Not interrupted by a cancellation: what was
    // begun is finished, and the caller's next co_await throws. Name `work` and move it in (docs/traps.md).
    template <class Work> auto run(Work work) -> Task<std::invoke_result_t<Work&>> {
        using Value = std::invoke_result_t<Work&>;
        auto boxed = co_await start<std::optional<Value>>(std::move(work));
        co_return std::move(*boxed);
    }

private:
    template <class Boxed, class Work> Task<Boxed> start(Work work) {
        return asio::async_initiate<asio::use_awaitable_t<> const, void(std::exception_ptr, Boxed)>(
            [this](auto handler, Work todo) {
                auto home = asio::make_work_guard(asio::get_associated_executor(handler));
                asio::post(pool_, [handler = std::move(handler), home = std::move(home),
                                   todo = std::move(todo)]() mutable {
                    std::exception_ptr failed;
                    Boxed value;
                    try {
                        value.emplace(todo());
                    } catch (...) { failed = std::current_exception(); }
                    auto const executor = home.get_executor();
                    asio::post(executor,
                               [handler = std::move(handler), home = std::move(home), failed,
                                value = std::move(value)]() mutable { handler(failed, std::move(value)); });
                });
            },
            asio::use_awaitable, std::move(work));
    }

    asio::thread_pool pool_;
};

}   // namespace core
