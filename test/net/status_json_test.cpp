#include "net/status_json.hpp"

#include "core/json.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;

namespace {

constexpr core::TimePoint kStarted{100s};

core::DeviceState busy_device() {
    core::DeviceState state;
    state.identity = {"sim",  "gateway", "1.2",           "0.1.0",   core::Slot::b,
                      "6f0c", kStarted,  "Pine64 Rock64", "9a3f5c1d"};
    state.config = {.source = core::ConfigState::Source::last_accepted,
                    .problems = {"atomix.yaml:1:1: version: must be 1"},
                    .accepted_by = core::Slot::a};
    state.update.phase = core::Phase::downloading;
    state.update.version = "1.3";
    state.update.done_bytes = 30;
    state.update.total_bytes = 90;
    state.update.fetched_bytes = 20;
    state.update.last_poll = "2026-11-23T06:00:00Z";
    state.update.judged_at = "floor";
    state.update.last_commit = core::Outcome{"1.2", "", "2026-11-01T00:00:00Z"};
    state.update.last_rollback = core::Outcome{"1.1", "probe \"dns\" failed", "2026-10-01T00:00:00Z"};
    state.update.rejected = {"1.1"};
    state.update.trial_started = kStarted + 2s;
    state.update.baseline = {.failing = {"ntp"}, .good = {"dns"}};
    state.update.attempts_left = 2;
    state.boots = {.reason = "power", .unexpected = 3, .unexpected_in_trial = 1};
    state.health.verdict = core::Verdict::wait;
    state.health.condition = core::Condition::degraded;
    core::Reading dns{.probe = "dns", .good = true, .detail = "answered in 1 ms", .value = 1, .unit = "ms"};
    dns.since = kStarted + 5s;
    dns.last_failure = {"silent", kStarted + 4s};
    state.health.readings = {dns, {.probe = "ntp", .weight = core::Weight::excused, .since = kStarted}};
    state.health.healthy_for = 2500ms;
    state.links.wan = {"eth0", true, true, "00:11:22:33:44:55", {"10.0.0.2/24"}, ""};
    state.links.wan.speed_mbit = 1000;
    state.links.lan = {"eth1", true, false, "", {}, "address in use"};
    state.links.further = {{"eth2", false, false, "", {}, ""}};
    state.links.default_route = core::DefaultRoute{"10.0.0.1", "eth0"};
    state.resolver = {{"1.1.1.1"}, {"lab.example"}};
    state.network = {.applied = false, .error = "networkctl reload ended with status 1"};
    state.services["dnsmasq"] = {.running = true, .pid = 77, .starts = 1, .error = ""};
    state.services["chronyd"] = {.running = false, .pid = 0, .starts = 3, .error = "ended with status 1"};
    state.forwarding = {.off = true, .error = "", .switched_off = 1};
    state.firewall = {
        .applied = true, .lan = core::LanAccess::listed, .error = "", .transactions = 4, .repairs = 2};
    state.leases = {
        {{"172.20.30.5", "02:00:00:00:00:77", "camera", core::parse_wall_time("2026-11-24T08:04:03Z")},
         {"172.20.30.10", "02:00:00:00:00:78", "", std::nullopt}},
        3};
    state.flags = {"ssh-wan-enabled"};
    state.watchdog = {.armed = true,
                      .device = "/dev/watchdog1",
                      .identity = "Software Watchdog",
                      .timeout = 60s,
                      .trusted = true,
                      .note = "/dev/watchdog0: it does not count"};
    state.containers = {.applied = true,
                        .known = {{"toy", {.unit = "failed", .error = "ended with status 1"}},
                                  {"web",
                                   {.rootful = true,
                                    .required = true,
                                    .unit = "active",
                                    .invocation = "a1",
                                    .starts = 2,
                                    .state = "running",
                                    .health = "healthy",
                                    .restarts = 1,
                                    .image = "localhost/web:1",
                                    .image_id = "f00d"}}},
                        .rootful_podman_error = "nobody listens",
                        .rootless_podman_error = "it says nothing",
                        .errors = {"toy: no such image"},
                        .warnings = {"toy: Network is pasta"}};
    return state;
}

constexpr char const* kBusy = R"json({
  "schema": 1,
  "version": "1.2",
  "controller": "0.1.0",
  "board": "sim",
  "compatible": "gateway",
  "model": "Pine64 Rock64",
  "serial": "9a3f5c1d",
  "slot": "B",
  "boot_id": "6f0c",
  "uptime_s": 65,
  "config": {
    "source": "last_accepted",
    "accepted_by": "A",
    "problems": [
      "atomix.yaml:1:1: version: must be 1"
    ]
  },
  "boots": {
    "reason": "power",
    "unexpected": 3,
    "unexpected_in_trial": 1
  },
  "update": {
    "phase": "downloading",
    "version": "1.3",
    "done_bytes": 30,
    "total_bytes": 90,
    "fetched_bytes": 20,
    "progress_percent": 33,
    "error": null,
    "last_poll": "2026-11-23T06:00:00Z",
    "note": null,
    "certificates_judged_at": "floor",
    "last_commit": {
      "version": "1.2",
      "reason": null,
      "at": "2026-11-01T00:00:00Z"
    },
    "last_rollback": {
      "version": "1.1",
      "reason": "probe \"dns\" failed",
      "at": "2026-10-01T00:00:00Z"
    },
    "rejected": [
      "1.1"
    ],
    "problems": [],
    "trial_s": 63,
    "failed_before_update": [
      "ntp"
    ],
    "attempts_left": 2
  },
  "health": {
    "verdict": "wait",
    "reason": null,
    "healthy_for_s": 2,
    "condition": "degraded",
    "probes": [
      {
        "probe": "dns",
        "good": true,
        "required": true,
        "weight": "required",
        "detail": "answered in 1 ms",
        "warning": false,
        "value": 1,
        "unit": "ms",
        "for_s": 60,
        "last_failure": {
          "detail": "silent",
          "ago_s": 61
        }
      },
      {
        "probe": "ntp",
        "good": false,
        "required": false,
        "weight": "excused",
        "detail": null,
        "warning": false,
        "value": null,
        "unit": null,
        "for_s": 65,
        "last_failure": null
      }
    ],
    "probes_left_out": 0
  },
  "links": {
    "wan": {
      "name": "eth0",
      "present": true,
      "up": false,
      "carrier": true,
      "mac": "00:11:22:33:44:55",
      "addresses": [
        "10.0.0.2/24"
      ],
      "error": null,
      "speed_mbit": 1000
    },
    "lan": {
      "name": "eth1",
      "present": true,
      "up": false,
      "carrier": false,
      "mac": null,
      "addresses": [],
      "error": "address in use",
      "speed_mbit": null
    },
    "further": [
      {
        "name": "eth2",
        "present": false,
        "up": false,
        "carrier": false,
        "mac": null,
        "addresses": [],
        "error": null,
        "speed_mbit": null
      }
    ],
    "default_route": {
      "gateway": "10.0.0.1",
      "interface": "eth0"
    }
  },
  "network": {
    "applied": false,
    "error": "networkctl reload ended with status 1"
  },
  "resolver": {
    "servers": [
      "1.1.1.1"
    ],
    "search": [
      "lab.example"
    ]
  },
  "services": {
    "chronyd": {
      "running": false,
      "pid": null,
      "starts": 3,
      "error": "ended with status 1"
    },
    "dnsmasq": {
      "running": true,
      "pid": 77,
      "starts": 1,
      "error": null
    }
  },
  "leases": {
    "known": [
      {
        "address": "172.20.30.5",
        "mac": "02:00:00:00:00:77",
        "name": "camera",
        "expires": "2026-11-24T08:04:03Z"
      },
      {
        "address": "172.20.30.10",
        "mac": "02:00:00:00:00:78",
        "name": null,
        "expires": null
      }
    ],
    "left_out": 3
  },
  "firewall": {
    "applied": true,
    "ssh_on_wan": false,
    "bootstrap_on_wan": false,
    "lan": "listed",
    "error": null,
    "transactions": 4,
    "repairs": 2
  },
  "forwarding": {
    "off": true,
    "error": null,
    "switched_off": 1
  },
  "watchdog": {
    "armed": true,
    "device": "/dev/watchdog1",
    "identity": "Software Watchdog",
    "timeout_s": 60,
    "trusted": true,
    "note": "/dev/watchdog0: it does not count",
    "reset_us": false
  },
  "temperatures": [
    {
      "sensor": "soc-thermal",
      "celsius": 45,
      "critical_celsius": 95
    },
    {
      "sensor": null,
      "celsius": -6,
      "critical_celsius": null
    }
  ],
  "containers": {
    "applied": true,
    "podman_error": "of the system: nobody listens; of the app user: it says nothing",
    "errors": [
      "toy: no such image"
    ],
    "warnings": [
      "toy: Network is pasta"
    ],
    "known": {
      "web": {
        "mode": "rootful",
        "required": true,
        "unit": "active",
        "starts": 2,
        "state": "running",
        "health": "healthy",
        "restarts": 1,
        "image": "localhost/web:1",
        "image_id": "f00d",
        "error": null
      },
      "toy": {
        "mode": "rootless",
        "required": false,
        "unit": "failed",
        "starts": 0,
        "state": null,
        "health": null,
        "restarts": 0,
        "image": null,
        "image_id": null,
        "error": "ended with status 1"
      }
    },
    "left_out": 0
  },
  "flags": [
    "ssh-wan-enabled"
  ]
}
)json";

}   // namespace

