#include "core/child.hpp"

#include "core/race.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace core {
namespace {

struct Attributes {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    Attributes() {
        posix_spawnattr_init(&attributes);
        posix_spawn_file_actions_init(&actions);
    }
    ~Attributes() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
};

int reap(Child const& child) {
    siginfo_t info{};
    while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.pidfd.get()), &info, WEXITED) !=
               0 &&
           errno == EINTR) {}
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

Task<void> wait_readable(int fd) {
    asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor,
                                              ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
}

Task<void> pause(int seconds) {
    asio::steady_timer alarm(co_await asio::this_coro::executor, std::chrono::seconds{seconds});
    co_await alarm.async_wait(asio::use_awaitable);
}

}   // namespace

Result<Child> spawn(std::vector<std::string> const& argv, ChildStreams streams) {
    std::vector<char*> arguments;
    for (auto const& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);

    Attributes how;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&how.attributes, &all);
    posix_spawnattr_setsigmask(&how.attributes, &none);
    posix_spawnattr_setpgroup(&how.attributes, 0);
    posix_spawnattr_setflags(&how.attributes,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addopen(&how.actions, 0, "/dev/null", O_RDONLY, 0);
    if (streams.standard_output >= 0)
        posix_spawn_file_actions_adddup2(&how.actions, streams.standard_output, 1);
    if (streams.standard_error >= 0)
        posix_spawn_file_actions_adddup2(&how.actions, streams.standard_error, 2);
    // Asio opens and accepts sockets without SOCK_CLOEXEC.
    posix_spawn_file_actions_addclosefrom_np(&how.actions, 3);

    Child child;
    int const failed =
        posix_spawn(&child.pid, arguments[0], &how.actions, &how.attributes, arguments.data(), environ);
    if (failed == ENOENT) return fail(Errc::not_found, "there is no program " + argv[0]);
    if (failed) return fail({failed, boost::system::system_category()}, "starting " + argv[0]);
    child.pidfd = OwnedFd{static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0))};
    if (!child.pidfd) {
        auto const error = fail_errno("pidfd_open of " + argv[0]);
        ::kill(child.pid, SIGKILL);
        ::waitpid(child.pid, nullptr, 0);
        return error;
    }
    return child;
}

Task<int> wait_for_end(Child const& child) {
    co_await wait_readable(child.pidfd.get());
    co_return reap(child);
}

Task<void> end_process(Child const& process, int patience_s) {
    ::syscall(SYS_pidfd_send_signal, process.pidfd.get(), SIGTERM, nullptr, 0);
    auto ended = wait_readable(process.pidfd.get());
    auto patience = pause(patience_s);
    bool const in_time = co_await ends_before(std::move(ended), std::move(patience));
    if (in_time) co_return;
    ::syscall(SYS_pidfd_send_signal, process.pidfd.get(), SIGKILL, nullptr, 0);
    co_await wait_readable(process.pidfd.get());
}

Task<void> end_child(Child const& child, int patience_s) {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await end_process(child, patience_s);
    ::kill(-child.pid, SIGKILL);   // the group's number is ours until the child is reaped
    reap(child);
}

}   // namespace core
