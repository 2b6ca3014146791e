#include "health/rules.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using health::Importance;

TEST_CASE("the rules of a trial are those of device.yaml, and everything that it does not name is required") {
    config::DeviceDocument device;
    device.trial_window = {5s};
    device.trial_limit = {30s};
    device.trial_grace = {2s};
    device.trial_cable = {"ignore"};
    device.probes_required = {{"lan_link"}};
    device.probes_wanted = {{"ntp"}};
    device.probes_off = {{"dhcp"}};
    auto const rules = health::rules_of(device);
    CHECK(rules.window == 5s);
    CHECK(rules.limit == 30s);
    CHECK(rules.grace == 2s);
    CHECK(rules.cable == health::Cable::ignore);
    CHECK(rules.importance_of("lan_link") == Importance::required);
    CHECK(rules.importance_of("ntp") == Importance::wanted);
    CHECK(rules.importance_of("dhcp") == Importance::off);
    CHECK(rules.importance_of("dns") == Importance::required);
    CHECK(rules.importance_of("update_server") == Importance::kept);
    CHECK(health::Rules{}.importance_of("lan_link") == Importance::kept);
    CHECK(health::rules_of({}).cable == health::Cable::wait);
}

TEST_CASE(
    "a container is kept where the operator requires it and wanted where not, unless device.yaml says more") {
    core::Containers const containers{
        .known = {{"web", {.required = true}}, {"db", {.required = true}}, {"toy", {.required = false}}}};
    config::DeviceDocument device;
    auto rules = health::rules_for(health::rules_of(device), containers, {});
    CHECK(rules.importance_of("container:web") == Importance::kept);
    CHECK(rules.importance_of("container:toy") == Importance::wanted);
    CHECK(rules.importance_of("container:unknown") == Importance::wanted);

    device.probes_wanted = {{"containers"}};
    device.probes_required = {{"container:web"}};
    rules = health::rules_for(health::rules_of(device), containers, {});
    CHECK(rules.importance_of("container:web") == Importance::required);
    CHECK(rules.importance_of("container:db") == Importance::wanted);

    device.probes_wanted = {{}};
    device.probes_off = {{"containers"}};
    rules = health::rules_of(device);
    CHECK(rules.importance_of("container:web") == Importance::required);
    CHECK(rules.importance_of("container:db") == Importance::off);
    CHECK(rules.importance_of("dns") == Importance::required);
}

TEST_CASE("a container that was good before and of which nothing is known now is kept, as its document is "
          "missing") {
    core::Baseline const before{.failing = {"container:old"},
                                .good = {"dns", "container:web", "container:toy"}};
    auto const rules = health::rules_for({}, {.known = {{"toy", {.required = false}}}}, before);
    CHECK(rules.importance_of("container:web") == Importance::kept);
    CHECK(rules.importance_of("container:toy") == Importance::wanted);
    CHECK(rules.importance_of("container:old") == Importance::wanted);
}
