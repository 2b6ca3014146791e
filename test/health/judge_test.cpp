#include "health/judge.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Baseline;
using core::Reading;
using core::Verdict;
using core::Weight;
using health::Cable;
using health::Importance;
using health::Rules;

namespace {

constexpr core::TimePoint kNow{1h};
Rules const kRules{.window = 60s, .limit = 10min, .restarts_allowed = 3};
std::vector<Reading> const kGood{{.probe = "dns", .good = true, .detail = "answered"}};
std::vector<Reading> const kSilent{
    {.probe = "dns", .good = false, .detail = "no answer within 1000 ms", .since = kNow - 12s}};
std::vector<Reading> const kUnplugged{
    {.probe = "dns", .good = true},
    {.probe = "wan_lease", .detail = "eth0 has no address: no cable", .cable_out = true, .since = kNow - 9s}};
std::vector<Reading> const kAllUnplugged{
    kUnplugged.at(1),
    {.probe = "lan_link", .detail = "eth1 has no carrier: no cable", .cable_out = true, .since = kNow - 8s}};
std::vector<Reading> const kBoth{kUnplugged.at(1), kSilent.at(0)};
core::Services const kSteady{{"dnsmasq", {.running = true, .pid = 7, .starts = 1}}};
core::Services const kRestless{{"dnsmasq", {.running = false, .starts = 5, .error = "ended with status 1"}}};

Weight weight_of(Reading const& reading, Rules const& rules, Baseline const& before = {}) {
    return health::weighed({reading}, rules, before).at(0).weight;
}

}   // namespace

TEST_CASE("a trial is committed, waited for or rolled back, with a reason") {
    struct Row {
        char const* name;
        core::Duration age;
        core::Duration healthy;
        core::Duration but_cable;
        unsigned restarts;
        std::vector<Reading> const& readings;
        Verdict want;
        char const* reason;
    } const rows[] = {
        {"just begun", 0s, 0s, 0s, 0, kSilent, Verdict::wait, "dns: no answer within 1000 ms, for 12 s"},
        {"held for a while", 50s, 40s, 40s, 0, kGood, Verdict::wait, ""},
        {"held for all but a second", 70s, 59s, 59s, 0, kGood, Verdict::wait, ""},
        {"held for the window", 70s, 60s, 60s, 0, kGood, Verdict::commit, "held for the whole window"},
        {"held at the very last second", 10min, 60s, 60s, 0, kGood, Verdict::commit, "held"},
        {"never held", 10min, 0s, 0s, 0, kSilent, Verdict::roll_back,
         "dns: no answer within 1000 ms, for 12 s, at the end of a trial of 600 s"},
        {"failing a second before the limit", 599s, 0s, 0s, 0, kSilent, Verdict::wait, "dns"},
        {"held, but not long enough", 10min, 30s, 30s, 0, kGood, Verdict::roll_back, "did not hold for 60 s"},
        {"as many restarts as allowed", 12s, 0s, 0s, 3, kSilent, Verdict::wait, "dns"},
        {"a service that does not stay up", 12s, 0s, 0s, 4, kSilent, Verdict::roll_back,
         "dnsmasq does not stay up: started again 4 times in 12 s, last ended with status 1"},
        {"a cable that is out", 9min, 0s, 9min, 0, kUnplugged, Verdict::wait, "no cable"},
        {"a cable that is out at the limit", 10min, 0s, 9min, 0, kUnplugged, Verdict::commit,
         "everything but a cable held for the whole window; wan_lease: eth0 has no address: no cable, for 9 "
         "s"},
        {"two cables that are out at the limit", 10min, 0s, 9min, 0, kAllUnplugged, Verdict::commit,
         "; wan_lease: eth0 has no address: no cable, for 9 s; lan_link: eth1 has no carrier: no cable, for "
         "8 "
         "s, at the end"},
        {"a cable that is out, and something else for half a window", 10min, 0s, 30s, 0, kUnplugged,
         Verdict::roll_back, "wan_lease"},
        {"a cable that is out, and something else is named", 10min, 0s, 0s, 0, kBoth, Verdict::roll_back,
         "dns: "},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        health::TrialFacts const facts{.now = kNow,
                                       .age = row.age,
                                       .healthy_for = row.healthy,
                                       .healthy_but_cable_for = row.but_cable,
                                       .restarts = {{"dnsmasq", row.restarts}},
                                       .services = kRestless,
                                       .readings = row.readings};
        auto const judgement = judge(facts, kRules);
        CHECK(static_cast<int>(judgement.verdict) == static_cast<int>(row.want));
        CHECK_MESSAGE(judgement.reason.find(row.reason) != std::string::npos, judgement.reason);
    }
}

