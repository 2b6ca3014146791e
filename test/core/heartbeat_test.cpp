#include "core/heartbeat.hpp"

#include "support/started.hpp"
#include "support/supervised_world.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Diagnosis;
using core::Operation;
using core::Remedy;
using core::Task;

namespace {

struct World : test::SupervisedWorld {
    core::Progress progress{clock};
    std::vector<long long> fed_at_s;
    std::vector<std::string> ends;
    core::Heartbeat heartbeat{clock,
                              progress,
                              supervisor,
                              core::Log{log, "core"},
                              10s,
                              {.feed = [this] { fed_at_s.push_back(seconds()); },
                               .end = [this](std::string const& why) { ends.push_back(why); }}};

    // Is busy for `work`, which it says ends within 15 s, and then waits for events; deaf: whatever it is
    // told.
    Task<void> task(core::Duration work, bool deaf) {
        if (deaf)
            co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
        {
            auto const busy = progress.busy("links", "reading them", 15s);
            co_await clock.sleep_for(work);
        }
        co_await clock.sleep_for(100h);
    }
};

std::vector<long long> every_ten_seconds(long long until) {
    std::vector<long long> times;
    for (long long at = 0; at <= until; at += 10) times.push_back(at);
    return times;
}

}   // namespace

TEST_CASE("a task that outlives its limit is restarted once, then the process ends") {
    core::TimePoint const now{100h};
    auto const late = [&](core::Duration ago) {
        return Operation{.id = 1, .task = "links", .what = "reading them", .since = now - ago, .limit = 15s};
    };
    std::string const why = "links has not finished reading them within 15 s";
    Diagnosis const none;
    Diagnosis const restart{Remedy::restart, "links", why};
    struct {
        char const* name;
        std::vector<Operation> late;
        std::map<std::string, core::TimePoint> restarted;
        Diagnosis want;
    } const cases[] = {
        {"nothing is late", {}, {}, none},
        {"for the first time", {late(20s)}, {}, restart},
        {"another task was restarted", {late(20s)}, {{"time", now - 25s}}, restart},
        {"told to end, which may take a moment", {late(20s)}, {{"links", now - 10s}}, none},
        {"told to end, and has not",
         {late(60s)},
         {{"links", now - 31s}},
         {Remedy::end, "links", why + ", and does not end when it is told to"}},
        {"restarted, and hangs again",
         {late(20s)},
         {{"links", now - 50s}},
         {Remedy::end, "links", why + ", again"}},
        {"restarted long ago", {late(20s)}, {{"links", now - 61min}}, restart},
        {"one can be restarted, the other cannot",
         {{.id = 1, .task = "time", .what = "x", .since = now - 20s, .limit = 1s}, late(20s)},
         {{"links", now - 50s}},
         {Remedy::end, "links", why + ", again"}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(core::diagnose(c.late, c.restarted, now) == c.want);
    }
}

TEST_CASE_FIXTURE(World, "a task that waits for hours is alive as long as the loop runs") {
    supervisor.add("links", [&] { return task(14s, false); });
    test::Started supervised{io, supervisor.run()};
    test::Started running{io, heartbeat.run()};
    clock.advance(1h);
    CHECK(fed_at_s == every_ten_seconds(3600));
    CHECK(log->lines.empty());
    running.cancel();
    supervised.cancel();
    clock.settle();
}

TEST_CASE_FIXTURE(World, "a task that hangs is restarted, and all is well if it works then") {
    int runs = 0;
    supervisor.add("links", [&] { return task(++runs == 1 ? 100h : 1s, false); });
    test::Started supervised{io, supervisor.run()};
    test::Started running{io, heartbeat.run()};
    clock.advance(29s);
    CHECK(runs == 1);   // overdue at 20 s, which may be a machine that was suspended
    clock.advance(5s);
    CHECK(runs == 2);
    clock.advance(10min);
    CHECK(runs == 2);
    CHECK(ends.empty());
    CHECK(fed_at_s == every_ten_seconds(630));
    CHECK(log->lines[0] ==
          "core: a task hangs, it is restarted task=links why=\"links has not finished reading them "
          "within 15 s\"");
    running.cancel();
    supervised.cancel();
    clock.settle();
}

TEST_CASE_FIXTURE(World, "a task that hangs again after its restart ends the process, unfed") {
    supervisor.add("links", [&] { return task(100h, false); });
    test::Started supervised{io, supervisor.run()};
    test::Started running{io, heartbeat.run()};
    clock.advance(2min);   // restarted at 30 s, runs again at 31 s, overdue at 50 s and 60 s
    REQUIRE(!ends.empty());
    CHECK(ends[0] == "links has not finished reading them within 15 s, again");
    CHECK(fed_at_s == every_ten_seconds(50));
    running.cancel();
    supervised.cancel();
    clock.settle();
}

TEST_CASE_FIXTURE(World, "a task that does not end when it is told to ends the process, unfed") {
    supervisor.add("links", [&] { return task(10min, true); });
    test::Started supervised{io, supervisor.run()};
    test::Started running{io, heartbeat.run()};
    clock.advance(80s);
    REQUIRE(!ends.empty());
    CHECK(ends[0] == "links has not finished reading them within 15 s, and does not end when it is told to");
    CHECK(fed_at_s == every_ten_seconds(60));
    running.cancel();
    supervised.cancel();
    clock.advance(101h);
    CHECK(supervised.ended());
}

TEST_CASE_FIXTURE(World, "after a suspension everything is overdue for a moment, and nothing is restarted") {
    int runs = 0;
    supervisor.add("links", [&] {
        ++runs;
        return task(16s, false);
    });
    test::Started supervised{io, supervisor.run()};
    test::Started running{io, heartbeat.run()};
    clock.advance(1h);   // 16 s: the look at 20 s would find it gone, the one at 10 s finds it young
    CHECK(runs == 1);
    {
        auto const busy = progress.busy("links", "a step", 5s);
        clock.advance(14s);   // seen overdue once
    }
    clock.advance(1min);
    CHECK(runs == 1);
    CHECK(log->lines.empty());
    running.cancel();
    supervised.cancel();
    clock.settle();
}
