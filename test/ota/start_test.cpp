#include "ota/start.hpp"

#include <doctest/doctest.h>

using core::Phase;
using core::Slot;
using ota::BootState;
using ota::StartAction;
using ota::StartFacts;

namespace {

BootState env(std::optional<Slot> trial, int left_a = 3, int left_b = 3) {
    return {.order = {Slot::a, Slot::b}, .left_a = left_a, .left_b = left_b, .trial = trial};
}

}   // namespace

// Slot A is the old one, B the target of the update, throughout.
TEST_CASE("a start finds out from the boot environment where an update stands") {
    using enum StartAction;
    auto const none = std::nullopt;
    struct {
        char const* name;
        StartFacts facts;
        StartAction want;
    } const cases[] = {
        {"first start ever", {env(none), Slot::a, none, none, none, false}, ordinary},
        {"nothing under way", {env(none), Slot::a, Slot::a, Phase::idle, Slot::b, false}, ordinary},
        {"killed while downloading",
         {env(none, 3, 0), Slot::a, Slot::a, Phase::downloading, Slot::b, true},
         ordinary},
        {"killed when written",
         {env(none, 3, 0), Slot::a, Slot::a, Phase::written, Slot::b, true},
         activate_again},
        {"power cut before the activation was stored",
         {env(none, 3, 0), Slot::a, Slot::a, Phase::activated, Slot::b, false},
         activate_again},
        {"killed between activation and reboot",
         {env(Slot::b), Slot::a, Slot::a, Phase::activated, Slot::b, true},
         reboot_into_trial},
        {"first boot of the new slot",
         {env(Slot::b, 3, 2), Slot::b, Slot::a, Phase::activated, Slot::b, false},
         trial},
        {"killed in the trial", {env(Slot::b, 3, 2), Slot::b, Slot::a, Phase::trial, Slot::b, true}, trial},
        {"trial whose record is lost", {env(Slot::b, 3, 2), Slot::b, Slot::a, none, none, false}, trial},
        {"killed between verdict and commit",
         {env(Slot::b, 3, 2), Slot::b, Slot::a, Phase::committed, Slot::b, true},
         finish_commit},
        {"power cut between verdict and commit",
         {env(Slot::b, 3, 1), Slot::b, Slot::a, Phase::committed, Slot::b, false},
         finish_commit},
        {"killed between commit and its record",
         {env(none), Slot::b, Slot::a, Phase::committed, Slot::b, true},
         finish_commit},
        {"killed between verdict and marking bad",
         {env(Slot::b, 3, 2), Slot::b, Slot::a, Phase::rolled_back, Slot::b, true},
         finish_rollback},
        {"power cut between verdict and marking bad",
         {env(Slot::b, 3, 1), Slot::b, Slot::a, Phase::rolled_back, Slot::b, false},
         finish_rollback},
        {"killed between marking bad and reboot",
         {env(none, 3, 0), Slot::b, Slot::a, Phase::rolled_back, Slot::b, true},
         reboot_to_old},
        {"old slot after a rollback",
         {env(none, 3, 0), Slot::a, Slot::a, Phase::rolled_back, Slot::b, false},
         ordinary},
        {"every attempt used",
         {env(Slot::b, 3, 0), Slot::a, Slot::a, Phase::activated, Slot::b, false},
         attempts_used_up},
        {"every attempt used, from the trial",
         {env(Slot::b, 3, 0), Slot::a, Slot::a, Phase::trial, Slot::b, false},
         attempts_used_up},
        {"loader could not load it",
         {env(Slot::b, 3, 2), Slot::a, Slot::a, Phase::activated, Slot::b, false},
         did_not_load},
        {"loader could not load it, record lost",
         {env(Slot::b, 3, 2), Slot::a, Slot::a, none, none, false},
         did_not_load},
        {"fell back without an update",
         {env(none), Slot::a, Slot::b, Phase::idle, Slot::b, false},
         unplanned_fallback},
        {"fell back from a committed update",
         {env(none), Slot::a, Slot::b, Phase::committed, Slot::b, false},
         unplanned_fallback},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(static_cast<int>(decide_start(c.facts)) == static_cast<int>(c.want));
    }
}

TEST_CASE("a commit that is in the environment but could not be recorded is recorded by a later start") {
    BootState const committed{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 2, .trial = std::nullopt};
    for (auto const phase : {Phase::activated, Phase::trial}) {
        StartFacts const facts{committed, Slot::b, Slot::a, phase, Slot::b, false};
        CHECK(static_cast<int>(decide_start(facts)) == static_cast<int>(ota::StartAction::finish_commit));
    }
}
