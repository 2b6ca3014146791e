#include "health/container_facts.hpp"

#include <doctest/doctest.h>

using health::container_facts;
using health::PodmanContainer;

namespace {

config::ContainerUnit wish(std::vector<config::QuadletDirective> directives, bool privileged = false) {
    config::ContainerUnit made;
    made.name = "web";
    made.privileged = privileged;
    made.sections = {{.name = "Unit", .directives = {{.key = "Image", .values = {"no"}}}},
                     {.name = "Container", .directives = std::move(directives)}};
    return made;
}
config::ContainerUnit const web = wish({{.key = "Image", .values = {"localhost/web:1"}}});
core::UnitState const up{.load = "loaded", .active = "active", .invocation = "a"};

}   // namespace

TEST_CASE("a container's facts are its document's, its unit's and podman's") {
    std::vector<PodmanContainer> const podman{
        {.name = "systemd-db", .state = "exited"},
        {.name = "systemd-web", .state = "running", .health = "healthy", .image_id = "sha", .restarts = 2}};
    core::Service const service{.running = true, .starts = 3};
    CHECK(container_facts(web, true, service, up, "", podman) == core::Container{.rootful = false,
                                                                                 .required = true,
                                                                                 .unit = "active",
                                                                                 .invocation = "a",
                                                                                 .starts = 3,
                                                                                 .state = "running",
                                                                                 .health = "healthy",
                                                                                 .restarts = 2,
                                                                                 .image = "localhost/web:1",
                                                                                 .image_id = "sha"});
}

TEST_CASE("why a container does not run is told") {
    core::Service const ended{.starts = 1, .error = "ended with status 1"};
    core::Service const stopped{.starts = 1, .error = "stopped by somebody"};
    struct {
        char const* name;
        core::Service service;
        core::UnitState unit;
        char const* error;
    } const cases[] = {
        {"it runs", ended, up, ""},
        {"it ended",
         ended,
         {.load = "loaded", .active = "activating", .sub = "auto-restart"},
         "ended with status 1"},
        {"it was stopped", stopped, {.load = "loaded", .active = "inactive"}, "its unit was stopped"},
        {"it is masked", ended, {.load = "masked", .active = "inactive"}, "its unit is masked"},
        {"it is no unit",
         ended,
         {.load = "not-found", .active = "inactive"},
         "systemd has made no unit of it"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(container_facts(web, false, c.service, c.unit, "", std::nullopt).error == c.error);
    }
}

TEST_CASE("what cannot be asked is not known, and nothing old is told of it") {
    core::Service const service{.running = true, .starts = 3, .invocation = "a"};
    auto const facts = container_facts(web, false, service, std::nullopt, "no systemd", std::nullopt);
    CHECK(facts.error == "not known: no systemd");
    CHECK(facts.unit.empty());
    CHECK(facts.starts == 3);
    CHECK(container_facts(web, false, {}, std::nullopt, "", std::nullopt).error.empty());   // not yet
    CHECK(container_facts(web, false, service, up, "", std::nullopt).state.empty());
    CHECK(container_facts(web, false, service, up, "", std::vector<PodmanContainer>{}).state.empty());
}
