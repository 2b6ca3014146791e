#include "health/watchdog.hpp"

#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Duration;
using core::Phase;
using core::Verdict;
using health::WatchdogMode;

namespace {

// Counts as it is told to, and would have reset the machine when nobody fed it.
class FakeWatchdog final : public core::WatchdogDevice {
public:
    FakeWatchdog(core::Clock& clock, std::string name) : clock_{clock}, name_{std::move(name)} {}

    bool is_there = true;
    bool counts = true;
    bool tells = true;
    std::optional<Duration> always;   // a driver with one timeout
    std::string story;

    bool is_open() const { return is_open_; }
    bool has_reset() const { return is_open_ && clock_.now() - fed_ >= timeout_; }

    std::string name() const override { return name_; }
    core::Result<Facts> open() override {
        if (!is_there) return core::fail(core::Errc::not_found, "opening " + name_);
        is_open_ = true;
        fed_ = clock_.now();
        story += "open ";
        return Facts{.identity = "Fake " + name_, .reset_us = true};
    }
    core::Result<Duration> set_timeout(Duration wanted) override {
        return timeout_ = always.value_or(wanted);
    }
    core::Result<Duration> time_left() override {
        if (!tells) return core::fail(core::Errc::io, "not known");
        return counts ? timeout_ - (clock_.now() - fed_) : timeout_;
    }
    core::Result<void> feed() override {
        fed_ = clock_.now();
        return {};
    }
    void close() noexcept override {
        if (std::exchange(is_open_, false)) story += "close ";
    }
    void abandon() noexcept override {
        if (is_open_) story += "abandon ";
    }

private:
    core::Clock& clock_;
    std::string name_;
    bool is_open_ = false;
    Duration timeout_ = 60s;
    core::TimePoint fed_{};
};

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    core::StateBus state{io.get_executor(), {}};
    core::Writer<&core::DeviceState::update> update{state};
    core::Writer<&core::DeviceState::health> verdict{state};
    FakeWatchdog dw{clock, "dw"};
    FakeWatchdog soft{clock, "soft"};
    std::optional<health::Watchdog> watchdog;
    core::asio::cancellation_signal stop;
    bool ended = false;

    void start(WatchdogMode mode, bool wish = false) {
        watchdog.emplace(clock, state, core::Writer<&core::DeviceState::watchdog>{state},
                         core::Log{log, "watchdog"}, std::vector<core::WatchdogDevice*>{&dw, &soft},
                         health::Watchdog::Settings{.mode = mode, .operator_wish = wish});
        core::asio::co_spawn(
            io, watchdog->run(),
            core::asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr) { ended = true; }));
        clock.settle();
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::terminal);
        clock.settle();
        CHECK(ended);
    }
    void enter(Phase phase) {
        update.change([&](core::Update& now) { now.phase = phase; });
        clock.settle();
    }
    // Whether the machine lives for so long under a program that vouches for itself.
    bool lives(Duration how_long) {
        for (auto const until = clock.now() + how_long; clock.now() < until; clock.advance(10s)) {
            watchdog->feed();
            if (dw.has_reset() || soft.has_reset()) return false;
        }
        return true;
    }
    core::WatchdogState const& shown() { return state.now().watchdog; }
};

}   // namespace

TEST_CASE("the watchdog runs in every trial, and outside when it is wished") {
    struct {
        char const* name;
        WatchdogMode mode;
        bool wish;
        Phase phase;
        bool want;
    } const cases[] = {
        {"a trial", WatchdogMode::trial, false, Phase::trial, true},
        {"no trial", WatchdogMode::trial, false, Phase::committed, false},
        {"no trial, the operator wants it", WatchdogMode::trial, true, Phase::idle, true},
        {"always", WatchdogMode::always, false, Phase::idle, true},
        {"never, in a trial", WatchdogMode::never, false, Phase::trial, false},
        {"never, whatever the operator wants", WatchdogMode::never, true, Phase::trial, false}};
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(health::is_watchdog_wanted(c.mode, c.wish, c.phase) == c.want);
    }
}