TEST_CASE("the status shows the whole state, keys and units as promised") {
    CHECK(net::status_json(busy_device(), kStarted + 65s,
                           {{"soc-thermal", 45'454, 95'000}, {"", -5'600, {}}}) == kBusy);
}

TEST_CASE("what is not known is null, and what there is none of is empty") {
    auto const text = net::status_json(core::DeviceState{}, core::TimePoint{}, {});
    for (auto const* part :
         {"\"version\": null", "\"progress_percent\": null", "\"last_commit\": null", "\"trial_s\": null",
          "\"services\": {}", "\"known\": []", "\"flags\": []", "\"phase\": \"idle\"", "\"model\": null",
          "\"serial\": null", "\"temperatures\": []"}) {
        CAPTURE(part);
        CHECK(text.find(part) != std::string::npos);
    }
}

TEST_CASE("at most 64 containers are shown, those that are required first, and as many sentences") {
    core::DeviceState state;
    for (int i = 100; i < 200; ++i) state.containers.known["c" + std::to_string(i)].required = i >= 140;
    state.containers.errors = std::vector<std::string>(100, "no such image");
    auto const status = core::parse_json_object(net::status_json(state, {}, {}));
    REQUIRE(status);
    auto const& containers = status->at("containers").as_object();
    CHECK(containers.at("known").as_object().size() == 64);
    CHECK(containers.at("known").as_object().contains("c199"));
    CHECK_FALSE(containers.at("known").as_object().contains("c104"));
    CHECK(core::integer_in(containers, "left_out") == 36);
    CHECK(containers.at("errors").as_array().size() == 64);
}

TEST_CASE("at most 128 probes are shown, those that fail first, then those that are required") {
    core::DeviceState state;
    for (int i = 100; i < 300; ++i)
        state.health.readings.push_back(
            {.probe = "p" + std::to_string(i),
             .good = i < 280,
             .weight = i % 2 == 0 ? core::Weight::required : core::Weight::wanted});
    auto const status = core::parse_json_object(net::status_json(state, {}, {}));
    REQUIRE(status);
    auto const& health = status->at("health").as_object();
    std::vector<std::string> shown;
    for (auto const& probe : health.at("probes").as_array())
        shown.push_back(core::string_in(probe.as_object(), "probe").value_or(""));
    CHECK(shown.size() == 128);
    CHECK(core::integer_in(health, "probes_left_out") == 72);
    CHECK(std::ranges::is_sorted(shown));   // in the order of the round
    auto const contains = [&](char const* name) { return std::ranges::find(shown, name) != shown.end(); };
    CHECK(contains("p299"));   // 20 that fail, half of them required
    CHECK(contains("p278"));   // 90 that hold and are required
    CHECK(contains("p135"));   // and 18 others
    CHECK_FALSE(contains("p137"));
}

TEST_CASE("a finished download is 100 percent, and one short of it is not") {
    core::DeviceState state;
    state.update.total_bytes = state.update.done_bytes = 3'000'000'000;
    CHECK(net::status_json(state, {}, {}).find("\"progress_percent\": 100,") != std::string::npos);
    --state.update.done_bytes;
    CHECK(net::status_json(state, {}, {}).find("\"progress_percent\": 99,") != std::string::npos);
}
