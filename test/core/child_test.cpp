#include "core/child.hpp"

#include "core/files.hpp"
#include "support/run_task.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

using core::Child;
using core::Task;

namespace {

Child shell(std::string const& script) {
    auto child = core::spawn({"/bin/sh", "-c", script});
    REQUIRE(child.has_value());
    return std::move(*child);
}

bool no_child_is_left() {
    return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}
bool is_gone(pid_t pid) {
    return ::kill(pid, 0) != 0 && errno == ESRCH;
}

// A script's way to say that its traps are set.
struct Ready {
    test::TemporaryDirectory directory;
    std::filesystem::path file = directory / "ready";
    bool operator()() const { return std::filesystem::exists(file); }
};

}   // namespace

TEST_CASE("a child's end gives its exit code, or 128 and the signal that ended it") {
    struct {
        char const* script;
        int want;
    } const cases[] = {
        {"exit 0", 0}, {"exit 7", 7}, {"exit 255", 255}, {"kill -TERM $$", 143}, {"kill -KILL $$", 137}};
    core::asio::io_context io;
    for (auto const& c : cases) {
        CAPTURE(c.script);
        auto const child = shell(c.script);
        CHECK(test::run_task(io, core::wait_for_end(child)) == c.want);
        CHECK(no_child_is_left());
    }
}

// Asio opens its sockets without SOCK_CLOEXEC: a dnsmasq that outlived us would keep our port and our peers.
TEST_CASE("a child inherits no descriptor but the first three, whatever their flags are") {
    core::OwnedFd const inheritable{::open("/dev/null", O_RDONLY)};
    REQUIRE(inheritable);
    core::asio::io_context io;
    auto const child = shell("test ! -e /proc/self/fd/" + std::to_string(inheritable.get()));
    CHECK(test::run_task(io, core::wait_for_end(child)) == 0);
}

TEST_CASE("a program that is not there is named") {
    auto const child = core::spawn({"/no/such/program", "-x"});
    REQUIRE(!child.has_value());
    CHECK(child.error().is(core::Errc::not_found));
    CHECK(child.error().context == "there is no program /no/such/program");
}

TEST_CASE("a file that is no program is refused with the system's words") {
    auto const child = core::spawn({"/etc/passwd"});
    REQUIRE(!child.has_value());
    CHECK(child.error().code == boost::system::errc::permission_denied);
    CHECK(no_child_is_left());
}

TEST_CASE("a child starts with default signals, whatever its parent ignores") {
    core::asio::io_context io;
    auto* const before = std::signal(SIGTERM, SIG_IGN);
    auto const child = shell("kill -TERM $$; exit 1");
    std::signal(SIGTERM, before);
    CHECK(test::run_task(io, core::wait_for_end(child)) == 128 + SIGTERM);
}

TEST_CASE("a child that reads its standard input is at the end of it at once") {
    core::asio::io_context io;
    auto const child = shell("read line");
    CHECK(test::run_task(io, core::wait_for_end(child)) == 1);
}

TEST_CASE("a child writes where it is told to") {
    core::asio::io_context io;
    test::TemporaryDirectory const directory;
    core::OwnedFd const out{::open((directory / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    core::OwnedFd const errors{::open((directory / "errors").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
    auto const child = core::spawn({"/bin/sh", "-c", "echo good; echo bad >&2"},
                                   {.standard_output = out.get(), .standard_error = errors.get()});
    REQUIRE(child.has_value());
    CHECK(test::run_task(io, core::wait_for_end(*child)) == 0);
    CHECK(*core::read_file(directory / "out", 10) == "good\n");
    CHECK(*core::read_file(directory / "errors", 10) == "bad\n");
}

TEST_CASE("a cancelled wait leaves the child alone, and it can be waited for again") {
    core::asio::io_context io;
    auto const child = shell("sleep 60");
    auto wait = [&]() -> Task<void> { co_await core::wait_for_end(child); };
    test::Started waiting{io, wait()};
    io.poll();
    waiting.cancel();
    io.restart();
    io.poll();
    CHECK(waiting.threw() == "cancelled");
    CHECK(!is_gone(child.pid));
    ::kill(-child.pid, SIGKILL);
    CHECK(test::run_task(io, core::wait_for_end(child)) == 137);
}

TEST_CASE("a child is asked to end first, and may end in its own way") {
    core::asio::io_context io;
    Ready ready;
    auto const child = shell("trap 'echo bye > " + ready.file.string() + "; exit 0' TERM; touch " +
                             ready.file.string() + "; sleep 60 & wait");
    REQUIRE(test::happens(io, ready));
    test::run_task(io, core::end_child(child, 10));
    CHECK(*core::read_file(ready.file, 10) == "bye\n");
    CHECK(no_child_is_left());
}

TEST_CASE("a child that does not listen is killed when the patience is over") {
    core::asio::io_context io;
    Ready ready;
    auto const child = shell("trap '' TERM; touch " + ready.file.string() + "; while :; do sleep 60; done");
    REQUIRE(test::happens(io, ready));
    test::run_task(io, core::end_child(child, 0));
    CHECK(is_gone(child.pid));
    CHECK(no_child_is_left());
}

TEST_CASE("what a child has started in its group ends with it") {
    core::asio::io_context io;
    Ready ready;
    auto const child = shell("sleep 60 & echo $! > " + ready.file.string() + ".new; mv " +
                             ready.file.string() + ".new " + ready.file.string() + "; wait");
    REQUIRE(test::happens(io, ready));
    pid_t const grandchild = std::stoi(*core::read_file(ready.file, 20));
    CHECK(!is_gone(grandchild));
    test::run_task(io, core::end_child(child, 10));
    // It is init's by now: dead, and reaped when init comes to it.
    CHECK(test::happens(io, [&] {
        auto const stat = core::read_file("/proc/" + std::to_string(grandchild) + "/stat", 4096);
        return !stat || stat->find(") Z") != std::string::npos || stat->find(") X") != std::string::npos;
    }));
}

TEST_CASE("ending a child is not interrupted by a cancellation") {
    core::asio::io_context io;
    Ready ready;
    auto const child = shell("trap '' TERM; touch " + ready.file.string() + "; while :; do sleep 60; done");
    REQUIRE(test::happens(io, ready));
    test::Started ending{io, core::end_child(child, 1)};
    io.restart();
    io.poll();
    ending.cancel();
    io.poll();
    CHECK(!ending.ended());
    REQUIRE(test::happens(io, [&] { return ending.ended(); }));
    CHECK(ending.threw() == "");
    CHECK(no_child_is_left());
}

TEST_CASE("a process that is no child of ours can be ended and waited for too") {
    core::asio::io_context io;
    Ready ready;
    // The shell in between ends at once, which leaves `sleep` without a parent here.
    auto const between = shell("setsid sleep 60 & echo $! > " + ready.file.string());
    CHECK(test::run_task(io, core::wait_for_end(between)) == 0);
    Child orphan;
    orphan.pid = std::stoi(*core::read_file(ready.file, 20));
    orphan.pidfd = core::OwnedFd{static_cast<int>(::syscall(SYS_pidfd_open, orphan.pid, 0))};
    REQUIRE(orphan.pidfd);
    test::run_task(io, core::end_process(orphan, 10));
    auto const stat = core::read_file("/proc/" + std::to_string(orphan.pid) + "/stat", 4096);
    CHECK((!stat || stat->find(") Z") != std::string::npos));
}
