#include "ota/trial_end.hpp"

#include "core/files.hpp"
#include "support/life_cycle_world.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

using core::Slot;
using core::Verdict;
using ota::StartAction;
using test::Boot;
using test::Device;
using test::run_until_quiet;

TEST_CASE("what was written down about a slot's trial is told of that slot only") {
    test::TemporaryDirectory const state;
    ota::TrialEnd const trial_end{state.path()};
    CHECK(!trial_end.reason(Slot::b));
    REQUIRE(core::replace_file(state / "trial-end", "B slot B was on trial\n").has_value());
    CHECK(trial_end.reason(Slot::b) == "slot B was on trial");
    CHECK(!trial_end.reason(Slot::a));
    REQUIRE(trial_end.forget().has_value());
    CHECK(!trial_end.reason(Slot::b));
    CHECK(trial_end.forget().has_value());
}

TEST_CASE("a line that was cut short or damaged does no harm") {
    test::TemporaryDirectory const state;
    ota::TrialEnd const trial_end{state.path()};
    struct {
        std::string text;
        std::optional<std::string> reason;
    } const cases[] = {{"", std::nullopt},         {"B", std::nullopt},
                       {"B ", std::nullopt},       {"B \n", std::nullopt},
                       {"B slot B w", "slot B w"}, {"B one\ntwo\n", "one"},
                       {"B \x1b[2J\xff", "?[2J?"}, {"B " + std::string(2000, 'x'), std::nullopt}};
    for (auto const& c : cases) {
        CAPTURE(c.text);
        REQUIRE(core::replace_file(state / "trial-end", c.text).has_value());
        CHECK(trial_end.reason(Slot::b) == c.reason);
    }
}

TEST_CASE_FIXTURE(Device, "a trial that ended without this program is explained by what ended it") {
    put_on_trial();
    REQUIRE(
        core::replace_file(data / "state/trial-end", "B slot B was on trial without a commit\n").has_value());
    env.state.left_b = 0;
    board.slot = Slot::a;
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(
        boot.state.now().update.last_rollback->reason ==
        "slot B used up its boot attempts without a commit; of its last trial: slot B was on trial without a "
        "commit");
    CHECK(!std::filesystem::exists(data / "state/trial-end"));
}

TEST_CASE_FIXTURE(Device, "a commit forgets how an earlier boot of its trial ended") {
    put_on_trial();
    REQUIRE(
        core::replace_file(data / "state/trial-end", "B slot B was on trial without a commit\n").has_value());
    Boot boot{data.path(), board, env};
    run_until_quiet(boot, Verdict::commit);
    CHECK(!env.state.trial);
    CHECK(!std::filesystem::exists(data / "state/trial-end"));
}
