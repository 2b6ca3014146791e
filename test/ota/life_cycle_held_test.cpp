// An activation that did not reach the boot environment, and an operator who wants none by now.

#include "support/life_cycle_world.hpp"

using namespace std::chrono_literals;
using core::Phase;
using core::Slot;
using ota::StartAction;
using test::Boot;

namespace {

std::string const kBootImage(8192, 'b');
std::string const kRootfsImage(16384, 'r');

// Allowed, with a whole slot, and the power went before the environment was written.
struct Interrupted : test::Device {
    Interrupted() {
        auto record = test::sample_record(Phase::activated, "boot-0");
        record.bundle.boot = core::sha256(kBootImage);
        record.bundle.rootfs = core::sha256(kRootfsImage);
        remember(record);
        REQUIRE(core::replace_file(data / "boot-b", kBootImage).has_value());
        REQUIRE(core::replace_file(data / "rootfs-b", kRootfsImage).has_value());
        env.state = {.order = {Slot::a}, .left_a = 2, .left_b = 0};
    }
    bool waits() {
        return !env.state.trial && env.state.order == std::vector{Slot::a} && board.reboots.empty() &&
               books().update()->phase == Phase::written;
    }
};

// The update task, as long as this lives.
struct Running {
    explicit Running(Boot& on) : boot{on} {
        core::asio::co_spawn(boot.io, boot.updates.run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        boot.clock.settle();
    }
    ~Running() {
        stop.emit(core::asio::cancellation_type::terminal);
        boot.clock.settle();
    }
    Boot& boot;
    core::asio::cancellation_signal stop;
};

// Two hours from now, for an hour.
config::MaintenanceWindows window_after(core::WallTime now) {
    auto const today =
        std::chrono::floor<std::chrono::minutes>(now - std::chrono::floor<std::chrono::days>(now));
    auto const in = [&](std::chrono::minutes later) { return (today + later) % std::chrono::minutes{24h}; };
    return {{.from = in(2h), .to = in(3h)}};
}

}   // namespace

TEST_CASE_FIXTURE(Interrupted, "an interrupted activation that nothing holds goes on at once, as it was") {
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::reboot_into_trial);
    CHECK(env.state.trial == Slot::b);
    CHECK(books().update()->phase == Phase::activated);
    // Just after a boot much may be failing that the new slot must not be forgiven for.
    CHECK(books().update()->baseline.failing == std::vector<std::string>{"wan_lease"});
}

TEST_CASE_FIXTURE(Interrupted, "an interrupted activation waits as long as the flag hold-updates is there") {
    Boot boot{data.path(), board, env};
    boot.set_flags({"hold-updates"});
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(waits());
    CHECK(env.state.left_a == test::kAttempts);
    CHECK(boot.state.now().update.phase == Phase::written);

    Running const running{boot};
    boot.clock.advance(30min);
    CHECK(waits());
    CHECK(boot.state.now().update.note == "version 1.1.0 is written; it is held by the flag hold-updates");

    boot.set_flags({});
    boot.clock.settle();
    CHECK(env.state.trial == Slot::b);
    CHECK(board.reboots.size() == 1);
    CHECK(books().update()->baseline.failing.empty());   // taken now
}

TEST_CASE_FIXTURE(Interrupted, "an interrupted activation waits for the operator's window") {
    core::asio::io_context io;
    Boot boot{data.path(), board, env, window_after(test::FakeClock{io}.wall_now())};
    boot.clock_is_synchronised = true;
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(waits());

    Running const running{boot};
    boot.clock.advance(118min);
    CHECK(waits());
    CHECK(boot.state.now().update.note.find("it waits for the window") != std::string::npos);
    boot.clock.advance(3min);
    CHECK(env.state.trial == Slot::b);
    CHECK(!board.reboots.empty());
}

TEST_CASE_FIXTURE(Interrupted, "an activation that is held after a cut, and cut again, still waits") {
    for (int i = 0; i < 3; ++i) {
        Boot boot{data.path(), board, env};
        boot.set_flags({"hold-updates"});
        CHECK(boot.start() == StartAction::ordinary);
        CHECK(waits());
        power_cycle();
    }
}

TEST_CASE_FIXTURE(Interrupted,
                  "an activation whose hold cannot be recorded is not made, and asked about again") {
    Boot boot{data.path(), board, env};
    boot.set_flags({"hold-updates"});
    break_books();
    auto const failed = test::run_task(boot.io, boot.life_cycle.start());
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().context.find("update.json") != std::string::npos);
    CHECK(env.writes == 0);
    mend_books();
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(waits());
}

TEST_CASE_FIXTURE(Interrupted, "an interrupted activation that is held and has no whole slot is given up") {
    REQUIRE(core::replace_file(data / "boot-b", std::string(8192, '\0')).has_value());
    Boot boot{data.path(), board, env};
    boot.set_flags({"hold-updates"});
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(books().update()->phase == Phase::idle);
    CHECK(!env.state.trial);
}

TEST_CASE_FIXTURE(Interrupted,
                  "what the environment has activated is booted, whatever the operator wants by now") {
    auto record = test::sample_record(Phase::activated, board.id);
    remember(record);
    env.state = {.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3, .trial = Slot::b};
    Boot boot{data.path(), board, env};
    boot.set_flags({"hold-updates"});
    CHECK(boot.start() == StartAction::reboot_into_trial);
}
