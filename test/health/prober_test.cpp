#include "health/prober.hpp"

#include "core/probe_names.hpp"
#include "support/fake_clock.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

using namespace std::chrono_literals;

namespace {

bool contains(std::vector<std::string> const& names, std::string const& name) {
    return std::ranges::find(names, name) != names.end();
}

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::TemporaryDirectory data;
    core::Workers workers{1};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    int contacts = 0;
    std::vector<std::string> units;
    bool data_is_lost = false;
    core::ServerContact answer{.status = 204};

    health::Prober prober_without_server(health::Rules rules = {}) {
        return {
            clock,
            workers,
            state,
            {.data = data.path(), .rules = std::move(rules)},
            {.clock_is_synchronised = []() -> core::Task<bool> { co_return true; }, .contact_server = {}}};
    }
    health::Prober prober(health::Rules rules = {}) {
        return {clock,
                workers,
                state,
                {.lan = {.address = core::Ipv4{127u << 24 | 1}, .prefix = 8},
                 .local_name = "gateway.local",
                 .data = data.path(),
                 .data_is_lost = data_is_lost,
                 .units = units,
                 .rules = std::move(rules)},
                {.clock_is_synchronised = []() -> core::Task<bool> { co_return true; },
                 .contact_server = [this]() -> core::Task<void> {
                     ++contacts;
                     answer.at = clock.now();
                     core::Writer<&core::DeviceState::update> update{state};
                     update.change([&](core::Update& u) { u.server = answer; });
                     co_return;
                 }}};
    }
    template <class T> std::optional<T> result_of(core::Task<T> task) {
        std::optional<T> result;
        core::asio::co_spawn(io, std::move(task),
                             [&](std::exception_ptr, T value) { result = std::move(value); });
        for (int i = 0; i < 2000 && !result; ++i) {
            io.restart();
            io.run_one_for(10ms);   // the pool's answers come when they come
            clock.advance(100ms);
        }
        return result;
    }
    void set_phase(core::Phase phase) {
        core::Writer<&core::DeviceState::update> update{state};
        update.change([&](core::Update& u) { u.phase = phase; });
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "the baseline of an update names what fails for a while, not what failed once") {
    auto asked = prober();
    core::Writer<&core::DeviceState::services> services{state};
    services.set({{"dnsmasq", {.running = true, .pid = 7, .starts = 1}}});
    auto const baseline = result_of(asked.baseline());
    REQUIRE(baseline);
    CHECK(contains(baseline->good, "dnsmasq"));
    CHECK(!contains(baseline->failing, "dnsmasq"));
    CHECK(contains(baseline->failing, "chronyd"));
    CHECK(contains(baseline->failing, "dhcp"));   // nobody serves it here
    CHECK(contains(baseline->good, "update_server"));
    CHECK(baseline->failing.size() + baseline->good.size() == core::kProbes.size());
}

TEST_CASE_FIXTURE(World, "a round has every known probe once, and none that is off") {
    auto everything = prober();
    auto const all = result_of(everything.round());
    REQUIRE(all);
    CHECK(all->size() == core::kProbes.size());
    for (auto const name : core::kProbes) CHECK(std::ranges::count(*all, name, &core::Reading::probe) == 1);

    health::Rules off;
    for (auto const name : core::kProbes)
        if (name != "clock") off.probes[std::string{name}] = health::Importance::off;
    auto one = prober(off);
    auto const rest = result_of(one.round());
    REQUIRE(rest);
    REQUIRE(rest->size() == 1);
    CHECK(rest->at(0).probe == "clock");
}

TEST_CASE_FIXTURE(World, "data that is memory can be written, and is bad all the same") {
    health::Rules data_only;
    for (auto const name : core::kProbes)
        if (name != "data_writable") data_only.probes[std::string{name}] = health::Importance::off;
    auto kept = prober(data_only);
    auto readings = result_of(kept.round());
    REQUIRE(readings);
    CHECK(readings->at(0).good);
    data_is_lost = true;
    auto memory = prober(data_only);
    readings = result_of(memory.round());
    REQUIRE(readings);
    CHECK(readings->at(0).probe == "data_writable");
    CHECK(!readings->at(0).good);
    CHECK(readings->at(0).detail.starts_with("the data partition did not mount; nothing is kept"));
}

TEST_CASE_FIXTURE(World, "each required unit is a probe of its own, which can be off") {
    units = {"a.service", "b.service"};
    health::Rules units_only{.probes = {{"unit:b.service", health::Importance::off}}};
    for (auto const name : core::kProbes) units_only.probes[std::string{name}] = health::Importance::off;
    auto asked = prober(units_only);
    auto const readings = result_of(asked.round());
    REQUIRE(readings);
    REQUIRE(readings->size() == 1);
    CHECK(readings->at(0).probe == "unit:a.service");
    CHECK(!readings->at(0).good);
}

TEST_CASE_FIXTURE(World, "the update server is asked in a trial only, and an answer stands for a minute") {
    health::Rules server_only;
    for (auto const name : core::kProbes)
        if (name != "update_server") server_only.probes[std::string{name}] = health::Importance::off;
    auto asked = prober(server_only);
    result_of(asked.round());
    CHECK(contacts == 0);
    set_phase(core::Phase::trial);
    result_of(asked.round());
    result_of(asked.round());
    CHECK(contacts == 1);
    clock.advance(61s);
    answer = {.error = core::fail(core::Errc::no_address, "no address")};
    result_of(asked.round());
    result_of(asked.round());   // a fault of this device is looked at again at once
    CHECK(contacts == 3);
}

TEST_CASE_FIXTURE(World, "each container is asked after in every round, and known to the baseline") {
    health::Rules rules;
    for (auto const name : core::kProbes) rules.probes[std::string{name}] = health::Importance::off;
    rules.probes["container:off"] = health::Importance::off;
    core::Writer<&core::DeviceState::containers> containers{state};
    containers.set({.known = {{"web", {.unit = "active", .state = "running"}},
                              {"db", {.unit = "failed"}},
                              {"off", {.unit = "failed"}}}});
    auto asked = prober(rules);
    auto const baseline = result_of(asked.baseline());
    REQUIRE(baseline);
    CHECK(*baseline == core::Baseline{.failing = {"container:db"}, .good = {"container:web"}});
}

TEST_CASE_FIXTURE(World, "a slot on trial whose update server went with the operator's document is told so") {
    auto const of_server = [&](health::Rules const& rules) {
        auto asked = prober_without_server(rules);
        auto const readings = result_of(asked.round());
        REQUIRE(readings);
        return std::ranges::count(*readings, "update_server", &core::Reading::probe);
    };
    core::Writer<&core::DeviceState::config> config{state};
    config.set({.problems = {"atomix.yaml:2:1: colour: is not a known key here"}});
    core::Writer<&core::DeviceState::update> update{state};
    update.change([](core::Update& u) { u.baseline.good = {"update_server"}; });
    CHECK(of_server({}) == 0);
    set_phase(core::Phase::trial);
    CHECK(of_server({}) == 1);
    CHECK(of_server({.probes = {{"update_server", health::Importance::off}}}) == 0);
    CHECK(contacts == 0);
}
