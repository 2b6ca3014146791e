#include "core/device_state.hpp"

#include <doctest/doctest.h>

#include <set>

TEST_CASE("every phase, verdict and source has a name of its own") {
    std::set<std::string> phases;
    for (int phase = 0; phase <= static_cast<int>(core::Phase::rolled_back); ++phase)
        phases.insert(name(static_cast<core::Phase>(phase)));
    CHECK(phases.size() == 8);
    CHECK(!phases.contains("?"));

    std::set<std::string> verdicts;
    for (int verdict = 0; verdict <= static_cast<int>(core::Verdict::roll_back); ++verdict)
        verdicts.insert(name(static_cast<core::Verdict>(verdict)));
    CHECK(verdicts == std::set<std::string>{"none", "wait", "commit", "roll_back"});

    using Source = core::ConfigState::Source;
    CHECK(std::string{name(Source::operator_document)} == "operator");
    CHECK(std::string{name(Source::last_accepted)} == "last_accepted");
    CHECK(std::string{name(Source::built_in)} == "built_in");
}

TEST_CASE("a document is refused when there is one with problems and another one is in force") {
    using Source = core::ConfigState::Source;
    CHECK(core::is_refused({.source = Source::last_accepted, .problems = {"why"}}));
    CHECK(core::is_refused({.source = Source::built_in, .problems = {"why"}}));
    CHECK_FALSE(core::is_refused({.source = Source::built_in}));   // there is none
    CHECK_FALSE(core::is_refused({.source = Source::operator_document, .problems = {"cannot be stored"}}));
}

TEST_CASE("states are equal exactly when every part is") {
    core::DeviceState const empty;
    CHECK(empty == core::DeviceState{});
    auto changed = empty;
    changed.services["dnsmasq"].starts = 1;
    CHECK(changed != empty);
    changed = empty;
    changed.update.last_rollback = core::Outcome{};
    CHECK(changed != empty);
    changed = empty;
    changed.links.lan.addresses = {"172.20.30.1/24"};
    CHECK(changed != empty);
}
