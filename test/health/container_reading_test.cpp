#include "health/container_reading.hpp"

#include <doctest/doctest.h>

using core::Container;
using core::Phase;
using Source = core::ConfigState::Source;

namespace {

Container const kRuns{.rootful = true, .unit = "active", .state = "running"};

Container with_health(char const* health) {
    auto container = kRuns;
    container.health = health;
    return container;
}

// On trial, with "web" and the probe "dns" good before the update.
core::DeviceState trial(Source source) {
    core::DeviceState state;
    state.config.source = source;
    state.update.phase = Phase::trial;
    state.update.baseline.good = {"dns", "container:web"};
    return state;
}

}   // namespace

TEST_CASE("a container is good when its unit is active, podman says that it runs, and its check is content") {
    struct Row {
        char const* name;
        Container container;
        char const* podman_error;
        bool good;
        char const* detail;
    } const rows[] = {
        {"runs, no check", kRuns, "", true, "it runs"},
        {"runs, healthy", with_health("healthy"), "", true, "it runs, and is healthy"},
        {"runs, not healthy yet", with_health("starting"), "", false,
         "it runs, and its health check has not passed yet"},
        {"runs, unhealthy", with_health("unhealthy"), "", false,
         "it runs, and its health check says unhealthy"},
        {"a word of a later podman", with_health("stopped"), "", false,
         "it runs, and its health check says stopped"},
        {"ended", {.unit = "active", .state = "exited"}, "", false, "podman says that it is exited"},
        {"its unit failed",
         {.unit = "failed", .error = "ended with status 1"},
         "",
         false,
         "its unit is failed: ended with status 1"},
        {"its unit failed while it still runs",
         {.unit = "deactivating", .state = "running"},
         "",
         false,
         "its unit is deactivating"},
        {"between two restarts",
         {.unit = "activating", .state = "exited"},
         "",
         false,
         "its unit is activating"},
        {"podman does not know it",
         {.unit = "active"},
         "",
         false,
         "its unit is active, but podman does not know it"},
        {"no unit", {.error = "Image is missing"}, "", false, "there is no unit of it: Image is missing"},
        {"podman is away, the unit is active",
         {.unit = "active"},
         "nobody listens",
         true,
         "its unit is active, more is not known: nobody listens"},
        {"podman is away, the unit is not active",
         {.unit = "failed"},
         "nobody listens",
         false,
         "its unit is failed"},
        {"podman is away, no unit", {}, "nobody listens", false, "there is no unit of it"},
        {"another podman is away, of this one more is known", with_health("unhealthy"), "nobody listens",
         false, "it runs, and its health check says unhealthy"},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        auto const reading = health::container_reading("web", row.container, row.podman_error);
        CHECK(reading.probe == "container:web");
        CHECK(reading.good == row.good);
        CHECK(reading.detail == row.detail);
        bool const is_unknown = row.good && *row.podman_error != '\0';
        CHECK(reading.warning == is_unknown);
    }
}

TEST_CASE("every container of the operator's document has a reading") {
    core::DeviceState state;
    state.containers.known = {{"db", kRuns}, {"web", {.unit = "failed"}}};
    auto const readings = health::container_readings(state);
    REQUIRE(readings.size() == 2);
    CHECK(readings.at(0).good);
    CHECK_FALSE(readings.at(1).good);
}

TEST_CASE("a container that fails while the WAN's cable is out may fail for that, a missing one does not") {
    auto state = trial(Source::operator_document);
    state.links.wan = {.name = "eth0", .present = true, .up = true};
    CHECK_FALSE(health::container_readings(state).at(0).cable_out);   // missing
    state.containers.known = {{"db", kRuns}, {"web", {.unit = "failed"}}};
    CHECK_FALSE(health::container_readings(state).at(0).cable_out);
    CHECK(health::container_readings(state).at(1).cable_out);
    state.links.wan.carrier = true;   // in, and no lease
    CHECK_FALSE(health::container_readings(state).at(1).cable_out);
}

TEST_CASE("a container is excused by its own owner's podman only") {
    core::Container const rootful{.rootful = true, .unit = "active"}, rootless{.unit = "active"};
    core::DeviceState state;
    state.containers.known = {{"app", rootless}, {"web", rootful}};
    state.containers.rootful_podman_error = "nobody listens";
    auto readings = health::container_readings(state);
    CHECK_FALSE(readings.at(0).good);
    CHECK(readings.at(0).detail == "its unit is active, but podman does not know it");
    CHECK(readings.at(1).good);
    CHECK(readings.at(1).detail == "its unit is active, more is not known: nobody listens");

    std::swap(state.containers.rootful_podman_error, state.containers.rootless_podman_error);
    readings = health::container_readings(state);
    CHECK(readings.at(0).good);
    CHECK_FALSE(readings.at(1).good);
}

TEST_CASE(
    "a container that was good before the update is missed in the trial, unless the operator took it out") {
    auto gone = trial(Source::built_in);
    auto const lost = health::container_readings(gone);
    REQUIRE(lost.size() == 1);
    CHECK(lost.at(0).probe == "container:web");
    CHECK_FALSE(lost.at(0).good);
    CHECK(lost.at(0).detail == "it was good before the update, and there is no operator's document");

    auto not_yet = trial(Source::operator_document);
    REQUIRE(health::container_readings(not_yet).size() == 1);
    CHECK(health::container_readings(not_yet).at(0).detail ==
          "it was good before the update, and nothing is known of it yet");

    auto taken_out = not_yet;
    taken_out.containers.applied = true;
    CHECK(health::container_readings(taken_out).empty());
    taken_out.containers = {.known = {{"db", kRuns}}};   // others were looked at, and are not all in order
    CHECK(health::container_readings(taken_out).size() == 1);
    CHECK(health::container_readings(taken_out).at(0).probe == "container:db");

    gone.update.phase = Phase::committed;
    CHECK(health::container_readings(gone).empty());
}

TEST_CASE("a container is not missed in a trial while the operator's document is refused") {
    auto refused = trial(Source::last_accepted);
    refused.config.problems = {"atomix.yaml:2:1: colour: is not a known key here"};
    REQUIRE(health::container_readings(refused).size() == 1);   // but somebody must have looked
    CHECK(health::container_readings(refused).at(0).detail ==
          "it was good before the update, and nothing is known of it yet");

    refused.containers.applied = true;
    CHECK(health::container_readings(refused).empty());
    refused.config.source = Source::built_in;
    CHECK(health::container_readings(refused).empty());

    refused.config.source = Source::last_accepted;
    refused.containers.known = {{"web", {.unit = "failed"}}};   // this document names it, so it is judged
    REQUIRE(health::container_readings(refused).size() == 1);
    CHECK_FALSE(health::container_readings(refused).at(0).good);
}
