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

Task<std::string> read_to_end(int fd) {
    asio::posix::stream_descriptor pipe(co_await asio::this_coro::executor, fd);
    std::string output;
    char piece[4096];
    for (;;) {
        auto const [failed, n] = co_await pipe.async_read_some(asio::buffer(piece), asio::as_tuple(asio::use_awaitable));
        if (output.size() < kLongestOutput) output.append(piece, std::min(n, kLongestOutput - output.size()));
        if (failed) co_return output;   // the end, or nobody is reading any more
    }
}

Task<Finished> finish(Child const& child, int output) {
    Finished finished;
    finished.output = co_await read_to_end(output);
    finished.status = co_await wait_for_end(child);
    co_return finished;
}

Task<void> pause(Duration d) {
    asio::steady_timer alarm(co_await asio::this_coro::executor, d);
    co_await alarm.async_wait(asio::use_awaitable);
}

}   // namespace

Task<Result<Finished>> SystemProcesses::run(Command command) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) co_return fail_errno("making a pipe");
    OwnedFd reading{ends[0]};
    auto child = [&] {
        OwnedFd const writing{ends[1]};
        return spawn(command.argv, {.standard_output = writing.get()});
    }();
    if (!child) co_return child.error();

    std::exception_ptr thrown;
    std::optional<Finished> finished;
    try {
        finished = co_await first_of(finish(*child, reading.release()), pause(command.limit));
    } catch (...) {
        thrown = std::current_exception();
    }
    if (!finished) co_await end_child(*child, 0);
    if (thrown) std::rethrow_exception(thrown);
    if (!finished) co_return fail(Errc::timed_out, command.argv[0] + " did not end in time");
    co_return std::move(*finished);
}

}   // namespace core
