#include "config/flag_watcher.hpp"

#include "core/race.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace config {
namespace {

namespace asio = core::asio;
namespace fs = std::filesystem;

constexpr std::uint32_t kNames = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

// The parent's watch also tells of a removal that the directory's own does not: IN_DELETE_SELF waits until
// the last process has left a removed directory.
struct Watches {
    int directory = -1;
    int parent = -1;
};

// Whether the watched directory may no longer be the one at the path.
bool is_stale(inotify_event const& event, Watches const& watches, std::string const& directory_name) {
    if (event.mask & (IN_UNMOUNT | IN_Q_OVERFLOW)) return true;
    if (event.wd == watches.parent && (event.mask & kNames))
        return event.len > 0 && directory_name == event.name;
    return (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0;
}

// Empties the queue; true when any event says that it is time to watch anew.
bool drain(int inotify, Watches const& watches, std::string const& directory_name) {
    alignas(inotify_event) char buffer[4096];
    for (bool stale = false;;) {
        auto const size = ::read(inotify, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return stale;   // EAGAIN
        for (char const* at = buffer; at < buffer + size;) {
            auto const& event = *reinterpret_cast<inotify_event const*>(at);
            stale = is_stale(event, watches, directory_name) || stale;
            at += sizeof event + event.len;
        }
    }
}

// What is mounted over a watched directory is no event of inotify; proc_pid_mountinfo(5): POLLPRI.
core::Task<void> mounts_changed(asio::posix::stream_descriptor& mounts) {
    co_await mounts.async_wait(asio::posix::stream_descriptor::wait_error, asio::use_awaitable);
}

}   // namespace

core::Flags read_flags(fs::path const& directory) {
    core::Flags set;
    for (auto const flag : kFlags) {
        struct stat status {};
        if (::lstat((directory / flag).c_str(), &status) == 0 && S_ISREG(status.st_mode)) set.emplace(flag);
    }
    return set;
}

void FlagWatcher::look() {
    auto const before = flags_.now();
    auto const set = read_flags(directory_);
    flags_.set(set);
    for (auto const flag : kFlags) {
        bool const was = before.contains(std::string{flag}), is = set.contains(std::string{flag});
        if (is && !was) log_(core::Level::notice, "flag set", {{"flag", flag}});
        if (was && !is) log_(core::Level::notice, "flag cleared", {{"flag", flag}});
    }
}

void FlagWatcher::warn(std::string_view what, int error) {
    log_(core::Level::warning, what, {{"directory", directory_.string()}, {"why", std::strerror(error)}});
}

core::Task<void> FlagWatcher::run() {
    auto const executor = co_await asio::this_coro::executor;
    std::error_code failed;
    if (fs::create_directories(directory_, failed)) fs::permissions(directory_, fs::perms{0755}, failed);
    if (failed) warn("directory of the flags cannot be made", failed.value());

    core::OwnedFd mountinfo{::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)};
    if (!mountinfo) {
        warn("mounts cannot be watched", errno);
        look();
        co_return;
    }
    asio::posix::stream_descriptor mounts(executor, mountinfo.release());
    for (bool can_watch = true; can_watch;) {
        // In this order: a poll takes the news of a mount away, so whoever begins to wait must look
        // afterwards.
        auto mounted = mounts_changed(mounts);
        auto stale = watch_one_directory(can_watch);
        co_await core::ends_before(std::move(mounted), std::move(stale));
    }
}

core::Task<void> FlagWatcher::watch_one_directory(bool& can_watch) {
    auto const executor = co_await asio::this_coro::executor;
    can_watch = false;
    core::OwnedFd inotify{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (!inotify) {
        warn("flags cannot be watched", errno);
        look();
        co_return;
    }
    // Watch first, look then: what happens in between is an event.
    Watches watches;
    watches.parent =
        ::inotify_add_watch(inotify.get(), directory_.parent_path().c_str(), kNames | IN_ONLYDIR);
    int const parent_error = watches.parent < 0 ? errno : 0;
    watches.directory = ::inotify_add_watch(inotify.get(), directory_.c_str(),
                                            kNames | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    int const directory_error = watches.directory < 0 ? errno : 0;
    look();
    bool const is_missing = directory_error == ENOENT || directory_error == ENOTDIR;
    if (parent_error || (directory_error && !is_missing)) {
        warn("flags cannot be watched", parent_error ? parent_error : directory_error);
        co_return;
    }
    if (is_missing) warn("directory of the flags is missing, waiting for it", directory_error);

    can_watch = true;
    asio::posix::stream_descriptor events(executor, inotify.release());
    for (bool stale = false; !stale;) {
        co_await events.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
        stale = drain(events.native_handle(), watches, directory_.filename().string());
        if (!stale) look();
    }
}

}   // namespace config
