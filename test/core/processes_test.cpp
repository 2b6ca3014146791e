#include "core/processes.hpp"

#include "core/files.hpp"
#include "support/run_task.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <cerrno>
#include <csignal>

using namespace std::chrono_literals;
using core::Command;
using core::Errc;
using core::Finished;
using core::Result;
using core::Task;

namespace {

struct World {
    core::asio::io_context io;
    core::SystemProcesses processes;
    test::TemporaryDirectory directory;
    std::filesystem::path pid_file = directory / "pid";

    Result<Finished> run(std::string const& script, core::Duration limit = 10s) {
        return test::run_task(io, processes.run({.argv = {"/bin/sh", "-c", script}, .limit = limit}));
    }
    // A script that says who it is and then lasts.
    std::string lasting() const {
        return "echo $$ > " + pid_file.string() + ".new; mv " + pid_file.string() + ".new " +
               pid_file.string() + "; sleep 60";
    }
    bool is_lasting() const { return std::filesystem::exists(pid_file); }
};

bool no_child_is_left() {
    return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

std::size_t open_files() {
    std::size_t count = 0;
    for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) ++count;
    return count;
}

}   // namespace

TEST_CASE_FIXTURE(World,
                  "a program's output and exit code come back, and a failure of its own is no error here") {
    auto const good = run("exec 2>/dev/null; echo hello; echo not this >&2");
    REQUIRE(good.has_value());
    CHECK(good->status == 0);
    CHECK(good->output == "hello\n");
    auto const bad = run("echo partial; exit 3");
    REQUIRE(bad.has_value());
    CHECK(bad->status == 3);
    CHECK(bad->output == "partial\n");
    CHECK(run("kill -KILL $$")->status == 137);
    CHECK(no_child_is_left());
}

TEST_CASE_FIXTURE(World, "arguments are passed as they are: nothing goes through a shell") {
    Command echo{.argv = {"/bin/echo", "$HOME", "a b", ";", "*"}};
    auto const got = test::run_task(io, processes.run(std::move(echo)));
    CHECK(got->output == "$HOME a b ; *\n");
}

TEST_CASE_FIXTURE(World, "of a long output the first 64 KiB are kept, and the program is not held up") {
    auto const got = run("head -c 300000 /dev/zero; exit 5");
    REQUIRE(got.has_value());
    CHECK(got->output.size() == 64 * 1024);
    CHECK(got->status == 5);
}

TEST_CASE_FIXTURE(World, "a program that closes its output early is waited for all the same") {
    auto const got = run("echo x; exec >&-; exit 4");
    CHECK(got->output == "x\n");
    CHECK(got->status == 4);
}

TEST_CASE_FIXTURE(World, "a program that is not there is not found, and no program at all neither") {
    auto const got = test::run_task(io, processes.run({.argv = {"/no/such/program"}}));
    CHECK(got.error().is(Errc::not_found));
    auto const none = test::run_task(io, processes.run({}));
    CHECK(none.error().is(Errc::not_found));
}

TEST_CASE_FIXTURE(World,
                  "a program over its limit is killed with what it started, and said to have timed out") {
    auto const got = run("trap '' TERM; sleep 60; echo never", 50ms);
    REQUIRE(!got.has_value());
    CHECK(got.error().is(Errc::timed_out));
    CHECK(got.error().context == "/bin/sh did not end in time");
    CHECK(no_child_is_left());
}

TEST_CASE_FIXTURE(World, "a limit that was reached does not make its caller deaf to a cancellation") {
    auto run_then_wait = [this]() -> Task<void> {
        Command command{.argv = {"/bin/sleep", "60"}, .limit = 20ms};
        auto const got = co_await processes.run(std::move(command));
        CHECK(got.error().is(Errc::timed_out));
        core::asio::steady_timer alarm(io, core::asio::steady_timer::time_point::max());
        co_await alarm.async_wait(core::asio::use_awaitable);
    };
    test::Started task{io, run_then_wait()};
    REQUIRE(test::happens(io, [] { return no_child_is_left(); }) == true);
    REQUIRE(test::happens(io, [&] {
        task.cancel();
        return task.ended();
    }));
    CHECK(task.threw() == "cancelled");
}

TEST_CASE_FIXTURE(World, "a cancelled run ends its program before it throws") {
    auto last = [this]() -> Task<void> {
        Command command{.argv = {"/bin/sh", "-c", lasting()}, .limit = 60s};
        co_await processes.run(std::move(command));
    };
    test::Started task{io, last()};
    REQUIRE(test::happens(io, [&] { return is_lasting(); }));
    pid_t const pid = std::stoi(*core::read_file(pid_file, 20));
    task.cancel();
    REQUIRE(test::happens(io, [&] { return task.ended(); }));
    CHECK(task.threw() == "cancelled");
    CHECK(::kill(pid, 0) != 0);
    CHECK(no_child_is_left());
}

TEST_CASE_FIXTURE(World, "a run that is cancelled at once leaves no program behind") {
    auto last = [this]() -> Task<void> {
        Command command{.argv = {"/bin/sh", "-c", lasting()}};
        co_await processes.run(std::move(command));
    };
    test::Started task{io, last()};
    task.cancel();
    REQUIRE(test::happens(io, [&] { return task.ended(); }));
    CHECK(task.threw() == "cancelled");
    CHECK(no_child_is_left());
}

TEST_CASE_FIXTURE(World, "no file descriptor is left open, however a run ends") {
    run("exit 0");   // the loop's own descriptors exist from here on
    auto const before = open_files();
    for (int i = 0; i < 5; ++i) {
        run("echo x");
        run("sleep 60", 1ms);
        test::run_task(io, processes.run({.argv = {"/no/such/program"}}));
    }
    CHECK(open_files() == before);
}

TEST_CASE_FIXTURE(World, "several programs run at the same time") {
    // Each waits for the other's file: one after the other would reach the limit.
    auto const a = (directory / "a").string(), b = (directory / "b").string();
    int good = 0;
    auto meet = [&](std::string mine, std::string other) -> Task<void> {
        Command command{
            .argv = {"/bin/sh", "-c", "touch " + mine + "; until [ -e " + other + " ]; do sleep 0.01; done"}};
        auto const got = co_await processes.run(std::move(command));
        if (got && got->status == 0) ++good;
    };
    test::Started first{io, meet(a, b)};
    test::Started second{io, meet(b, a)};
    REQUIRE(test::happens(io, [&] { return first.ended() && second.ended(); }));
    CHECK(good == 2);
}
