#pragma once
// Runs one task on its own loop to its end and gives its value; for tests on real files, sockets and processes.

#include "core/task.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>

namespace test {

template <class T> T run_task(core::asio::io_context& io, core::Task<T> task) {
    std::optional<T> value;
    std::exception_ptr failed;
    core::asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown, T got) {
        failed = thrown;
        value.emplace(std::move(got));
    });
    io.restart();
    while (!value) io.run_one();
    if (failed) std::rethrow_exception(failed);
    return std::move(*value);
}

inline void run_task(core::asio::io_context& io, core::Task<void> task) {
    bool ended = false;
    std::exception_ptr failed;
    core::asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown) {
        failed = thrown;
        ended = true;
    });
    io.restart();
    while (!ended) io.run_one();
    if (failed) std::rethrow_exception(failed);
}

}   // namespace test
