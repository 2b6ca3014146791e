#include "ota/poll_schedule.hpp"

#include "ota/judging_time.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using ota::next_poll;

namespace {
constexpr ota::PollRules kRules{.interval = 1h, .first = 5min};
constexpr double kAlmostOne = 0.999999;
}   // namespace

TEST_CASE("the first poll is at a random moment before its limit") {
    CHECK(first_poll(kRules, 0) == 0s);
    CHECK(first_poll(kRules, 0.5) == 150s);
}

TEST_CASE("every poll has a jitter of a fifth of the interval") {
    CHECK(core::count_s(next_poll(kRules, 0, {}, 0)) == 48 * 60);
    CHECK(core::count_s(next_poll(kRules, 0, {}, kAlmostOne)) == 72 * 60 - 1);
}

TEST_CASE("failures back off to four intervals with full jitter, never below a second") {
    core::Duration last{};
    for (unsigned failures = 1; failures < 12; ++failures) {
        auto const longest = next_poll(kRules, failures, {}, kAlmostOne);
        CHECK(longest >= last);
        CHECK(next_poll(kRules, failures, {}, 0) == 1s);
        last = longest;
    }
    CHECK(last > 3h);
    CHECK(last <= 4h);
    CHECK(next_poll(kRules, 1'000'000'000, {}, kAlmostOne) <= 4h);
}

TEST_CASE("what the server asks for is the least, up to a day") {
    CHECK(next_poll(kRules, 0, 30s, 0) == 30s);
    CHECK(next_poll(kRules, 3, 2h, 0) == 2h);
    CHECK(next_poll(kRules, 0, 240h, 0) == 24h);
    CHECK(next_poll(kRules, 0, 0s, 0) == 1s);
}

TEST_CASE("devices that were told the same time do not come back together") {
    CHECK(next_poll(kRules, 1, 30min, 0.5) == 33min);
    CHECK(core::count_s(next_poll(kRules, 1, 30min, kAlmostOne)) == 36 * 60 - 1);
    CHECK(core::count_s(next_poll(kRules, 1, 20h, kAlmostOne)) == 20 * 3600 + 10 * 60 - 1);
    CHECK(poll_after_outage(kRules, 0.5) == 30s);
}

TEST_CASE("a server that asks for a second does not shorten the pause after failures") {
    auto const pause = next_poll(kRules, 6, {}, 0.5);
    CHECK(pause > 10min);
    CHECK(next_poll(kRules, 6, 1s, 0.5) >= pause);
}

TEST_CASE(
    "certificates are judged at the wall clock only if chrony vouches for it and it is above the floor") {
    core::WallTime const floor{1'790'000'000s};
    struct {
        char const* name;
        core::WallTime wall;
        bool synchronised;
        ota::JudgingTime want;
    } const cases[] = {
        {"synchronised", floor + 1h, true, {floor + 1h, true}},
        {"not synchronised, 1970", core::WallTime{}, false, {floor, false}},
        {"not synchronised, 2036", core::WallTime{2'090'000'000s}, false, {floor, false}},
        {"synchronised to a liar before the floor", floor - 1h, true, {floor, false}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(ota::judging_time(c.wall, c.synchronised, floor) == c.want);
    }
}
