#include "core/task_group.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace core {
namespace {

bool is_cancellation(std::exception_ptr const& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (boost::system::system_error const& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) { return false; }
}

}   // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : executor_{executor}, changed_{executor, asio::steady_timer::time_point::max()} {}

void TaskGroup::start(Task<void> task) {
    auto& running = running_.emplace_back();
    asio::co_spawn(
        executor_, std::move(task),
        asio::bind_cancellation_slot(running.stop.slot(), [this, &running](std::exception_ptr thrown) {
            running.ended = true;
            if (thrown && !failed_ && !is_cancellation(thrown)) failed_ = thrown;
            changed_.cancel();
        }));
}

Task<void> TaskGroup::changed() {
    co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<void> TaskGroup::end_all() {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    while (size() > 0) {   // asked anew each time: while we wait, tasks are started and forgotten
        auto& newest = running_.back();
        if (!std::exchange(newest.told, true)) newest.stop.emit(asio::cancellation_type::terminal);
        if (!newest.ended) co_await changed();
    }
}

std::size_t TaskGroup::size() {
    running_.remove_if([](Running const& task) { return task.ended; });
    return running_.size();
}

}   // namespace core
