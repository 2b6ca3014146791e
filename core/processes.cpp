#include "core/processes.hpp"

#include "core/child.hpp"
#include "core/race.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>

namespace core {
namespace {

constexpr std::size_t kLongestOutput = 64 * 1024;

Task<std::string> read_to_end(OwnedFd reading) {
    asio::posix::stream_descriptor pipe(co_await asio::this_coro::executor, reading.release());
    std::string output;
    char piece[4096];
    for (;;) {
        auto const [failed, n] =
            co_await pipe.async_read_some(asio::buffer(piece), asio::as_tuple(asio::use_awaitable));
        if (output.size() < kLongestOutput) output.append(piece, std::min(n, kLongestOutput - output.size()));
        if (failed) co_return output;   // the end, or nobody is reading any more
    }
}

// A task of its own: a cancellation is the order to end the child, and it lives no longer than that takes.
Task<Result<Finished>> run_to_end(std::vector<std::string> argv) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) co_return fail_errno("making a pipe");
    OwnedFd reading{ends[0]};
    auto const child = [&] {
        OwnedFd const writing{ends[1]};
        return spawn(argv, {.standard_output = writing.get()});
    }();
    if (!child) co_return child.error();

    Finished finished;
    std::exception_ptr thrown;
    try {
        finished.output = co_await read_to_end(std::move(reading));
        finished.status = co_await wait_for_end(*child);
    } catch (...) { thrown = std::current_exception(); }
    if (!thrown) co_return finished;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await end_child(*child, 0);
    std::rethrow_exception(thrown);
}

Task<void> pause(Duration d) {
    asio::steady_timer alarm(co_await asio::this_coro::executor, d);
    co_await alarm.async_wait(asio::use_awaitable);
}

}   // namespace

Task<Result<Finished>> SystemProcesses::run(Command command) {
    if (command.argv.empty()) co_return fail(Errc::not_found, "no program was named");
    auto const program = command.argv[0];
    auto work = run_to_end(std::move(command.argv));
    auto limit = pause(command.limit);
    auto finished = co_await first_of(std::move(work), std::move(limit));
    if (!finished) co_return fail(Errc::timed_out, program + " did not end in time");
    co_return std::move(*finished);
}

}   // namespace core
