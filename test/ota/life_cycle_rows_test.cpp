// Every row of the start's table on a whole life cycle: undisturbed, after an error, and after being killed.

#include "support/life_cycle_world.hpp"

#include <cstring>

using core::Phase;
using core::Slot;
using ota::StartAction;
using ota::StartRow;

namespace {

std::string const kBootImage(8192, 'b');
std::string const kRootfsImage(16384, 'r');

// The first situation that a row answers, as facts about a device that runs slot A.
std::optional<ota::StartFacts> facts_for(StartRow const& row) {
    for (unsigned n = 0; n < 9 * 4 * 32; ++n) {
        auto const bit = [n](unsigned i) { return (n >> i & 1U) != 0; };
        auto const phase = n / 128;
        bool const has_record = phase < 8;
        ota::StartFacts facts{.env = {.order = {Slot::a, Slot::b}, .left_a = 2, .left_b = bit(2) ? 0 : 3}};
        if (bit(3)) facts.env.order = {Slot::b, Slot::a};
        auto const mark = n / 32 % 4;
        if (mark == 1) facts.env.trial = Slot::a;
        if (mark == 2) facts.env.trial = Slot::b;
        if (mark == 3) facts.env = {.order = {Slot::a, Slot::b}, .left_a = 3, .left_b = 3, .lost = true};
        facts.committed = bit(4) ? Slot::b : Slot::a;
        if (has_record) {
            facts.phase = static_cast<Phase>(phase);
            facts.target = bit(0) ? Slot::b : Slot::a;
            facts.same_boot = !bit(1);
        }
        if (row.matches(situation_of(facts))) return facts;
    }
    return std::nullopt;
}

struct World : test::Device {
    explicit World(ota::StartFacts const& facts) {
        env.state = facts.env;
        if (facts.committed) remember_commit(*facts.committed);
        if (facts.phase) {
            auto record = test::sample_record(*facts.phase, facts.same_boot ? board.id : "boot-0");
            record.target = *facts.target;
            record.bundle.boot = core::sha256(kBootImage);
            record.bundle.rootfs = core::sha256(kRootfsImage);
            if (facts.phase == Phase::rolled_back) record.reason = "dns: silent";
            remember(record);
        }
        for (auto const* slot : {"a", "b"}) {
            REQUIRE(core::replace_file(data / (std::string{"boot-"} + slot), kBootImage).has_value());
            REQUIRE(core::replace_file(data / (std::string{"rootfs-"} + slot), kRootfsImage).has_value());
        }
    }
};

// What is left of a start.
struct Outcome {
    StartAction action;
    ota::BootState env;
    std::optional<Phase> phase;
    Slot committed;
    std::size_t told;   // in the history
    std::size_t rejected;
    bool operator==(Outcome const&) const = default;
};

Outcome outcome(World& world) {
    test::Boot boot{world.data.path(), world.board, world.env};
    auto const action = boot.start();
    auto books = world.books();
    return {.action = action,
            .env = world.env.state,
            .phase = books.update() ? std::optional{books.update()->phase} : std::nullopt,
            .committed = books.committed().last.value(),
            .told = books.history().outcomes.size(),
            .rejected = books.ledger().entries().size()};
}

// The phase that the table promises: of the row itself, or of the one that a restored environment leads to.
std::optional<Phase> promised(ota::StartFacts facts) {
    if (facts.env.lost) {
        auto const action = decide_start(facts);
        facts.env = restored(action, facts.env, facts.booted, test::kAttempts);
    }
    auto const& row = row_for(situation_of(facts));
    return row.next ? row.next : facts.phase;
}

template <class Disturb> void ends_as_undisturbed(Disturb disturb) {
    for (auto const& row : ota::kStartTable) {
        CAPTURE(std::string{row.name});
        auto const facts = facts_for(row);
        REQUIRE(facts);
        World calm{*facts};
        auto const want = outcome(calm);
        for (int at = 0; at < 2; ++at) {
            CAPTURE(at);
            World world{*facts};
            disturb(world, at);
            CHECK(outcome(world) == want);
        }
    }
}

}   // namespace

