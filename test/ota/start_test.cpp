#include "ota/start.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using core::Phase;
using core::Slot;
using ota::BootState;
using ota::StartAction;
using ota::StartFacts;

namespace {

constexpr int kAttempts = 3;

BootState env(std::optional<Slot> trial, int left_a = 3, int left_b = 3) {
    return {.order = {Slot::a, Slot::b}, .left_a = left_a, .left_b = left_b, .trial = trial};
}
BootState b_first(std::optional<Slot> trial = std::nullopt) {
    return {.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 2, .trial = trial};
}
BootState const kLost{.order = {Slot::a, Slot::b}, .left_a = 3, .left_b = 3, .lost = true};

struct Case {
    char const* name;   // the story
    StartFacts facts;
    StartAction want;
    char const* row;   // the row of the table that tells it
};

// Slot A is the old one, B the target of the update, throughout. Facts: environment, booted, committed,
// record's phase and target, whether it was written in this boot.
std::vector<Case> const& cases() {
    using enum StartAction;
    auto const none = std::nullopt;
    auto const a = Slot::a, b = Slot::b;
    static std::vector<Case> const all{
        {"first start ever", {env(none), a, none, none, none, false}, ordinary, "nothing under way"},
        {"nothing under way", {env(none), a, a, Phase::idle, b, false}, ordinary, "nothing under way"},
        {"killed when offered",
         {env(none), a, a, Phase::offered, b, true},
         resume_download,
         "download under way"},
        {"killed while downloading",
         {env(none, 3, 0), a, a, Phase::downloading, b, true},
         resume_download,
         "download under way"},
        {"power cut while downloading",
         {env(none, 2, 0), a, a, Phase::downloading, b, false},
         resume_download,
         "download under way"},
        {"killed when written", {env(none, 3, 0), a, a, Phase::written, b, true}, resume_written, "written"},
        {"power cut while waiting for permission",
         {env(none, 2, 0), a, a, Phase::written, b, false},
         resume_written,
         "written"},
        {"power cut before the activation was stored",
         {env(none, 3, 0), a, a, Phase::activated, b, false},
         activate_again,
         "activated, the environment does not say so"},
        {"killed before the activation was stored",
         {env(none, 3, 0), a, a, Phase::activated, b, true},
         activate_again,
         "activated, the environment does not say so"},
        {"killed between activation and reboot",
         {env(b), a, a, Phase::activated, b, true},
         reboot_into_trial,
         "activated, not yet rebooted"},
        {"first boot of the new slot", {b_first(b), b, a, Phase::activated, b, false}, trial, "on trial"},
        {"killed in the trial", {b_first(b), b, a, Phase::trial, b, true}, trial, "on trial"},
        {"power cut in the trial", {b_first(b), b, a, Phase::trial, b, false}, trial, "on trial"},
        {"trial whose record is lost",
         {b_first(b), b, a, none, none, false},
         trial,
         "on trial, the record is lost or of something else"},
        {"trial whose record is of the other slot",
         {b_first(b), b, a, Phase::committed, a, false},
         trial,
         "on trial, the record is lost or of something else"},
        {"killed between verdict and commit",
         {b_first(b), b, a, Phase::committed, b, true},
         finish_commit,
         "judged good, not yet in the environment"},
        {"power cut between verdict and commit",
         {b_first(b), b, a, Phase::committed, b, false},
         finish_commit,
         "judged good, not yet in the environment"},
        {"killed between commit and its record",
         {b_first(), b, a, Phase::committed, b, true},
         finish_commit,
         "committed, perhaps not in all books"},
        {"a boot long after a commit",
         {b_first(), b, b, Phase::committed, b, false},
         finish_commit,
         "committed, perhaps not in all books"},
        {"a commit that could not be recorded at all",
         {b_first(), b, a, Phase::activated, b, false},
         finish_commit,
         "committed, the record does not say so"},
        {"a commit whose verdict could not be recorded",
         {b_first(), b, a, Phase::trial, b, false},
         finish_commit,
         "committed, the record does not say so"},
        {"killed between verdict and marking bad",
         {b_first(b), b, a, Phase::rolled_back, b, true},
         finish_rollback,
         "judged bad, not yet in the environment"},
        {"power cut between verdict and marking bad",
         {b_first(b), b, a, Phase::rolled_back, b, false},
         finish_rollback,
         "judged bad, not yet in the environment"},
        {"killed between marking bad and reboot",
         {env(none, 3, 0), b, a, Phase::rolled_back, b, true},
         reboot_to_old,
         "rolled back, not yet rebooted"},
        {"old slot after a rollback",
         {env(none, 3, 0), a, a, Phase::rolled_back, b, false},
         ordinary,
         "nothing under way"},
        {"every attempt used",
         {env(b, 3, 0), a, a, Phase::activated, b, false},
         attempts_used_up,
         "activated, every attempt used"},
        {"every attempt used, from the trial",
         {env(b, 3, 0), a, a, Phase::trial, b, false},
         attempts_used_up,
         "every attempt used"},
        {"every attempt used, record lost",
         {env(b, 3, 0), a, a, none, none, false},
         attempts_used_up,
         "every attempt used"},
        {"loader could not load it",
         {env(b, 3, 2), a, a, Phase::activated, b, false},
         did_not_load,
         "activated, did not load"},
        {"loader could not load it, record lost",
         {env(b, 3, 2), a, a, none, none, false},
         did_not_load,
         "did not load"},
        {"rolled back, but it could not be recorded",
         {env(b, 3, 0), a, a, Phase::trial, b, false},
         attempts_used_up,
         "every attempt used"},
        {"fell back without an update",
         {env(none), a, b, Phase::idle, b, false},
         unplanned_fallback,
         "fell back from the slot last committed"},
        {"fell back from a committed update",
         {env(none), a, b, Phase::committed, b, false},
         unplanned_fallback,
         "fell back from the slot last committed"},
        {"somebody booted a slot that was rolled back",
         {b_first(), b, b, Phase::rolled_back, b, false},
         ordinary,
         "in a slot that was rolled back"},
        {"the loader had only the slot that was rolled back",
         {b_first(), b, a, Phase::rolled_back, b, false},
         unplanned_fallback,
         "fell back into a slot that was rolled back"},
        {"an update was begun from the slot that is now the spare",
         {b_first(), b, b, Phase::idle, b, false},
         ordinary,
         "in the target, before it was activated"},
        {"booted into a slot that is being written",
         {b_first(), b, a, Phase::written, b, false},
         unplanned_fallback,
         "fell back into the target, before it was activated"},
        {"in the target by hand",
         {env(none), b, b, Phase::trial, b, false},
         ordinary,
         "in the target, neither first nor on trial"},
        {"fell into the target, without its mark",
         {env(none), b, a, Phase::activated, b, false},
         unplanned_fallback,
         "fell back into the target, neither first nor on trial"},
        {"environment lost in a trial",
         {kLost, b, a, Phase::trial, b, true},
         restore_trial,
         "environment lost on trial"},
        {"environment lost between verdict and reboot",
         {kLost, b, a, Phase::rolled_back, b, true},
         restore_without_booted,
         "environment lost, running slot judged bad"},
        {"environment lost long after",
         {kLost, b, b, Phase::rolled_back, b, false},
         restore_booted_first,
         "environment lost in a slot that was rolled back"},
        {"environment lost after a commit",
         {kLost, b, b, Phase::committed, b, false},
         restore_booted_first,
         "environment lost in the target"},
        {"environment lost while downloading",
         {kLost, a, a, Phase::downloading, b, true},
         restore_without_spare,
         "environment lost, spare slot unfinished or refused"},
        {"environment lost between activation and reboot",
         {kLost, a, a, Phase::activated, b, true},
         restore_without_spare,
         "environment lost, spare slot unfinished or refused"},
        {"environment lost, nothing known",
         {kLost, a, none, none, none, false},
         restore_booted_first,
         "environment lost beside the target"},
    };
    return all;
}

}   // namespace

