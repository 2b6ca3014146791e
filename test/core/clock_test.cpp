#include "core/clock.hpp"

#include "support/run_task.hpp"
#include "support/started.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::WallTime;

TEST_CASE("wall time prints as RFC 3339 in UTC and is read back, and nothing else is") {
    struct {
        long long seconds;
        char const* text;
    } const cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {951'782'400, "2000-02-29T00:00:00Z"},
        {2'147'483'648, "2038-01-19T03:14:08Z"},
        {-1, "1969-12-31T23:59:59Z"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        CHECK(core::print_wall_time(WallTime{std::chrono::seconds{c.seconds}}) == c.text);
        CHECK(core::parse_wall_time(c.text) == WallTime{std::chrono::seconds{c.seconds}});
    }
    for (auto const* text :
         {"", "2026", "2026-02-30T00:00:00Z", "2026-11-23T06:01:27", "2026-11-23T06:01:27Z ",
          "2026-11-23 06:01:27Z", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z"}) {
        CAPTURE(text);
        CHECK(!core::parse_wall_time(text));
    }
}

TEST_CASE("seconds in a duration are whole seconds") {
    CHECK(core::count_s(1999ms) == 1);
    CHECK(core::count_s(2h) == 7200);
}

TEST_CASE("a sleep of the system's clock never returns early") {
    core::asio::io_context io;
    core::SystemClock clock;
    auto const until = clock.now() + 3ms;
    test::run_task(io, clock.sleep_until(until));
    CHECK(clock.now() >= until);
}

TEST_CASE("a sleep until a moment that has passed returns at once") {
    core::asio::io_context io;
    core::SystemClock clock;
    test::run_task(io, clock.sleep_until(clock.now() - 1h));
    test::run_task(io, clock.sleep_for(0s));
    CHECK(clock.now() > core::TimePoint{});
}

TEST_CASE("a cancelled sleep throws at once, also one that would last for ever") {
    core::asio::io_context io;
    core::SystemClock clock;
    test::Started sleep{io, clock.sleep_until(core::TimePoint::max())};
    io.poll();
    CHECK(!sleep.ended());
    sleep.cancel();
    io.restart();
    io.poll();
    REQUIRE(sleep.ended());
    CHECK(sleep.threw() == "cancelled");
}

TEST_CASE("the wall clock shows this century") {
    core::SystemClock const clock;
    CHECK(core::print_wall_time(clock.wall_now()).starts_with("20"));
}