TEST_CASE("a start enters the phase that its row promises and leaves a device that can boot") {
    for (auto const& row : ota::kStartTable) {
        CAPTURE(std::string{row.name});
        auto const facts = facts_for(row);
        REQUIRE(facts);
        World world{*facts};
        auto const after = outcome(world);
        CHECK(after.phase == promised(*facts));
        CHECK(!after.env.lost);
        bool can_boot = false;
        for (auto const slot : after.env.order) can_boot |= after.env.left(slot) > 0;
        CHECK(can_boot);
        if (after.action == StartAction::ordinary) CHECK(after.env.left_a == test::kAttempts);
        if (after.action == StartAction::trial) CHECK(after.env.trial == Slot::a);
        if (after.action == StartAction::reboot_into_trial) CHECK(after.env.trial == Slot::b);
        if (row.act == StartAction::finish_rollback || row.act == StartAction::restore_without_booted)
            CHECK(after.env.order == std::vector{Slot::b});
    }
}

TEST_CASE("a start whose writes to the environment fail says so and ends well when they work again") {
    ends_as_undisturbed([](World& world, int) {
        world.env.read_only = core::fail(core::Errc::io, "the device is read-only");
        test::Boot boot{world.data.path(), world.board, world.env};
        auto const before = world.env.state;
        auto const failed = test::run_task(boot.io, boot.life_cycle.start());
        CHECK(world.env.state == before);
        if (!failed) CHECK(failed.error().context.find("read-only") != std::string::npos);
        world.env.read_only.reset();
    });
}

TEST_CASE("a start that cannot read the environment says so and ends well when it can") {
    ends_as_undisturbed([](World& world, int) {
        world.env.broken = core::fail(core::Errc::io, "the device is gone");
        test::Boot boot{world.data.path(), world.board, world.env};
        auto const failed = test::run_task(boot.io, boot.life_cycle.start());
        REQUIRE(!failed);
        CHECK(failed.error().context.find("the device is gone") != std::string::npos);
        world.env.broken.reset();
    });
}

TEST_CASE("a start that cannot write its books ends well when it can") {
    ends_as_undisturbed([](World& world, int) {
        test::Boot boot{world.data.path(), world.board, world.env};
        world.break_books();
        (void)test::run_task(boot.io, boot.life_cycle.start());
        world.mend_books();
    });
}

TEST_CASE("a start that is killed before or after a write to the environment ends well the next time") {
    for (bool const before : {true, false})
        ends_as_undisturbed([before](World& world, int at) {
            (before ? world.env.cut_before_write : world.env.cut_after_write) = at;
            test::Boot boot{world.data.path(), world.board, world.env};
            try {
                (void)test::run_task(boot.io, boot.life_cycle.start());
            } catch (test::PowerCut const&) {}   // fewer writes than that are as good
            world.env.cut_before_write.reset();
            world.env.cut_after_write.reset();
        });
}

TEST_CASE("a lost environment is shown once and begun anew with the running slot") {
    test::Device device;
    device.remember_commit(Slot::b);
    device.board.slot = Slot::b;
    device.env.lose(test::kAttempts);
    device.env.read_only = core::fail(core::Errc::io, "the device is read-only");
    test::Boot boot{device.data.path(), device.board, device.env};
    CHECK(!test::run_task(boot.io, boot.life_cycle.start()).has_value());
    device.env.read_only.reset();
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(device.env.state == ota::BootState{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3});
    CHECK(device.env.writes == 1);
    REQUIRE(boot.state.now().update.problems.size() == 1);
    CHECK(boot.state.now().update.problems[0].find("begun anew, slot B first") != std::string::npos);
    CHECK(boot.lines->contains("boot environment was lost"));
}

TEST_CASE("an environment that is lost in a trial does not end it") {
    for (auto const verdict : {core::Verdict::commit, core::Verdict::roll_back}) {
        test::Device device;
        device.put_on_trial();
        device.env.lose(test::kAttempts);
        test::Boot boot{device.data.path(), device.board, device.env};
        CHECK(test::run_until_quiet(boot, verdict));
        CHECK(!device.env.state.trial);
        CHECK(device.env.state.order.front() == (verdict == core::Verdict::commit ? Slot::b : Slot::a));
        CHECK(device.books().history().outcomes.size() == 1);
    }
}