TEST_CASE("what a reading counts for follows from the rules and from what was before the update") {
    Rules rules = kRules;
    rules.probes = {
        {"ntp", Importance::wanted}, {"lan_link", Importance::required}, {"dhcp", Importance::off}};
    Reading const dns{.probe = "dns"}, server{.probe = "update_server"};
    CHECK(weight_of(dns, rules) == Weight::required);
    CHECK(weight_of(dns, rules, {.failing = {"dns"}}) == Weight::excused);
    CHECK(weight_of(dns, rules, {.failing = {"ntp"}}) == Weight::required);
    CHECK(weight_of({.probe = "ntp"}, rules) == Weight::wanted);
    CHECK(weight_of(server, rules) == Weight::wanted);   // nobody knows whether it could be reached before
    CHECK(weight_of(server, rules, {.good = {"update_server"}}) == Weight::required);
    CHECK(weight_of({.probe = "lan_link"}, rules) == Weight::required);   // the device's own rule
    CHECK(health::weighed({{.probe = "dhcp"}}, rules, {}).empty());
}

TEST_CASE("a cable that is out is waited for, or ignored where the device says so") {
    Reading const unplugged{.probe = "wan_lease", .cable_out = true};
    CHECK(weight_of(unplugged, kRules) == Weight::required);
    Rules ignoring = kRules;
    ignoring.cable = Cable::ignore;
    CHECK(weight_of(unplugged, ignoring) == Weight::excused);
    CHECK(weight_of({.probe = "wan_lease"}, ignoring) == Weight::required);   // in, and without a lease
}

TEST_CASE("a container that does not stay up does not end a trial, and is named at its limit") {
    for (auto const* const name : {"container:web", "container:web (podman)"}) {
        health::TrialFacts facts{.now = kNow,
                                 .age = 599s,
                                 .healthy_for = 9s,
                                 .healthy_but_cable_for = 9s,
                                 .restarts = {{"dnsmasq", 0}, {name, 46}},
                                 .services = {{name, {.error = "ended with status 1"}}},
                                 .readings = kGood};
        CHECK(judge(facts, kRules).verdict == Verdict::wait);
        facts.age = 600s;
        CHECK(judge(facts, kRules).verdict == Verdict::roll_back);
        CHECK(judge(facts, kRules).reason ==
              "the probes did not hold for 60 s within a trial of 600 s; " + std::string{name} +
                  ": started again 46 times in 600 s, last ended with status 1");
    }
}

TEST_CASE("a container fails for want of a cable where the cable went out with the update, and only there") {
    Reading const unplugged{.probe = "wan_lease", .cable_out = true};
    Reading const plugged{.probe = "wan_lease", .good = true};
    Reading const web{.probe = "container:web", .cable_out = true};
    Baseline const ran{.good = {"container:web"}}, ran_without{{"wan_lease"}, {"container:web"}};
    Rules rules = kRules;
    rules.required_containers = {"container:web"};
    auto const of_web = [&](Reading const& wan, Baseline const& before) {
        auto const readings = health::weighed({web, wan}, rules, before);
        CHECK(readings.back().probe == "wan_lease");
        return readings.front();
    };
    CHECK(of_web(unplugged, ran).cable_out);
    CHECK(of_web(unplugged, ran).weight == Weight::required);
    CHECK(!of_web(plugged, ran).cable_out);
    CHECK(!of_web(unplugged, ran_without).cable_out);   // it ran without the cable
    CHECK(of_web(unplugged, ran_without).weight == Weight::required);
    CHECK(!health::weighed({web}, rules, ran).at(0).cable_out);   // nobody asks for the WAN
    rules.cable = Cable::ignore;
    CHECK(of_web(unplugged, ran).weight == Weight::excused);
    CHECK(of_web(plugged, ran).weight == Weight::required);
    CHECK(of_web(unplugged, ran_without).weight == Weight::required);
}

