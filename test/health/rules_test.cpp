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
