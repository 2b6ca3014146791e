// What everybody may expect of a core::ServiceHost, of both: children of this process, and the units of a
// real systemd. Runs in a container whose PID 1 systemd is (service_host_test.py).

#include "core/child_host.hpp"
#include "core/files.hpp"
#include "core/systemd_host.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>

using namespace std::chrono_literals;

namespace {

void systemctl(std::string const& words) {
    CAPTURE(words);
    REQUIRE(std::system(("systemctl --quiet " + words).c_str()) == 0);
}

bool lives(int pid) {
    return pid > 0 && ::kill(pid, 0) == 0;
}

// A host and its services, which are lines of shell.
struct World {
    core::asio::io_context io;
    core::SystemClock clock;
    core::Progress progress{clock};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    core::Writer<&core::DeviceState::services> services{state};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    test::TemporaryDirectory directory;
    std::unique_ptr<core::ServiceHost> host;
    std::optional<test::Started> running;

    core::Service service(std::string const& name) const {
        auto const& all = state.now().services;
        return all.contains(name) ? all.at(name) : core::Service{};
    }
    template <class Condition> bool happens(Condition const& condition) {
        return test::happens(io, condition);
    }
    bool runs(std::string const& name, unsigned starts) {
        return happens([&] { return service(name).running && service(name).starts == starts; });
    }
    void start() { running.emplace(io, host->run()); }
    void end() {
        running->cancel();
        CHECK(happens([&] { return running->ended(); }));
        running.reset();
    }
    // Until everything that is under way has been told: nothing changed for that long.
    void settle() {
        for (auto seen = state.get();;) {
            io.restart();
            io.run_for(500ms);
            if (seen == state.get()) return;
            seen = state.get();
        }
    }
};

struct Children : World {
    static constexpr bool kGoOnAfterTheHost = false;
    Children() { host = make(); }

    std::unique_ptr<core::ServiceHost> make() {
        return std::make_unique<core::ChildHost>(clock, services, core::Log{log, "core"}, directory.path());
    }
    void want(std::string const& name, std::string const& script, std::string const& configuration = "") {
        host->want({.name = name, .argv = {"/bin/sh", "-c", script}, .configuration = configuration});
    }
};

struct Units : World {
    static constexpr bool kGoOnAfterTheHost = true;
    std::vector<std::string> names;

    Units() { host = make(); }
    ~Units() {
        running.reset();
        for (auto const& name : names) {
            std::filesystem::remove(file(name));
            systemctl("stop " + unit(name) + " || true");
        }
        systemctl("daemon-reload");
    }
    std::unique_ptr<core::ServiceHost> make() {
        return std::make_unique<core::SystemdHost>(clock, progress, services, core::Log{log, "core"},
                                                   directory.path());
    }
    static std::string unit(std::string const& name) { return "atomix-" + name + ".service"; }
    static std::filesystem::path file(std::string const& name) { return "/run/systemd/system/" + unit(name); }
    std::string shown(std::string const& name, std::string const& property) const {
        auto const to = directory / "shown";
        systemctl("show -P " + property + " " + unit(name) + " >" + to.string());
        return *core::read_file(to, 1000);
    }
    void install(std::string const& name, std::string const& script, std::string const& restart = "100ms") {
        auto const at = (directory / name).string();
        names.push_back(name);
        REQUIRE(core::replace_file(file(name), "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\n"
                                               "ExecStartPre=/bin/cp " +
                                                   at + ".conf " + at +
                                                   ".started\n"
                                                   "ExecStart=/bin/sh -c '" +
                                                   script + "'\nRestart=always\nRestartSec=" + restart + "\n")
                    .has_value());
        systemctl("daemon-reload");
    }
    // As LanServices does it: the file first, then the wish.
    void wish(std::string const& name, std::string const& script, std::string const& configuration = "") {
        REQUIRE(core::replace_file(directory / (name + ".conf"), configuration).has_value());
        host->want({.name = name, .argv = {"/bin/sh", "-c", script}, .configuration = configuration});
    }
    void want(std::string const& name, std::string const& script, std::string const& configuration = "") {
        if (!std::filesystem::exists(file(name))) install(name, script);
        wish(name, script, configuration);
    }
    // Another process of this program, which knows nothing of the first.
    void begin_anew() {
        if (running) end();
        services.set({});
        log->lines.clear();
        host = make();
    }
};

constexpr char const* kLasting = "sleep 600; true";   // or the shell would become the last command

}   // namespace