TEST_CASE("while the WAN's cable is out a container's restart does not start the window of the rest over") {
    core::Services const first{{"container:web", {.starts = 1}}}, second{{"container:web", {.starts = 2}}};
    auto held = health::next_held({}, kUnplugged, first, kNow, false);
    held = next_held(held, kUnplugged, second, kNow + 5s, false);
    CHECK(held.but_cable_since == kNow);
    held =
        next_held(held, kGood, second, kNow + 10s, false);   // seen while it was out: not held against it now
    CHECK(held.since == kNow + 10s);
    CHECK(held.but_cable_since == kNow);
    auto restarted = kSteady;
    restarted["dnsmasq"].starts = 2;
    held = health::next_held({}, kUnplugged, kSteady, kNow, false);
    held = next_held(held, kUnplugged, restarted, kNow + 5s, false);
    CHECK(held.but_cable_since == kNow + 5s);
}

TEST_CASE("a probe has held since its first good round, and a bad round starts over") {
    health::Held held;
    held = next_held(held, kSilent, kSteady, kNow, false);
    CHECK(!held.since);
    held = next_held(held, kGood, kSteady, kNow + 5s, false);
    held = next_held(held, kGood, kSteady, kNow + 10s, false);
    CHECK(held.since == kNow + 5s);
    held = next_held(held, kSilent, kSteady, kNow + 15s, false);
    CHECK(!held.since);
    held =
        next_held(held, health::weighed(kSilent, kRules, {.failing = {"dns"}}), kSteady, kNow + 20s, false);
    CHECK(held.since == kNow + 20s);
}

TEST_CASE("what fails for want of a cable only does not end the window of the rest") {
    auto held = health::next_held({}, kUnplugged, kSteady, kNow, false);
    CHECK(!held.since);
    CHECK(held.but_cable_since == kNow);
    held = next_held(held, kBoth, kSteady, kNow + 5s, false);
    CHECK(!held.but_cable_since);
}

TEST_CASE("a service that restarts between two rounds starts the window over, although it is up in both") {
    auto restarted = kSteady;
    restarted["dnsmasq"].starts = 2;
    auto held = health::next_held({}, kGood, kSteady, kNow, false);
    held = next_held(held, kGood, restarted, kNow + 5s, false);
    CHECK(held.since == kNow + 5s);
    CHECK(held.but_cable_since == kNow + 5s);
    held = next_held(held, kGood, restarted, kNow + 10s, false);
    CHECK(held.since == kNow + 5s);
}

TEST_CASE("a restart that nobody counted shows by another invocation") {
    auto first = kSteady, second = kSteady;
    first["dnsmasq"].invocation = "a1";
    second["dnsmasq"].invocation = "b2";
    auto held = health::next_held({}, kGood, first, kNow, false);
    held = next_held(held, kGood, first, kNow + 5s, false);
    CHECK(held.since == kNow);
    held = next_held(held, kGood, second, kNow + 10s, false);
    CHECK(held.since == kNow + 10s);
}

TEST_CASE("restarts count of what is required, and of what no probe is named after") {
    Rules rules = kRules;
    rules.probes = {{"chronyd", Importance::off}, {"unit:c.service", Importance::wanted}};
    core::Services const all{{"dnsmasq", {}},        {"chronyd", {}},        {"udhcpc", {}},
                             {"unit:a.service", {}}, {"unit:b.service", {}}, {"unit:c.service", {}}};
    auto const readings = health::weighed({{.probe = "dnsmasq"},
                                           {.probe = "chronyd"},
                                           {.probe = "unit:a.service"},
                                           {.probe = "unit:b.service"},
                                           {.probe = "unit:c.service"}},
                                          rules, {.failing = {"unit:b.service"}});
    CHECK(health::judged_services(all, readings, rules) ==
          core::Services{{"dnsmasq", {}}, {"udhcpc", {}}, {"unit:a.service", {}}});
}

