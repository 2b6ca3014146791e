#include "net/file_watch.hpp"

#include "core/owned.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>

namespace net {
namespace {

namespace asio = core::asio;
namespace fs = std::filesystem;

constexpr auto kSettle = std::chrono::milliseconds{100};

constexpr std::uint32_t kChanges = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr std::uint32_t kGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

struct News {
    bool of_file = false;
    bool is_gone = false;   // the directory
};

// Empties the queue.
News drain(int inotify, std::string const& name) {
    News all;
    alignas(inotify_event) char buffer[4096];
    for (;;) {
        auto const size = ::read(inotify, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return all;   // EAGAIN
        for (char const* at = buffer; at < buffer + size;) {
            auto const& event = *reinterpret_cast<inotify_event const*>(at);
            bool const is_lost = (event.mask & IN_Q_OVERFLOW) != 0;
            all.of_file = all.of_file || is_lost || (event.len > 0 && name == event.name);
            all.is_gone = all.is_gone || (event.mask & kGone) != 0;
            at += sizeof event + event.len;
        }
    }
}

}   // namespace

core::Task<std::string> watch_file(core::Clock& clock, fs::path file, std::function<void()> look) {
    auto const executor = co_await asio::this_coro::executor;
    auto const directory = file.parent_path();
    std::error_code failed;
    fs::create_directories(directory, failed);
    core::OwnedFd inotify{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    // Watch first, look then: what happens in between is an event.
    bool const is_watched =
        inotify && ::inotify_add_watch(inotify.get(), directory.c_str(), kChanges | kGone | IN_ONLYDIR) >= 0;
    int const error = errno;
    look();
    if (!is_watched) co_return std::strerror(error);
    asio::posix::stream_descriptor events(executor, inotify.release());
    for (News news; !news.is_gone;) {
        co_await events.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
        news = drain(events.native_handle(), file.filename().string());
        if (!news.of_file && !news.is_gone) continue;
        co_await clock.sleep_for(kSettle);
        look();   // what changes from here on is another event
    }
    co_return "it is gone";
}

}   // namespace net