#define BOTH_HOSTS Children, Units

TEST_CASE_TEMPLATE("what is wanted is started, once, and told", Host, BOTH_HOSTS) {
    Host host;
    host.want("one", kLasting);
    host.start();
    REQUIRE(host.runs("one", 1));
    CHECK(lives(host.service("one").pid));
    CHECK(host.service("one").error == "");
    host.want("two", kLasting);
    REQUIRE(host.runs("two", 1));

    auto const before = host.state.now().services;
    host.want("one", kLasting);
    host.settle();
    CHECK(host.state.now().services == before);
    CHECK(!host.log->contains("device.yaml"));
    host.end();
}

TEST_CASE_TEMPLATE("another configuration restarts that service once, and no other one", Host, BOTH_HOSTS) {
    Host host;
    host.want("dns", kLasting, "range 1\n");
    host.want("ntp", kLasting);
    host.start();
    REQUIRE(host.runs("dns", 1));
    REQUIRE(host.runs("ntp", 1));
    auto const dns = host.service("dns"), ntp = host.service("ntp");
    host.want("dns", kLasting, "range 2\n");
    REQUIRE(host.runs("dns", 2));
    host.settle();
    CHECK(host.service("dns").starts == 2);
    CHECK(host.service("dns").pid != dns.pid);
    CHECK(!lives(dns.pid));
    CHECK(host.service("ntp") == ntp);
    CHECK(!host.log->contains("ended with status"));   // it was asked for
    host.end();
}

TEST_CASE_TEMPLATE("a killed service is back, is counted, and the reason is told", Host, BOTH_HOSTS) {
    Host host;
    host.want("one", kLasting);
    host.start();
    REQUIRE(host.runs("one", 1));
    auto const pid = host.service("one").pid;
    ::kill(pid, SIGKILL);
    REQUIRE(host.runs("one", 2));
    CHECK(host.service("one").pid != pid);
    CHECK(host.service("one").error == "");
    CHECK(host.log->contains("ended with status 137"));
    host.end();
}

TEST_CASE_TEMPLATE("a service that fails is tried at a bounded rate, and the others do not notice",
                   Host,
                   BOTH_HOSTS) {
    Host host;
    host.want("good", kLasting);
    host.want("fails", "exit 3");
    auto const begun = host.clock.now();
    host.start();
    REQUIRE(host.runs("good", 1));
    auto const good = host.service("good");
    REQUIRE(host.happens([&] { return host.service("fails").starts >= 4; }));
    CHECK(host.clock.now() - begun >= 300ms);
    REQUIRE(host.happens([&] { return !host.service("fails").running; }));
    CHECK(host.service("fails").error == "ended with status 3");
    CHECK(host.service("fails").pid == 0);
    CHECK(host.service("good") == good);
    host.end();
}

TEST_CASE_TEMPLATE("another wish mends a service that fails", Host, BOTH_HOSTS) {
    Host host;
    auto const script =
        "grep -q good " + (host.directory / "dns.conf").string() + " && exec sleep 600; exit 3";
    REQUIRE(core::replace_file(host.directory / "dns.conf", "bad\n").has_value());
    host.want("dns", script, "bad\n");
    host.start();
    REQUIRE(host.happens([&] { return host.service("dns").error == "ended with status 3"; }));
    REQUIRE(core::replace_file(host.directory / "dns.conf", "good\n").has_value());
    host.want("dns", script, "good\n");
    REQUIRE(host.happens([&] { return host.service("dns").running; }));
    host.settle();
    CHECK(host.service("dns").running);
    host.end();
}

TEST_CASE_TEMPLATE("when the host ends, children end and units go on", Host, BOTH_HOSTS) {
    Host host;
    host.want("one", kLasting);
    host.want("two", kLasting);
    host.start();
    REQUIRE(host.runs("one", 1));
    REQUIRE(host.runs("two", 1));
    auto const one = host.service("one").pid, two = host.service("two").pid;
    host.end();
    CHECK(lives(one) == Host::kGoOnAfterTheHost);
    CHECK(lives(two) == Host::kGoOnAfterTheHost);
}