TEST_CASE("a driver is trusted when it was seen to count") {
    core::Error const silent{core::fail(core::Errc::io, "no")};
    struct {
        char const* name;
        health::Counting seen;
        std::string why;
    } const cases[] = {
        {"it counts", {60s, 57s}, ""},
        {"it rounds up", {89s, 86s}, ""},
        {"it stands still", {60s, 60s}, "it does not count: 60 s were left, and 60 s after 3 s"},
        {"it says nothing", {silent, silent}, "it cannot tell how much time is left"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(health::why_distrusted(c.seen) == c.why);
    }
}

TEST_CASE_FIXTURE(World, "a trial arms it, a commit stops it") {
    start(WatchdogMode::trial);
    clock.advance(1h);
    CHECK(dw.story == "");
    enter(Phase::trial);
    clock.advance(3s);
    CHECK(shown() == core::WatchdogState{.armed = true,
                                         .device = "dw",
                                         .identity = "Fake dw",
                                         .timeout = 60s,
                                         .trusted = true,
                                         .reset_us = true});
    CHECK(lives(10min));
    enter(Phase::committed);
    CHECK(dw.story == "open close ");
    CHECK(!shown().armed);
    clock.advance(1h);
    CHECK(!dw.has_reset());
    CHECK(soft.story == "");
}

TEST_CASE_FIXTURE(World, "a program for which nobody vouches is reset") {
    start(WatchdogMode::always);
    clock.advance(3s);
    CHECK(lives(5min));
    clock.advance(61s);
    CHECK(dw.has_reset());
}

TEST_CASE_FIXTURE(World, "a driver that does not count is left for one that does, and both are told of") {
    dw.counts = false;
    start(WatchdogMode::always);
    clock.advance(6s);
    CHECK(dw.story == "open close ");
    CHECK(soft.is_open());
    CHECK(shown().trusted);
    CHECK(shown().device == "soft");
    CHECK(shown().note == "dw: it does not count: 60 s were left, and 60 s after 3 s");
}

TEST_CASE_FIXTURE(World, "a driver that cannot be fed in time is not armed") {
    dw.always = 20s;
    soft.always = 89s;
    start(WatchdogMode::always);
    clock.advance(3s);
    CHECK(dw.story == "open close ");
    CHECK(shown().device == "soft");
    CHECK(shown().timeout == 89s);
    CHECK(shown().note == "dw: its timeout became 20 s instead of 60 s, too short to be fed in time");
    CHECK(lives(5min));
}

TEST_CASE_FIXTURE(World, "where none is better, the first one is armed all the same") {
    dw.tells = false;
    soft.is_there = false;
    start(WatchdogMode::always);
    clock.advance(6s);
    CHECK(dw.story == "open ");
    CHECK(shown().armed);
    CHECK(!shown().trusted);
    CHECK(shown().note == "dw: it cannot tell how much time is left; soft: opening soft [not found]");
    CHECK(lives(5min));
}

TEST_CASE_FIXTURE(World, "one that comes later is armed later") {
    dw.is_there = soft.is_there = false;
    start(WatchdogMode::always);
    CHECK(!shown().armed);
    CHECK(log->contains("no watchdog could be armed, will retry"));
    dw.is_there = true;
    clock.advance(64s);
    CHECK(shown().armed);
}

TEST_CASE_FIXTURE(World, "a rollback that does not get to its reboot is reset") {
    start(WatchdogMode::trial);
    enter(Phase::trial);
    clock.advance(3s);
    verdict.set({.verdict = Verdict::roll_back, .reason = "dns: silent"});
    CHECK(lives(5min));
    CHECK_FALSE(lives(3min));
}

TEST_CASE_FIXTURE(World, "a slot that was rolled back and has to stay is fed") {
    start(WatchdogMode::always);
    enter(Phase::trial);
    clock.advance(3s);
    verdict.set({.verdict = Verdict::roll_back, .reason = "dns: silent"});
    CHECK(lives(1min));
    enter(Phase::rolled_back);
    CHECK(lives(1h));
}

TEST_CASE_FIXTURE(World, "an orderly end stops it, also while it is being looked at") {
    start(WatchdogMode::always);
    clock.advance(1s);
    stop.emit(core::asio::cancellation_type::terminal);
    clock.settle();
    CHECK(dw.story == "open close ");
}

TEST_CASE_FIXTURE(World, "when a reboot must come, nobody feeds it and an end leaves it counting") {
    start(WatchdogMode::always);
    clock.advance(3s);
    watchdog->starve();
    stop.emit(core::asio::cancellation_type::terminal);
    clock.settle();
    CHECK(dw.story == "open abandon ");
    CHECK_FALSE(lives(2min));
}
