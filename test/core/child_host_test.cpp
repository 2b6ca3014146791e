#include "core/child_host.hpp"

#include "core/child.hpp"
#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <sstream>
#include <stdexcept>

using namespace std::chrono_literals;
using core::ServiceSpec;
using core::Task;

namespace {

bool no_child_is_left() {
    return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

// Field 22 of /proc/<pid>/stat, for processes without a space in their name.
std::string start_time(pid_t pid) {
    std::istringstream stat{*core::read_file("/proc/" + std::to_string(pid) + "/stat", 4096)};
    std::string field;
    for (int i = 0; i < 22; ++i) stat >> field;
    return field;
}

// Real children; the time between their restarts is the test's.
struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    test::TemporaryDirectory directory;
    core::ChildHost host{clock, core::Writer<&core::DeviceState::services>{state}, core::Log{log, "core"},
                         directory.path()};

    static ServiceSpec shell(std::string name, std::string const& script, std::string configuration = "") {
        return {.name = std::move(name),
                .argv = {"/bin/sh", "-c", script},
                .configuration = std::move(configuration)};
    }
    core::Service service(std::string const& name) const {
        auto const& all = state.now().services;
        return all.contains(name) ? all.at(name) : core::Service{};
    }
    template <class Condition> bool happens(Condition const& condition) {
        return test::happens(io, condition);
    }
    bool runs(std::string const& name) {
        return happens([&] { return service(name).running; });
    }
    std::string told() const { return *core::read_file(directory / "story", 1000); }
    void end(test::Started& running) {
        running.cancel();
        CHECK(happens([&] { return running.ended(); }));
        CHECK(running.threw() == "");
        CHECK(no_child_is_left());
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a wanted service runs, is told, recorded, and ends with the host") {
    host.want(shell("one", "sleep 60"));
    test::Started running{io, host.run()};
    REQUIRE(runs("one"));
    auto const one = service("one");
    CHECK(one.starts == 1);
    CHECK(*core::read_file(directory / "one.pid", 100) ==
          std::to_string(one.pid) + ' ' + start_time(one.pid));
    host.want(shell("two", "sleep 60"));
    REQUIRE(runs("two"));
    CHECK(service("one").pid == one.pid);
    end(running);
    CHECK(!service("one").running);
    CHECK(service("one").pid == 0);
    CHECK(!std::filesystem::exists(directory / "one.pid"));
}

TEST_CASE_FIXTURE(World,
                  "a service that ends is restarted after 100, 200, 400 … ms, and the state says why") {
    host.want(shell("fails", "exit 3"));
    test::Started running{io, host.run()};
    for (unsigned start = 1; start <= 3; ++start) {
        auto const pause = 100ms * (1 << (start - 1));
        auto const line = "service=fails why=\"ended with status 3\" in_ms=" + std::to_string(pause.count());
        REQUIRE(happens([&] { return log->contains(line); }));
        CHECK(service("fails").starts == start);
        CHECK(!service("fails").running);
        CHECK(service("fails").error == "ended with status 3");
        clock.advance(pause - 1ms);
        CHECK(service("fails").starts == start);
        clock.advance(1ms);
    }
    REQUIRE(happens([&] { return service("fails").starts == 4; }));
    end(running);
}

TEST_CASE_FIXTURE(
    World,
    "a service that has run for ten seconds is restarted at once, and later when it ends soon") {
    host.want(shell("dies", "sleep 60"));
    test::Started running{io, host.run()};
    for (int round = 0; round < 3; ++round) {
        REQUIRE(runs("dies"));
        clock.advance(10s);
        auto const starts = service("dies").starts;
        ::kill(-service("dies").pid, SIGKILL);
        REQUIRE(happens([&] { return service("dies").starts == starts + 1; }));   // no time passes
        REQUIRE(runs("dies"));
    }
    log->lines.clear();
    ::kill(-service("dies").pid, SIGKILL);
    REQUIRE(happens([&] { return log->contains("why=\"ended with status 137\" in_ms=100"); }));
    clock.advance(99ms);
    CHECK(service("dies").starts == 4);
    clock.advance(1ms);
    REQUIRE(runs("dies"));
    CHECK(service("dies").starts == 5);
    end(running);
}

TEST_CASE_FIXTURE(World, "a program that is not there is tried again and reported") {
    ServiceSpec const absent{.name = "absent", .argv = {"/no/such/program"}, .configuration = ""};
    host.want(absent);
    test::Started running{io, host.run()};
    REQUIRE(happens([&] { return log->contains("in_ms=100"); }));
    CHECK(service("absent").error == "there is no program /no/such/program [not found]");
    clock.advance(100ms);
    CHECK(service("absent").starts == 2);
    end(running);
}

TEST_CASE_FIXTURE(World, "another configuration restarts that service and no other one") {
    host.want(shell("dns", "sleep 60", "range 1"));
    host.want(shell("ntp", "sleep 60"));
    test::Started running{io, host.run()};
    REQUIRE(runs("dns"));
    REQUIRE(runs("ntp"));
    auto const dns = service("dns"), ntp = service("ntp");

    host.want(shell("dns", "sleep 60", "range 1"));   // the same: nothing happens
    clock.settle();
    CHECK(service("dns") == dns);

    host.want(shell("dns", "sleep 60", "range 2"));
    REQUIRE(happens([&] { return service("dns").starts == 2 && service("dns").running; }));
    CHECK(service("dns").pid != dns.pid);
    CHECK(service("ntp") == ntp);
    CHECK(!log->contains("will restart"));   // it was asked for

    host.want(shell("dns", "sleep 60", "range 3"));
    REQUIRE(happens([&] { return service("dns").starts == 3 && service("dns").running; }));
    end(running);
}

TEST_CASE_FIXTURE(World, "another wish does not wait for the end of a back-off") {
    host.want(shell("dns", "exit 1"));
    test::Started running{io, host.run()};
    REQUIRE(happens([&] { return log->contains("in_ms=100"); }));
    host.want(shell("dns", "sleep 60"));
    REQUIRE(runs("dns"));
    end(running);
}

TEST_CASE_FIXTURE(World, "another wish begins with the shortest pause again") {
    host.want(shell("dns", "exit 1"));
    test::Started running{io, host.run()};
    REQUIRE(happens([&] { return log->contains("in_ms=100"); }));
    clock.advance(100ms);
    REQUIRE(happens([&] { return log->contains("in_ms=200"); }));
    host.want(shell("dns", "exit 2"));
    REQUIRE(happens([&] { return log->contains("status 2"); }));
    CHECK(log->contains("why=\"ended with status 2\" in_ms=100"));
    end(running);
}

TEST_CASE_FIXTURE(World, "services end in the reverse order of their start, each in its own way") {
    auto const story = (directory / "story").string();
    auto const speaker = [&](std::string const& name) {
        return shell(name, "trap 'echo " + name + " >> " + story + "; exit 0' TERM; touch " +
                               (directory / name).string() + "; sleep 60 & wait");
    };
    auto const ready = [&](char const* name) {
        return happens([&] { return std::filesystem::exists(directory / name); });
    };
    test::Started running{io, host.run()};
    for (auto const* name : {"b", "c", "a"}) {
        host.want(speaker(name));
        REQUIRE(ready(name));
    }
    end(running);
    CHECK(told() == "a\nc\nb\n");
}

TEST_CASE_FIXTURE(World, "a process of an earlier run is ended before its service starts") {
    auto const spawned = core::spawn({"/bin/sleep", "60"});
    REQUIRE(spawned.has_value());
    auto const& stale = *spawned;
    REQUIRE(
        core::replace_file(directory / "dns.pid", std::to_string(stale.pid) + ' ' + start_time(stale.pid)));
    host.want(shell("dns", "sleep 60"));
    test::Started running{io, host.run()};
    REQUIRE(runs("dns"));
    CHECK(log->contains("ended a process left by an earlier run service=dns"));
    CHECK(test::run_task(io, core::wait_for_end(stale)) == 128 + SIGTERM);
    end(running);
}

TEST_CASE_FIXTURE(World, "a process that got a recorded number later is not touched") {
    auto const spawned = core::spawn({"/bin/sleep", "60"});
    REQUIRE(spawned.has_value());
    auto const& stranger = *spawned;
    for (auto const& record : {std::to_string(stranger.pid) + " 1", std::to_string(stranger.pid),
                               std::to_string(stranger.pid) + " ", std::string{"1 1"}, std::string{"-1 5"},
                               std::string{"rubbish"}, std::string{}}) {
        CAPTURE(record);
        REQUIRE(core::replace_file(directory / "dns.pid", record));
        host.want(shell("dns", "sleep 60", record));
        test::Started running{io, host.run()};
        REQUIRE(runs("dns"));
        CHECK(!log->contains("earlier run"));
        CHECK(::kill(stranger.pid, 0) == 0);
        running.cancel();
        REQUIRE(happens([&] { return running.ended(); }));
        state.publish({});
    }
    test::run_task(io, core::end_child(stranger, 10));
    CHECK(no_child_is_left());
}

TEST_CASE_FIXTURE(World, "a host that ran once can run again") {
    host.want(shell("one", "sleep 60"));
    for (unsigned round = 1; round <= 2; ++round) {
        test::Started running{io, host.run()};
        REQUIRE(runs("one"));
        CHECK(service("one").starts == round);
        end(running);
    }
}

TEST_CASE(
    "a bug in keeping one service ends all of them and is thrown, so that the supervisor can start anew") {
    struct BrokenClock final : core::Clock {
        core::TimePoint now() const override { return {}; }
        core::WallTime wall_now() const override { return {}; }
        Task<void> sleep_until(core::TimePoint) override { throw std::logic_error{"a bug"}; }
    };
    World world;
    BrokenClock broken;
    core::ChildHost host{broken, core::Writer<&core::DeviceState::services>{world.state},
                         core::Log{world.log, "core"}, world.directory.path()};
    host.want(World::shell("good", "sleep 60"));
    host.want(World::shell("zfails", "exit 1"));
    test::Started running{world.io, host.run()};
    REQUIRE(world.happens([&] { return running.ended(); }));
    CHECK(running.threw() == "a bug");
    CHECK(no_child_is_left());
}