TEST_CASE_FIXTURE(Units, "a host that begins anew finds the same run, and leaves it alone") {
    want("one", kLasting, "range 1\n");
    start();
    REQUIRE(runs("one", 1));
    auto const invocation = shown("one", "InvocationID");
    auto const pid = service("one").pid;
    begin_anew();
    want("one", kLasting, "range 1\n");
    start();
    REQUIRE(runs("one", 1));
    settle();
    CHECK(service("one").pid == pid);
    CHECK(shown("one", "InvocationID") == invocation);
    end();
}

TEST_CASE_FIXTURE(Units,
                  "a configuration that was replaced before its host died is noticed by the next one, once") {
    want("one", kLasting, "range 1\n");
    start();
    REQUIRE(runs("one", 1));
    auto const pid = service("one").pid;
    REQUIRE(core::replace_file(directory / "one.conf", "range 2\n").has_value());
    begin_anew();
    want("one", kLasting, "range 2\n");
    start();
    REQUIRE(runs("one", 2));
    CHECK(!lives(pid));
    settle();
    CHECK(service("one").starts == 2);
    CHECK(*core::read_file(directory / "one.started", 100) == "range 2\n");
    end();
}

TEST_CASE_FIXTURE(Units,
                  "a unit that does not start with what is wanted is restarted for it once, and logged") {
    want("one", kLasting, "range 1\n");
    start();
    REQUIRE(runs("one", 1));
    host->want({.name = "one", .argv = {"/bin/sh", "-c", kLasting}, .configuration = "never written"});
    REQUIRE(runs("one", 2));
    REQUIRE(happens([&] { return log->contains("although it was restarted for it"); }));
    settle();
    CHECK(service("one").starts == 2);
    end();
}

TEST_CASE_FIXTURE(Units, "a unit that runs something else than is wanted is logged") {
    install("one", kLasting);
    wish("one", "sleep 601; true");
    start();
    REQUIRE(happens([&] { return log->contains("the unit runs something else than device.yaml asks for"); }));
    CHECK(log->contains("wanted=\"/bin/sh -c sleep 601; true\""));
    end();
}

TEST_CASE_FIXTURE(Units, "what somebody stops is started again, later each time") {
    want("one", kLasting);
    start();
    REQUIRE(runs("one", 1));
    for (unsigned stops = 1; stops <= 2; ++stops) {
        systemctl("stop " + unit("one"));
        auto const stopped = clock.now();
        REQUIRE(happens([&] { return service("one").error == "stopped by somebody"; }));
        REQUIRE(runs("one", stops + 1));
        CHECK(clock.now() - stopped >= 900ms * stops);
    }
    end();
}

TEST_CASE_FIXTURE(Units,
                  "a unit that no start brings up is asked for every minute in the end, and not oftener") {
    install("one", kLasting);
    auto const text = *core::read_file(file("one"), 1000);
    REQUIRE(
        core::replace_file(file("one"), "[Unit]\nConditionPathExists=/no/such/file\n" + text).has_value());
    systemctl("daemon-reload");
    test::FakeClock slow{io};
    host = std::make_unique<core::SystemdHost>(slow, progress, services, core::Log{log, "core"},
                                               directory.path());
    wish("one", kLasting);
    start();
    std::ptrdiff_t orders = 1;
    auto const are_all = [&] {
        auto const is_one = [](auto const& line) { return line.find("asking for a start") != line.npos; };
        return std::ranges::count_if(log->lines, is_one) == orders;
    };
    REQUIRE(happens(are_all));
    settle();
    for (auto const pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s}) {
        CAPTURE(pause.count());
        slow.advance(pause - 1ms);
        settle();
        CHECK(are_all());
        ++orders;
        slow.advance(1ms);
        REQUIRE(happens(are_all));
        settle();
    }
    end();
}

TEST_CASE_FIXTURE(Units, "after a steady run a service is back at once, without waiting for systemd") {
    install("one", kLasting, "60s");
    wish("one", kLasting);
    start();
    REQUIRE(runs("one", 1));
    auto const since = clock.now();
    REQUIRE(happens([&] { return clock.now() - since > core::kSteadyRun; }));
    ::kill(service("one").pid, SIGKILL);
    auto const killed = clock.now();
    REQUIRE(runs("one", 2));
    MESSAGE(
        "back after " << std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - killed).count()
                      << " ms");
    ::kill(service("one").pid, SIGKILL);   // a short run
    REQUIRE(happens([&] { return service("one").error == "ended with status 137"; }));
    settle();
    CHECK(service("one").starts == 2);
    end();
}