TEST_CASE("a start finds out from the boot environment where an update stands") {
    for (auto const& c : cases()) {
        CAPTURE(std::string{c.name});
        CHECK(static_cast<int>(decide_start(c.facts)) == static_cast<int>(c.want));
        CHECK(std::string{row_for(situation_of(c.facts)).name} == c.row);
    }
}

TEST_CASE("every row of the start's table has a story") {
    std::set<std::string> told;
    for (auto const& c : cases()) told.insert(c.row);
    for (auto const& row : ota::kStartTable) {
        CAPTURE(std::string{row.name});
        CHECK(told.contains(row.name));
    }
    CHECK(told.size() == ota::kStartTable.size());
}

TEST_CASE("a lost environment begins anew with what the record knows, and the next look tells the rest") {
    struct {
        StartFacts facts;
        BootState want;
        StartAction then;
    } const lost[] = {
        {{kLost, Slot::b, Slot::a, Phase::trial, Slot::b, true},
         {.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3, .trial = Slot::b},
         StartAction::trial},
        {{kLost, Slot::b, Slot::a, Phase::rolled_back, Slot::b, true},
         {.order = {Slot::a}, .left_a = 3, .left_b = 0},
         StartAction::reboot_to_old},
        {{kLost, Slot::b, Slot::b, Phase::committed, Slot::b, false},
         {.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3},
         StartAction::finish_commit},
        {{kLost, Slot::a, Slot::a, Phase::downloading, Slot::b, true},
         {.order = {Slot::a}, .left_a = 3, .left_b = 0},
         StartAction::resume_download},
        {{kLost, Slot::b, Slot::b, Phase::written, Slot::a, true},
         {.order = {Slot::b}, .left_a = 0, .left_b = 3},
         StartAction::resume_written},
        {{kLost, Slot::a, Slot::a, Phase::activated, Slot::b, true},
         {.order = {Slot::a}, .left_a = 3, .left_b = 0},
         StartAction::activate_again},
    };
    for (auto const& c : lost) {
        auto facts = c.facts;
        facts.env = restored(decide_start(facts), facts.env, facts.booted, kAttempts);
        CHECK(facts.env == c.want);
        CHECK(static_cast<int>(decide_start(facts)) == static_cast<int>(c.then));
    }
}
