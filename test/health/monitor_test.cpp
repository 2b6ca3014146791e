#include "health/monitor.hpp"

#include "health/container_reading.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <functional>

using namespace std::chrono_literals;
using core::Phase;
using core::Verdict;

namespace {

core::Container const kWeb{.required = true,
                           .unit = "active",
                           .invocation = "a1",
                           .starts = 1,
                           .state = "running"};
core::Container const kBrokenWeb{.required = true, .unit = "failed", .invocation = "a1", .starts = 1};

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(),
                         core::DeviceState{.links = {.wan = {.name = "eth0"}, .lan = {.name = "eth1"}}}};
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    int rounds = 0;
    bool good = true;
    bool cable_out = false;
    std::string probe = "dns";
    std::function<void()> in_round;   // what happens while the probes are asked
    bool reads_containers = false;
    health::Monitor monitor{clock,
                            state,
                            core::Writer<&core::DeviceState::health>{state},
                            core::Log{lines, "health"},
                            [this]() -> core::Task<std::vector<core::Reading>> { return round(); },
                            {.window = 60s, .limit = 10min},
                            5s};
    core::asio::cancellation_signal stop;

    core::Task<std::vector<core::Reading>> round() {
        ++rounds;
        if (in_round) in_round();
        std::vector<core::Reading> readings{
            {.probe = probe, .good = good, .detail = "as the test says", .cable_out = cable_out}};
        if (reads_containers)
            for (auto const& reading : health::container_readings(state.now())) readings.push_back(reading);
        co_return readings;
    }
    void start() {
        core::asio::co_spawn(io, monitor.run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        clock.settle();
    }
    void begin_trial(std::vector<std::string> failing = {}, std::vector<std::string> was_good = {}) {
        core::Writer<&core::DeviceState::update> update{state};
        update.change([&](core::Update& u) {
            u.phase = Phase::trial;
            u.trial_started = clock.now();
            u.baseline = {.failing = std::move(failing), .good = std::move(was_good)};
        });
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::terminal);
        clock.settle();
    }
    void set_web(core::Container web) {
        reads_containers = true;
        core::Writer<&core::DeviceState::containers>{state}.set({.known = {{"web", std::move(web)}}});
    }
    Verdict verdict() const { return state.now().health.verdict; }
};

}   // namespace

TEST_CASE_FIXTURE(World,
                  "without a trial there is a round at the start and every five minutes, and no verdict") {
    start();
    CHECK(rounds == 1);
    clock.advance(4min);
    CHECK(rounds == 1);
    clock.advance(2min);
    CHECK(rounds == 2);
    CHECK(verdict() == Verdict::none);
}

TEST_CASE_FIXTURE(World, "the first round waits for the links to be read, but not for ever") {
    core::Writer<&core::DeviceState::links> links{state};
    links.set({});
    SUBCASE("they are read") {
        start();
        clock.advance(1s);
        CHECK(rounds == 0);
        links.set({.wan = {.name = "eth0"}, .lan = {.name = "eth1"}});
        clock.settle();
    }
    SUBCASE("the carrier counts when it has held") {
        start();
        links.set({.wan = {.name = "eth0"}, .lan = {.name = "eth1", .present = true}});
        clock.advance(1s);
        CHECK(rounds == 0);
        links.set({.wan = {.name = "eth0"}, .lan = {.name = "eth1", .present = true, .carrier = true}});
        clock.settle();
    }
    SUBCASE("they are not") {
        start();
        clock.advance(4s + 999ms);
        CHECK(rounds == 0);
        clock.advance(1ms);
    }
    CHECK(rounds == 1);
    clock.advance(4min);
    CHECK(rounds == 1);
}

TEST_CASE_FIXTURE(World, "a change of services is followed by one round, however many changes there are") {
    start();
    core::Writer<&core::DeviceState::services> services{state};
    for (unsigned i = 1; i < 5; ++i) services.set({{"dnsmasq", {.running = true, .starts = i}}});
    clock.advance(10s);
    CHECK(rounds == 2);
}

