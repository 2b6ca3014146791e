#include "health/judge.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Reading;
using core::Verdict;
using health::Judgement;

namespace {

constexpr health::Rules kRules{.window = 60s, .limit = 10min, .restarts_allowed = 3};
std::vector<Reading> const kGood{{.probe = "dns", .good = true, .detail = "answered"}};
std::vector<Reading> const kSilent{{.probe = "dns", .good = false, .detail = "no answer within 1000 ms"}};
core::Services const kSteady{{"dnsmasq", {.running = true, .pid = 7, .starts = 1}}};
core::Services const kRestless{{"dnsmasq", {.running = false, .starts = 5, .error = "ended with status 1"}}};

}   // namespace

TEST_CASE("a trial is committed, waited for or rolled back, with a reason") {
    struct {
        char const* name;
        health::TrialFacts facts;
        Verdict want;
        char const* reason;
    } const cases[] = {
        {"just begun", {0s, 0s, kSteady, kSilent}, Verdict::wait, "dns: no answer within 1000 ms"},
        {"held for a while", {50s, 40s, kSteady, kGood}, Verdict::wait, ""},
        {"held for the window", {70s, 60s, kSteady, kGood}, Verdict::commit, "held for the whole window"},
        {"held at the very last second", {10min, 60s, kSteady, kGood}, Verdict::commit, "held"},
        {"never held",
         {10min, 0s, kSteady, kSilent},
         Verdict::roll_back,
         "dns: no answer within 1000 ms, at the end of a trial of 600 s"},
        {"held, but not long enough",
         {10min, 30s, kSteady, kGood},
         Verdict::roll_back,
         "did not hold for 60 s"},
        {"a service that does not stay up",
         {12s, 0s, kRestless, kSilent},
         Verdict::roll_back,
         "dnsmasq does not stay up: started 5 times in 12 s, last ended with status 1"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const judgement = judge(c.facts, kRules);
        CHECK(static_cast<int>(judgement.verdict) == static_cast<int>(c.want));
        CHECK_MESSAGE(judgement.reason.find(c.reason) != std::string::npos, judgement.reason);
    }
}

TEST_CASE("what failed before the update does not fail the new slot") {
    auto const readings = health::excused(kSilent, {"dns"});
    CHECK(!readings[0].required);
    CHECK(judge({10min, 60s, kSteady, readings}, kRules).verdict == Verdict::commit);
    CHECK(health::excused(kSilent, {"ntp"})[0].required);
}

TEST_CASE("a probe has held since its first good round, and a bad round starts over") {
    core::TimePoint const start{1h};
    health::Held held;
    held = next_held(held, kSilent, kSteady, start);
    CHECK(!held.since);
    held = next_held(held, kGood, kSteady, start + 5s);
    held = next_held(held, kGood, kSteady, start + 10s);
    CHECK(held.since == start + 5s);
    held = next_held(held, kSilent, kSteady, start + 15s);
    CHECK(!held.since);
    held = next_held(held, health::excused(kSilent, {"dns"}), kSteady, start + 20s);
    CHECK(held.since == start + 20s);
}

TEST_CASE("a service that restarts between two rounds starts the window over, although it is up in both") {
    core::TimePoint const start{1h};
    auto restarted = kSteady;
    restarted["dnsmasq"].starts = 2;
    auto held = health::next_held({}, kGood, kSteady, start);
    held = next_held(held, kGood, restarted, start + 5s);
    CHECK(held.since == start + 5s);
    held = next_held(held, kGood, restarted, start + 10s);
    CHECK(held.since == start + 5s);
}
