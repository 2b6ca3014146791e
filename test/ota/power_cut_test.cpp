// The power goes at every write of an update: of the images, of the boot environment, of the state files, in
// atomixd and in the loader; between two writes and within each at every 512 bytes. Nothing is sampled.
// docs/architecture.md

#include "ota/power_cut_matrix.hpp"

#include <doctest/doctest.h>

using core::Slot;
using core::Verdict;
using test::Scenario;

namespace {

void hold_everywhere(Scenario const& scenario) {
    auto const matrix = test::cut_everywhere(scenario);
    MESSAGE(matrix.text());
    for (auto const& problem : matrix.problems) MESSAGE(problem);
    CHECK(matrix.bad == 0);
    for (auto const* kind : {"slot", "environment", "state file"}) CHECK(matrix.points.at(kind) > 0);
    CHECK(matrix.torn_at_4096 > 0);
    CHECK(matrix.resumed > 0);
}

}   // namespace

TEST_CASE("after a power cut at any write of a good update it is installed and committed, from A to B") {
    hold_everywhere({.running = Slot::a});
}

TEST_CASE("after a power cut at any write of a good update it is installed and committed, from B to A") {
    hold_everywhere({.running = Slot::b});
}

TEST_CASE("after a power cut at any write of a bad update the old slot runs and the bundle is rejected, from "
          "A to B") {
    hold_everywhere({.running = Slot::a, .verdict = Verdict::roll_back});
}

TEST_CASE("after a power cut at any write of a bad update the old slot runs and the bundle is rejected, from "
          "B to A") {
    hold_everywhere({.running = Slot::b, .verdict = Verdict::roll_back});
}

TEST_CASE("a power cut that takes both copies of the environment leaves no half-written slot to boot, from A "
          "to B") {
    hold_everywhere({.running = Slot::a, .loses_environment = true});
}

TEST_CASE("a power cut that takes both copies of the environment leaves no half-written slot to boot, from B "
          "to A") {
    hold_everywhere({.running = Slot::b, .loses_environment = true});
}

TEST_CASE("a bad update and a cut that takes both copies of the environment leave no half-written slot, from "
          "A to B") {
    hold_everywhere({.running = Slot::a, .verdict = Verdict::roll_back, .loses_environment = true});
}

TEST_CASE("a bad update and a cut that takes both copies of the environment leave no half-written slot, from "
          "B to A") {
    hold_everywhere({.running = Slot::b, .verdict = Verdict::roll_back, .loses_environment = true});
}