TEST_CASE_FIXTURE(Units, "a unit that is missing or masked says so, and runs as soon as it can") {
    wish("one", kLasting);
    start();
    REQUIRE(happens([&] { return service("one").error.starts_with("systemd knows no atomix-one.service"); }));
    install("one", kLasting);
    REQUIRE(runs("one", 1));
    auto const content = *core::read_file(file("one"), 1000);
    std::filesystem::remove(file("one"));
    std::filesystem::create_symlink("/dev/null", file("one"));
    systemctl("daemon-reload");
    systemctl("stop " + unit("one"));
    REQUIRE(happens([&] {
        return service("one").error == "atomix-one.service is masked: systemctl unmask atomix-one.service";
    }));
    std::filesystem::remove(file("one"));
    REQUIRE(core::replace_file(file("one"), content).has_value());
    systemctl("daemon-reload");
    REQUIRE(runs("one", 2));
    end();
}

TEST_CASE_FIXTURE(Units, "a program that is not there is told") {
    install("one", kLasting);
    REQUIRE(core::replace_file(file("one"), "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\n"
                                            "ExecStart=/no/such/program\nRestart=always\nRestartSec=100ms\n")
                .has_value());
    systemctl("daemon-reload");
    wish("one", kLasting);
    start();
    REQUIRE(happens([&] { return service("one").starts >= 3; }));
    REQUIRE(
        happens([&] { return service("one").error == "ended with status 203, systemd could not start it"; }));
    end();
}

TEST_CASE_FIXTURE(Units, "a unit that is observed is told of with each of its runs, and nothing is ordered") {
    auto const observed = "unit:" + unit("one");
    dynamic_cast<core::SystemdHost&>(*host).observe(unit("one"));
    start();
    REQUIRE(
        happens([&] { return service(observed).error.starts_with("systemd knows no atomix-one.service"); }));
    install("one", kLasting, "10ms");
    REQUIRE(core::replace_file(directory / "one.conf", "").has_value());
    settle();
    CHECK(service(observed).starts == 0);   // nobody has started it
    systemctl("start " + unit("one"));
    REQUIRE(runs(observed, 1));
    systemctl("restart " + unit("one"));   // by somebody, whom systemd does not count
    REQUIRE(runs(observed, 2));
    ::kill(service(observed).pid, SIGKILL);
    REQUIRE(runs(observed, 3));
    systemctl("stop " + unit("one"));
    REQUIRE(happens([&] { return !service(observed).running; }));
    settle();
    CHECK(!service(observed).running);
    CHECK(service(observed).starts == 3);
    end();
}

TEST_CASE_FIXTURE(Units, "a systemd that re-executes itself is asked again") {
    want("one", kLasting);
    start();
    REQUIRE(runs("one", 1));
    auto const before = service("one");
    systemctl("daemon-reexec");
    REQUIRE(happens([&] { return log->contains("systemd cannot be asked, will retry"); }));
    CHECK(service("one") == before);
    ::kill(before.pid, SIGKILL);
    REQUIRE(runs("one", 2));
    end();
}

TEST_CASE_FIXTURE(Units,
                  "files are read when systemd is told to, and a stop gives up a start that is under way") {
    names.push_back("one");
    auto bus = core::SystemdBus::open(io.get_executor(), core::kSystemdSocket, 0);
    REQUIRE(bus.has_value());
    auto const seen = [&] { return *test::run_task(io, bus->state(unit("one"))); };
    CHECK(seen().load == "not-found");
    CHECK(seen().file.empty());
    REQUIRE(
        core::replace_file(file("one"), "[Service]\nType=oneshot\nExecStart=/bin/sleep 600\n").has_value());
    REQUIRE(test::run_task(io, bus->reload()).has_value());
    CHECK(seen().load == "loaded");
    CHECK(seen().file == file("one"));
    REQUIRE(test::run_task(io, bus->start(unit("one"))).has_value());
    REQUIRE(happens([&] { return seen().active == "activating"; }));
    REQUIRE(test::run_task(io, bus->stop(unit("one"))).has_value());
    CHECK(happens([&] { return core::is_down(seen()); }));
    std::filesystem::remove(file("one"));
    CHECK(seen().load == "loaded");
    REQUIRE(test::run_task(io, bus->reload()).has_value());
    CHECK(seen().load == "not-found");
    auto const absent = test::run_task(io, bus->stop("atomix-no-such.service"));
    REQUIRE(!absent.has_value());
    CHECK(absent.error().is(core::Errc::refused));
}
