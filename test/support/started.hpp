#pragma once
// A task that a test has started and may cancel. It must have ended before the test does.

#include "core/task.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <string>

namespace test {

class Started {
public:
    Started(core::asio::io_context& io, core::Task<void> task) {
        core::asio::co_spawn(
            io, std::move(task),
            core::asio::bind_cancellation_slot(stop_.slot(), [this](std::exception_ptr thrown) {
                thrown_ = thrown;
                ended_ = true;
            }));
    }
    Started(Started const&) = delete;

    void cancel() { stop_.emit(core::asio::cancellation_type::terminal); }
    bool ended() const { return ended_; }
    // What it threw: "" for nothing, "cancelled" for a cancellation.
    std::string threw() const {
        if (!thrown_) return "";
        try {
            std::rethrow_exception(thrown_);
        } catch (boost::system::system_error const& error) {
            return error.code() == core::asio::error::operation_aborted ? "cancelled" : error.what();
        } catch (std::exception const& error) { return error.what(); }
    }

private:
    core::asio::cancellation_signal stop_;
    bool ended_ = false;
    std::exception_ptr thrown_;
};

// Runs the loop until something real has happened (a process, a file); false when it does not within ten
// seconds.
template <class Condition> bool happens(core::asio::io_context& io, Condition const& condition) {
    auto const give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        io.restart();
        io.run_one_for(std::chrono::milliseconds{5});
    }
    return true;
}

}   // namespace test
