#pragma once
// Tasks that one task started and owns: it waits for their end, and ends them in the reverse order of their
// start. Use end_all() before the group goes; nothing here is detached.

#include "core/task.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <exception>
#include <list>

namespace core {

class TaskGroup {
public:
    explicit TaskGroup(asio::any_io_executor executor);

    void start(Task<void> task);

    // Returns when a task has ended, wake() was called, or the caller was cancelled (without throwing then).
    Task<void> changed();
    void wake() { changed_.cancel(); }

    // Cancels the newest, waits for its end, then the next; tasks that are started meanwhile too. Not
    // interrupted by a cancellation, and leaves cancellation switched off. A caller that may have been
    // cancelled switches it off before the call, else its co_await throws and nothing is ended
    // (docs/traps.md, 7).
    Task<void> end_all();

    // How many run; ended ones are forgotten.
    std::size_t size();
    // Of the first task that ended by an exception, a cancellation not counted; for a bug to be seen.
    std::exception_ptr failed() const { return failed_; }

private:
    struct Running {
        asio::cancellation_signal stop;
        bool told = false;
        bool ended = false;
    };
    asio::any_io_executor executor_;
    asio::steady_timer changed_;   // never rings
    std::list<Running> running_;
    std::exception_ptr failed_;
};

}   // namespace core