TEST_CASE("restarts within the grace are forgiven, later ones and those before the first look are not") {
    auto services = kSteady;
    auto const look = [&](health::Held held, unsigned starts, bool in_grace) {
        services["dnsmasq"].starts = starts;
        return next_held(std::move(held), kGood, services, kNow, in_grace);
    };
    CHECK(look({}, 5, false).restarts().at("dnsmasq") == 4);
    CHECK(look({}, 5, true).restarts().at("dnsmasq") == 0);
    CHECK(look(look({}, 5, true), 7, false).restarts().at("dnsmasq") == 2);
    CHECK(look({}, 0, true).restarts().at("dnsmasq") == 0);   // not started yet
}

TEST_CASE("a container that the operator requires is held against the new slot only if it was good before") {
    Rules rules = kRules;
    rules.required_containers = {"container:web"};
    Reading const web{.probe = "container:web"}, toy{.probe = "container:toy"};
    CHECK(weight_of(web, rules, {.good = {"container:web"}}) == Weight::required);
    CHECK(weight_of(web, rules, {.failing = {"container:web"}}) == Weight::excused);
    CHECK(weight_of(web, rules) == Weight::wanted);   // it is new
    CHECK(weight_of(toy, rules, {.good = {"container:toy"}}) == Weight::wanted);
    rules.probes = {{"containers", Importance::required}};
    CHECK(weight_of(toy, rules) == Weight::required);
    CHECK(weight_of(toy, rules, {.failing = {"container:toy"}}) == Weight::excused);
}

TEST_CASE("outside trials a container that the operator requires is required, another one is wanted") {
    Rules rules = kRules;
    rules.required_containers = {"container:web"};
    auto const readings = health::weighed(
        {{.probe = "container:web"}, {.probe = "container:toy"}, {.probe = "lan_link"}}, rules);
    CHECK(readings.at(0).weight == Weight::required);
    CHECK(readings.at(1).weight == Weight::wanted);
    CHECK(readings.at(2).weight == Weight::wanted);
}

TEST_CASE("restarts of a container count where it is required, its unit's and podman's own") {
    core::Containers const containers{.known = {{"web",
                                                 {.unit = "active",
                                                  .invocation = "a1",
                                                  .starts = 2,
                                                  .state = "running",
                                                  .restarts = 3,
                                                  .error = "ended with status 1"}},
                                                {"toy", {.unit = "active", .starts = 9}},
                                                {"db", {.unit = "active", .invocation = "b1", .starts = 1}}}};
    std::vector<Reading> const readings{{.probe = "container:web", .weight = Weight::required},
                                        {.probe = "container:db", .weight = Weight::required},
                                        {.probe = "container:toy", .weight = Weight::excused}};
    auto const runs = health::counted_runs(kSteady, containers, readings);
    CHECK(runs.size() == 4);
    CHECK(runs.at("dnsmasq") == kSteady.at("dnsmasq"));
    CHECK(runs.at("container:web").starts == 2);
    CHECK(runs.at("container:web").invocation == "a1");
    CHECK(runs.at("container:web").error == "ended with status 1");
    CHECK(runs.at("container:web (podman)").starts == 4);
    CHECK(runs.contains("container:db"));   // podman does not know it, or cannot be asked: no zero
}

TEST_CASE("a container that restarts between two rounds starts the window over, however it was restarted") {
    std::vector<Reading> const readings{{.probe = "container:web", .good = true, .weight = Weight::required}};
    core::Container const web{
        .unit = "active", .invocation = "a1", .starts = 1, .state = "running", .restarts = 1};
    auto const held_since = [&](core::Container const& later) {
        auto const first = health::counted_runs(kSteady, {.known = {{"web", web}}}, readings);
        auto const second = health::counted_runs(kSteady, {.known = {{"web", later}}}, readings);
        auto const held = health::next_held({}, readings, first, kNow, false);
        return next_held(held, readings, second, kNow + 5s, false).since;
    };
    CHECK(held_since(web) == kNow);
    auto counted = web, unseen = web, by_podman = web, made_anew = web, unknown = web;
    counted.starts = 2;
    unseen.invocation = "b2";
    by_podman.restarts = 2;
    made_anew.starts = 2;
    made_anew.restarts = 0;
    unknown.state = "";
    unknown.restarts = 0;
    for (auto const& later : {counted, unseen, by_podman, made_anew}) CHECK(held_since(later) == kNow + 5s);
    CHECK(held_since(unknown) == kNow);
}
