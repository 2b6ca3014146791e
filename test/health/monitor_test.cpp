#include "health/monitor.hpp"

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

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    int rounds = 0;
    bool good = true;
    std::function<void()> in_round;   // what happens while the probes are asked
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
        std::vector<core::Reading> readings{{.probe = "dns", .good = good, .detail = "as the test says"}};
        co_return readings;
    }
    void start() {
        core::asio::co_spawn(io, monitor.run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        clock.settle();
    }
    void begin_trial(std::vector<std::string> baseline = {}) {
        core::Writer<&core::DeviceState::update> update{state};
        update.change([&](core::Update& u) {
            u.phase = Phase::trial;
            u.trial_started = clock.now();
            u.baseline = std::move(baseline);
        });
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::terminal);
        clock.settle();
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
    CHECK(state.now().health.reason == "dns: as the test says, at the end of a trial of 600 s");
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
    CHECK(!state.now().health.readings.at(0).required);
}

TEST_CASE_FIXTURE(World, "a wall clock that jumps by ten years in the window changes nothing") {
    begin_trial();
    start();
    clock.advance(30s);
    clock.set_wall(core::WallTime{} + 24h * 365 * 66);
    clock.advance(29s);
    CHECK(verdict() == Verdict::wait);
    clock.set_wall(core::WallTime{});
    clock.advance(2s);
    CHECK(verdict() == Verdict::commit);
}

TEST_CASE_FIXTURE(World, "a probe that changes is logged once, with its detail") {
    start();
    clock.advance(10min);
    CHECK(lines->lines ==
          std::vector<std::string>{"health: probe holds probe=dns detail=\"as the test says\""});
    good = false;
    clock.advance(10min);
    CHECK(lines->lines.size() == 2);
    CHECK(lines->contains("health: probe fails probe=dns"));
}

TEST_CASE_FIXTURE(World, "the state may change while the probes are asked") {
    good = false;
    begin_trial();
    in_round = [&] { begin_trial({"dns"}); };   // the snapshot of before the round is gone
    start();
    CHECK(!state.now().health.readings.at(0).required);
}