TEST_CASE_FIXTURE(World, "a trial whose probes hold for the window is to be committed, no earlier") {
    begin_trial();
    start();
    clock.advance(59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(2s);
    CHECK(verdict() == Verdict::commit);
    CHECK(rounds == 13);
}

TEST_CASE_FIXTURE(World, "a trial whose probe never holds is to be rolled back at its limit") {
    good = false;
    begin_trial();
    start();
    clock.advance(9min + 59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(2s);
    CHECK(verdict() == Verdict::roll_back);
    CHECK(state.now().health.reason == "dns: as the test says, for 600 s, at the end of a trial of 600 s");
}

TEST_CASE_FIXTURE(World, "one bad round in the window starts it over") {
    begin_trial();
    start();
    clock.advance(50s);
    good = false;
    clock.advance(5s);
    good = true;
    clock.advance(59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(10s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(World, "a probe that failed before the update is shown and not held against it") {
    good = false;
    begin_trial({"dns"});
    start();
    clock.advance(61s);
    CHECK(verdict() == Verdict::commit);
    CHECK(!state.now().health.readings.at(0).good);
    CHECK(state.now().health.readings.at(0).weight == core::Weight::excused);
}

TEST_CASE_FIXTURE(World, "a wall clock that jumps by ten years in the window changes nothing") {
    begin_trial();
    start();
    auto const today = clock.wall_now() - 1h;
    auto const ten_years = std::chrono::seconds{24h * 3652};
    clock.advance(20s);
    clock.set_wall(today + ten_years);
    clock.advance(20s);
    clock.set_wall(today - ten_years);
    clock.advance(19s);
    CHECK(verdict() == Verdict::wait);
    clock.set_wall(today + ten_years);
    clock.advance(2s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(World, "a probe that changes is logged once, with its detail") {
    start();
    clock.advance(10min);
    CHECK(lines->lines ==
          std::vector<std::string>{"health: condition of the device changed is=good was=unknown",
                                   "health: probe holds probe=dns detail=\"as the test says\""});
    good = false;
    clock.advance(1min);
    CHECK(lines->lines.size() == 4);
    CHECK(lines->contains("health: probe fails probe=dns"));
}

TEST_CASE_FIXTURE(World, "the state may change while the probes are asked") {
    good = false;
    begin_trial();
    in_round = [&] { begin_trial({"dns"}); };   // the snapshot of before the round is gone
    start();
    CHECK(state.now().health.readings.at(0).weight == core::Weight::excused);
}

TEST_CASE_FIXTURE(World, "a wall clock that jumps neither ends nor prolongs a trial that fails") {
    good = false;
    begin_trial();
    start();
    clock.advance(5min);
    clock.set_wall(core::WallTime{} + std::chrono::seconds{24h * 3652});
    clock.advance(4min + 59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(2s);
    CHECK(verdict() == Verdict::roll_back);
}

TEST_CASE_FIXTURE(World, "outside a trial bad rounds degrade and fail the device, and no verdict follows") {
    start();
    CHECK(state.now().health.condition == core::Condition::good);
    good = false;
    clock.advance(5min + 1s);
    CHECK(state.now().health.condition == core::Condition::degraded);
    clock.advance(1h);
    CHECK(state.now().health.condition == core::Condition::failed);
    CHECK(verdict() == Verdict::none);
    good = true;
    clock.advance(15min);
    CHECK(state.now().health.condition == core::Condition::good);
    CHECK(state.now().health.readings.at(0).last_failure->detail == "as the test says");
}

TEST_CASE_FIXTURE(World, "a service restarted by somebody else in the window starts it over") {
    core::Writer<&core::DeviceState::services> services{state};
    services.set({{"dnsmasq", {.running = true, .starts = 1, .invocation = "a1"}}});
    begin_trial();
    start();
    clock.advance(50s);
    services.set({{"dnsmasq", {.running = true, .starts = 1, .invocation = "b2"}}});
    clock.advance(59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(6s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(World, "a service that does not stay up ends the trial long before its limit") {
    begin_trial();
    start();
    core::Writer<&core::DeviceState::services> services{state};
    services.set({{"dnsmasq", {.running = true, .starts = 5}}});
    clock.advance(6s);
    CHECK(verdict() == Verdict::roll_back);
    CHECK(state.now().health.reason == "dnsmasq does not stay up: started again 4 times in 5 s");
}

TEST_CASE_FIXTURE(World, "a service that was restless before the update does not fail it") {
    probe = "dnsmasq";
    good = false;
    begin_trial({"dnsmasq"});
    core::Writer<&core::DeviceState::services> services{state};
    services.set({{"dnsmasq", {.running = true, .starts = 5}}});
    start();
    clock.advance(59s);
    services.set({{"dnsmasq", {.running = true, .starts = 6}}});
    clock.advance(2s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(World, "a trial whose cable is out waits for it until the limit, and is then committed") {
    cable_out = true;
    good = false;
    begin_trial();
    start();
    clock.advance(9min + 59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(2s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(World, "a cable that is plugged in during the trial lets it hold its window") {
    cable_out = true;
    good = false;
    begin_trial();
    start();
    clock.advance(2min);
    good = true;
    clock.advance(59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(6s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(
    World,
    "a required container that ran before the update and does not now ends the trial at its limit") {
    set_web(kBrokenWeb);
    begin_trial({}, {"container:web"});
    start();
    clock.advance(9min + 59s);
    CHECK(verdict() == Verdict::wait);
    clock.advance(2s);
    CHECK(verdict() == Verdict::roll_back);
    CHECK(state.now().health.reason.starts_with("container:web: its unit is failed"));
}

TEST_CASE_FIXTURE(World, "a container that failed before the update does not keep it from being committed") {
    set_web(kBrokenWeb);
    begin_trial({"container:web"});
    start();
    clock.advance(61s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(World,
                  "a required container that is restarted in the window starts it over, until the limit") {
    set_web(kWeb);
    begin_trial({}, {"container:web"});
    start();
    clock.advance(50s);
    auto web = kWeb;
    web.invocation = "b2";
    set_web(web);
    clock.advance(59s);
    CHECK(verdict() == Verdict::wait);
    web.error = "ended with status 1";
    while (clock.now() - *state.now().update.trial_started < 599s) {
        ++web.starts;
        set_web(web);
        clock.advance(10s);
        CHECK(verdict() == Verdict::wait);
    }
    clock.advance(2s);
    CHECK(verdict() == Verdict::roll_back);
    CHECK(
        state.now().health.reason ==
        "the probes did not hold for 60 s within a trial of 600 s; container:web: started again 49 times in "
        "600 s, last ended with status 1");
}

TEST_CASE_FIXTURE(World,
                  "a container whose remote is behind a cable that is out waits for it with the update, and "
                  "does not condemn it") {
    probe = "wan_lease";
    good = false;
    cable_out = true;
    core::Writer<&core::DeviceState::links>{state}.set(
        {.wan = {.name = "eth0", .present = true, .up = true}, .lan = {.name = "eth1"}});
    begin_trial({}, {"container:web", "wan_lease"});
    auto web = kWeb;
    set_web(web);
    start();
    for (int seconds = 0; seconds < 590; seconds += 10) {   // up for a moment, down for the rest
        web = kWeb;
        web.starts += static_cast<unsigned>(seconds) / 10;
        if (seconds % 20 == 0) web.unit = "activating";
        set_web(web);
        clock.advance(10s);
        CHECK(verdict() == Verdict::wait);
    }
    SUBCASE("to the limit") {
        clock.advance(11s);
        CHECK(verdict() == Verdict::commit);
        CHECK(state.now().health.reason.starts_with("everything but a cable held for the whole window"));
    }
    SUBCASE("to the limit, with something else that failed") {
        probe = "dns";
        clock.advance(5s);
        cable_out = false;
        clock.advance(6s);
        CHECK(verdict() == Verdict::roll_back);
    }
}

TEST_CASE_FIXTURE(
    World,
    "a trial whose document with containers was refused is rolled back, not committed without them") {
    reads_containers = true;
    begin_trial({}, {"container:web"});
    start();
    clock.advance(10min + 1s);
    CHECK(verdict() == Verdict::roll_back);
}

TEST_CASE_FIXTURE(
    World,
    "outside a trial a required container that fails twice is a failure, a wanted one degrades") {
    auto web = kBrokenWeb;
    web.required = false;
    set_web(web);
    start();
    clock.advance(1h);
    CHECK(state.now().health.condition == core::Condition::degraded);
    set_web(kBrokenWeb);
    clock.advance(11min);
    CHECK(state.now().health.condition == core::Condition::failed);
}

TEST_CASE_FIXTURE(
    World,
    "a change of how a container does is followed by a round, and a crash loop by one a minute") {
    set_web(kWeb);
    start();
    clock.advance(2min);
    CHECK(rounds == 1);
    set_web(kBrokenWeb);
    clock.advance(2s);
    CHECK(rounds == 2);
    for (int crashes = 0; crashes < 60; ++crashes) {
        set_web(kWeb);
        clock.advance(1s);
        set_web(kBrokenWeb);
        clock.advance(1s);
    }
    CHECK(rounds >= 3);
    CHECK(rounds <= 4);
}

TEST_CASE_FIXTURE(World, "what changes of a container without changing how it does asks for no round") {
    set_web(kWeb);
    start();
    auto web = kWeb;
    web.image_id = "f00d";
    web.starts = 2;
    set_web(web);
    clock.advance(4min);
    CHECK(rounds == 1);
}
