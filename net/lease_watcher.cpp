#include "net/lease_watcher.hpp"

#include "core/files.hpp"
#include "core/owned.hpp"
#include "net/lease_file.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>

namespace net {
namespace {

namespace asio = core::asio;
namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = 1 << 20;

// dnsmasq cuts its file to nothing and writes it again, without closing it.
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

void LeaseWatcher::look() {
    auto const text = core::read_file(file_, kLargestFile);
    bool const is_missing = !text && text.error().is(core::Errc::not_found);   // nobody has asked yet
    auto const why = text || is_missing ? std::string{} : text.error().text();
    if (why != warned_ && !why.empty()) log_(core::Level::warning, "leases cannot be read", {{"why", why}});
    warned_ = why;
    leases_.set(text ? parse_leases(*text) : core::Leases{});
}

core::Task<void> LeaseWatcher::run() {
    auto const executor = co_await asio::this_coro::executor;
    auto const directory = file_.parent_path();
    std::error_code failed;
    fs::create_directories(directory, failed);
    core::OwnedFd inotify{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    // Watch first, look then: what happens in between is an event.
    bool const is_watched =
        inotify && ::inotify_add_watch(inotify.get(), directory.c_str(), kChanges | kGone | IN_ONLYDIR) >= 0;
    int const error = errno;
    look();
    if (is_watched) {
        asio::posix::stream_descriptor events(executor, inotify.release());
        for (News news; !news.is_gone;) {
            co_await events.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
            news = drain(events.native_handle(), file_.filename().string());
            if (!news.of_file && !news.is_gone) continue;
            co_await clock_.sleep_for(kSettle);
            look();   // what changes from here on is another event
        }
    }
    log_(core::Level::warning, "leases cannot be watched, will retry",
         {{"directory", directory.string()}, {"why", is_watched ? "it is gone" : std::strerror(error)}});
}

}   // namespace net
