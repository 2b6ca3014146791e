#include "ota/life_cycle.hpp"

#include "core/files.hpp"
#include "support/life_cycle_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using core::Phase;
using core::Slot;
using core::Verdict;
using ota::BootState;
using ota::StartAction;
using test::Boot;
using test::Device;
using test::kAttempts;
using test::run_until_quiet;

TEST_CASE_FIXTURE(Device, "an ordinary boot refills the booted slot's counter before anything else") {
    remember_commit(Slot::a);
    env.state.left_a = 2;
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(env.state.left_a == kAttempts);
    CHECK(env.writes == 1);
}

TEST_CASE_FIXTURE(Device, "a full counter is not written again") {
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(env.writes == 0);
}

TEST_CASE_FIXTURE(Device, "ten reboots of a committed slot stay on it") {
    remember_commit(Slot::b);
    env.state.order = {Slot::b, Slot::a};
    for (int i = 0; i < 10; ++i) {
        power_cycle();
        CHECK(board.slot == Slot::b);
        Boot boot{data.path(), board, env};
        boot.start();
    }
}

TEST_CASE_FIXTURE(Device, "a trial that is judged good is committed, and the commit is remembered") {
    put_on_trial();
    Boot boot{data.path(), board, env};
    CHECK(run_until_quiet(boot, Verdict::commit));
    CHECK(env.state ==
          BootState{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3, .trial = std::nullopt});
    CHECK(books().committed().last == Slot::b);
    CHECK(books().committed().bundles.at(Slot::b).version == "1.1.0");
    CHECK(boot.state.now().update.phase == Phase::committed);
    CHECK(boot.state.now().update.last_commit->version == "1.1.0");
    CHECK(boot.lines->contains("ota: update committed version=1.1.0 slot=B"));
}

TEST_CASE_FIXTURE(Device,
                  "a trial that is judged bad is recorded with its reason, marked bad and left by a reboot") {
    put_on_trial();
    Boot boot{data.path(), board, env};
    CHECK(run_until_quiet(boot, Verdict::roll_back));
    CHECK(env.state == BootState{.order = {Slot::a}, .left_a = 3, .left_b = 0, .trial = std::nullopt});
    CHECK(board.reboots == std::vector<std::string>{"rolled back: dns: silent"});
    CHECK(books().ledger().refusal_of(test::sample_bundle("1.1.0", 1), boot.clock.wall_now(), true));
    CHECK(books().history().last_rollback()->reason == "dns: silent");

    power_cycle();
    Boot after{data.path(), board, env};
    CHECK(after.start() == StartAction::ordinary);
    CHECK(board.slot == Slot::a);
    CHECK(after.state.now().update.phase == Phase::rolled_back);
    CHECK(after.state.now().update.last_rollback->version == "1.1.0");
    CHECK(after.state.now().update.rejected == std::vector<std::string>{"1.1.0"});
}

TEST_CASE_FIXTURE(Device,
                  "the history tells how long a trial took, its boots and those that nobody ordered") {
    put_on_trial();
    env.state.left_b = 2;
    {
        Boot cut{data.path(), board, env};   // the power goes in the first one
        CHECK(cut.start() == StartAction::trial);
        CHECK(cut.state.now().update.attempts_left == 2);
    }
    board.id = "boot-3";
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::trial);
    Boot resumed{data.path(), board, env};   // a restart of the program is no boot
    CHECK(resumed.start() == StartAction::trial);
    resumed.clock.advance(42s);
    auto const record = *books().update();
    CHECK(record.baseline.good == std::vector<std::string>{"dns"});
    CHECK(test::run_task(resumed.io,
                         resumed.settlement.roll_back(record, "dns: silent", ota::Rejection::verdict))
              .has_value());
    auto const expected = ota::OutcomeTrial{.length_s = 42, .boots = 2, .unexpected_reboots = 1};
    auto const kept = books().history().outcomes;
    REQUIRE(kept.size() == 1);
    CHECK(kept.back().trial.length_s == expected.length_s);
    CHECK(kept.back().trial.boots == expected.boots);
    CHECK(kept.back().trial.unexpected_reboots == expected.unexpected_reboots);
    CHECK(kept.back().manifest_hash == record.bundle.manifest_hash);
}

TEST_CASE_FIXTURE(Device, "a wall clock that jumps by ten years in a trial changes nothing of its length") {
    put_on_trial();
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::trial);
    for (int const years : {10, -20, 10}) {
        boot.clock.set_wall(boot.clock.wall_now() + std::chrono::seconds{24h * 365 * years});
        boot.clock.advance(20s);
    }
    CHECK(boot.state.now().update.trial_started == boot.clock.now() - 60s);
    CHECK(test::run_task(boot.io, boot.settlement.commit(*books().update())).has_value());
    CHECK(books().history().outcomes.back().trial.length_s == 60);
}

TEST_CASE_FIXTURE(Device,
                  "a bundle whose trial failed while only the provider was away is tried again a day later") {
    auto const judged_with = [&](std::vector<core::Reading> readings) {
        put_on_trial();
        Boot boot{data.path(), board, env};
        core::Writer<&core::DeviceState::health> health{boot.state};
        health.set(
            {.verdict = Verdict::roll_back, .reason = "wan_lease: none", .readings = std::move(readings)});
        CHECK(run_until_quiet(boot, std::nullopt));
        return books().ledger().entries().back().why;
    };
    core::Reading const good{.probe = "dns", .good = true}, wan{.probe = "wan_lease"}, dns{.probe = "dns"};
    CHECK(judged_with({good, wan}) == ota::Rejection::attempts);
    CHECK(judged_with({dns, wan}) == ota::Rejection::verdict);
    // Without a lease no server is reached either.
    CHECK(judged_with({wan, {.probe = "update_server"}}) == ota::Rejection::attempts);
    CHECK(judged_with({{.probe = "dns", .weight = core::Weight::excused}, wan}) == ota::Rejection::attempts);
}

TEST_CASE_FIXTURE(
    Device,
    "a slot that may be on trial and cannot use the boot environment is left to the loader's counter") {
    put_on_trial();
    env.broken = core::fail(core::Errc::io, "the boot environment is unreadable");
    for (int i = 0; i < kAttempts; ++i) {
        Boot boot{data.path(), board, env};
        core::asio::cancellation_signal stop;
        core::asio::co_spawn(boot.io, boot.life_cycle.run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        boot.clock.advance(9min);
        CHECK(board.reboots.empty());
        boot.clock.advance(2min);
        REQUIRE(board.reboots.size() >= 1);
        CHECK(board.reboots[0].starts_with("the trial cannot be judged: "));
        stop.emit(core::asio::cancellation_type::terminal);
        boot.clock.settle();
        board.reboots.clear();
    }
    // A loader that does not count either brings it back for ever: then it stays, serves, and says so.
    Boot boot{data.path(), board, env};
    core::asio::cancellation_signal stop;
    core::asio::co_spawn(boot.io, boot.life_cycle.run(),
                         core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    boot.clock.advance(60min);
    CHECK(board.reboots.empty());
    CHECK(boot.state.now().update.error.find("unreadable") != std::string::npos);
    stop.emit(core::asio::cancellation_type::terminal);
    boot.clock.settle();
}

TEST_CASE_FIXTURE(Device, "what was failing before the update is handed to the judge") {
    put_on_trial();
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::trial);
    CHECK(boot.state.now().update.baseline.failing == std::vector<std::string>{"wan_lease"});
}

TEST_CASE_FIXTURE(Device,
                  "a restart of the program in a trial does not prolong it, a reboot begins it anew") {
    put_on_trial();
    core::TimePoint began;
    {
        Boot boot{data.path(), board, env};
        boot.start();
        began = *boot.state.now().update.trial_started;
    }
    {
        Boot boot{data.path(), board, env};
        boot.clock.advance(20s);
        boot.start();
        CHECK(boot.state.now().update.trial_started == began);
    }
    board.id = "boot-3";
    Boot boot{data.path(), board, env};
    boot.clock.advance(20s);
    boot.start();
    CHECK(boot.state.now().update.trial_started == began + 20s);
}

TEST_CASE("a power cut at any write of a verdict ends as the verdict said, or as a trial judged anew") {
    for (auto const verdict : {Verdict::commit, Verdict::roll_back}) {
        for (bool const before : {true, false}) {
            for (int cut_at = 0;; ++cut_at) {
                CAPTURE(before);
                CAPTURE(cut_at);
                Device device;
                device.put_on_trial();
                (before ? device.env.cut_before_write : device.env.cut_after_write) = cut_at;
                bool survived = false;
                {
                    Boot boot{device.data.path(), device.board, device.env};
                    survived = run_until_quiet(boot, verdict);
                }
                device.env.cut_before_write.reset();
                device.env.cut_after_write.reset();
                for (int boots = 0; boots < 3; ++boots) {   // a rollback that was cut short reboots once more
                    device.power_cycle();
                    Boot boot{device.data.path(), device.board, device.env};
                    run_until_quiet(boot, verdict);
                }
                CHECK(device.board.slot == (verdict == Verdict::commit ? Slot::b : Slot::a));
                CHECK(!device.env.state.trial);
                auto const last = device.books().history().outcomes;
                REQUIRE(!last.empty());
                CHECK(last.back().committed == (verdict == Verdict::commit));
                if (survived) break;
            }
        }
    }
}

TEST_CASE_FIXTURE(Device,
                  "a slot whose attempts were used up is rejected for a day and the reason is shown") {
    put_on_trial();
    env.state.left_b = 0;
    board.slot = Slot::a;
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(env.state == BootState{.order = {Slot::a}, .left_a = 3, .left_b = 0, .trial = std::nullopt});
    CHECK(boot.state.now().update.last_rollback->reason ==
          "slot B used up its boot attempts without a commit");
    CHECK(books().history().outcomes.back().trial.boots ==
          3);   // the loader's, this program never ran in one
    auto ledger = books().ledger();
    auto const now = boot.clock.wall_now();
    CHECK(
        ledger.refusal_of(test::sample_bundle("1.1.0", 1), now + 25h, true));   // nobody vouched for its date
    CHECK(ledger.date(now));
    CHECK(ledger.refusal_of(test::sample_bundle("1.1.0", 1), now + 23h, true));
    CHECK(!ledger.refusal_of(test::sample_bundle("1.1.0", 1), now + 25h, true));
}

TEST_CASE_FIXTURE(Device, "a slot that the loader could not load is marked bad") {
    put_on_trial();
    board.slot = Slot::a;
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(env.state.left_b == 0);
    CHECK(!env.state.trial);
    CHECK(boot.state.now().update.last_rollback->reason ==
          "the loader could not load slot B (2 attempts left)");
}

TEST_CASE_FIXTURE(Device, "a fallback without an update is reported and nothing is rejected") {
    remember_commit(Slot::b);
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::ordinary);
    REQUIRE(boot.state.now().update.problems.size() == 1);
    CHECK(boot.state.now().update.problems[0].find("slot B was committed last") != std::string::npos);
    CHECK(books().ledger().entries().empty());
    CHECK(boot.lines->contains("unplanned fallback"));
}

TEST_CASE_FIXTURE(Device, "killed between activation and reboot, the next start reboots into the trial") {
    remember(test::sample_record(Phase::activated, "boot-1"));
    env.state = {.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3, .trial = Slot::b};
    Boot boot{data.path(), board, env};
    CHECK(run_until_quiet(boot, std::nullopt));
    CHECK(board.reboots == std::vector<std::string>{"an activated update waits for its trial"});
    CHECK(env.writes == 0);
}

TEST_CASE_FIXTURE(
    Device,
    "a written slot is checked and waits, one that was to be activated is, an unfinished one is given up") {
    auto record = test::sample_record(Phase::written, "boot-1");
    std::string const boot_image(8192, 'b');
    std::string const rootfs_image(16384, 'r');
    record.bundle.boot = core::sha256(boot_image);
    record.bundle.rootfs = core::sha256(rootfs_image);
    remember(record);
    env.state.left_b = 0;
    env.state.order = {Slot::a};
    REQUIRE(core::replace_file(data / "rootfs-b", rootfs_image + "older content").has_value());

    SUBCASE("complete, and not yet allowed to be activated") {
        REQUIRE(core::replace_file(data / "boot-b", boot_image).has_value());
        Boot boot{data.path(), board, env};
        CHECK(boot.start() == StartAction::ordinary);
        CHECK(!env.state.trial);
        CHECK(books().update()->phase == Phase::written);
        CHECK(boot.state.now().update.phase == Phase::written);
    }
    SUBCASE("complete, and allowed") {
        record.phase = Phase::activated;
        remember(record);
        REQUIRE(core::replace_file(data / "boot-b", boot_image).has_value());
        Boot boot{data.path(), board, env};
        CHECK(boot.start() == StartAction::reboot_into_trial);
        CHECK(env.state.trial == Slot::b);
        CHECK(env.state.order == std::vector{Slot::b, Slot::a});
    }
    SUBCASE("its first 4 KiB still missing") {
        REQUIRE(core::replace_file(data / "boot-b", std::string(4096, '\0') + boot_image.substr(4096))
                    .has_value());
        Boot boot{data.path(), board, env};
        CHECK(boot.start() == StartAction::ordinary);
        CHECK(!env.state.trial);
        CHECK(env.state.left_b == 0);
        CHECK(books().update()->phase == Phase::idle);
    }
}

TEST_CASE_FIXTURE(Device, "an unreadable boot environment is reported and tried again until it can be read") {
    env.broken = core::fail(core::Errc::io, "the boot environment is unreadable");
    Boot boot{data.path(), board, env};
    core::asio::cancellation_signal stop;
    core::asio::co_spawn(boot.io, boot.life_cycle.run(),
                         core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    boot.clock.settle();
    CHECK(boot.state.now().update.error.find("unreadable") != std::string::npos);
    env.broken.reset();
    boot.clock.advance(5s);
    CHECK(boot.state.now().update.error.empty());
    stop.emit(core::asio::cancellation_type::terminal);
    boot.clock.settle();
}

TEST_CASE_FIXTURE(Device,
                  "a state file cut in half is set aside and shown, and the trial is judged all the same") {
    put_on_trial();
    auto const file = data / "state/update.json";
    auto const whole = core::read_file(file, 65536);
    REQUIRE(whole.has_value());
    REQUIRE(core::replace_file(file, whole->substr(0, whole->size() / 2)).has_value());
    Boot boot{data.path(), board, env};
    CHECK(run_until_quiet(boot, Verdict::commit));
    REQUIRE(boot.state.now().update.problems.size() == 1);
    CHECK(boot.state.now().update.problems[0].find("update.json.broken") != std::string::npos);
    CHECK(std::filesystem::exists(data / "state/update.json.broken"));
    CHECK(!env.state.trial);
    CHECK(books().committed().last == Slot::b);
}

TEST_CASE_FIXTURE(Device, "a commit that the environment refuses is tried again, and said") {
    put_on_trial();
    Boot boot{data.path(), board, env};
    core::asio::cancellation_signal stop;
    core::asio::co_spawn(boot.io, boot.life_cycle.run(),
                         core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    boot.clock.settle();
    env.broken = core::fail(core::Errc::io, "read-only device");
    boot.judge(Verdict::commit);
    boot.clock.settle();
    CHECK(boot.state.now().update.error.find("read-only device") != std::string::npos);
    CHECK(env.state.trial == Slot::b);
    env.broken.reset();
    boot.clock.advance(5s);
    CHECK(!env.state.trial);
    CHECK(boot.state.now().update.phase == Phase::committed);
    CHECK(boot.state.now().update.error.empty());
    stop.emit(core::asio::cancellation_type::terminal);
    boot.clock.settle();
}

TEST_CASE_FIXTURE(Device, "a commit is told and remembered once, however many boots follow") {
    put_on_trial();
    {
        Boot boot{data.path(), board, env};
        CHECK(run_until_quiet(boot, Verdict::commit));
    }
    for (int i = 0; i < 3; ++i) {
        power_cycle();
        Boot boot{data.path(), board, env};
        CHECK(boot.start() == StartAction::ordinary);
        CHECK(env.state.left_b == kAttempts);
        CHECK(!boot.lines->contains("update committed"));
    }
    CHECK(books().history().outcomes.size() == 1);
}

TEST_CASE_FIXTURE(Device, "a good trial is committed although nothing can be recorded") {
    put_on_trial();
    Boot boot{data.path(), board, env};
    break_books();
    CHECK(run_until_quiet(boot, Verdict::commit));
    CHECK(env.state ==
          BootState{.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 3, .trial = std::nullopt});
    CHECK(boot.state.now().update.phase == Phase::committed);
    CHECK(boot.state.now().update.error.find("recording the commit") != std::string::npos);
}

TEST_CASE_FIXTURE(Device,
                  "a rollback that could not be recorded is recorded later, and not activated again") {
    put_on_trial();
    {
        Boot boot{data.path(), board, env};
        break_books();
        CHECK(run_until_quiet(boot, Verdict::roll_back));
        CHECK(board.reboots.size() == 1);
    }
    CHECK(env.state == BootState{.order = {Slot::a}, .left_a = 3, .left_b = 0, .trial = Slot::b});
    mend_books();
    power_cycle();
    CHECK(board.slot == Slot::a);
    Boot after{data.path(), board, env};
    break_books();
    CHECK(!test::run_task(after.io, after.life_cycle.start()).has_value());
    mend_books();
    CHECK(after.start() == StartAction::ordinary);
    CHECK(!env.state.trial);
    CHECK(books().ledger().refusal_of(test::sample_bundle("1.1.0", 1), after.clock.wall_now(), true));
}

TEST_CASE_FIXTURE(Device,
                  "a trial whose data is memory is rolled back, and the old slot remembers why it must") {
    put_on_trial();
    test::TemporaryDirectory memory;   // in place of /data, which the new slot cannot mount
    {
        Boot boot{memory.path(), board, env, {}, false};
        CHECK(run_until_quiet(boot, Verdict::roll_back));
        CHECK(board.reboots.size() == 1);
        CHECK(boot.lines->contains("the data partition did not mount, so its files are lost"));
    }
    // The mark is the only memory of the trial.
    CHECK(env.state == BootState{.order = {Slot::a}, .left_a = 3, .left_b = 0, .trial = Slot::b});
    power_cycle();
    Boot after{data.path(), board, env};
    CHECK(after.start() == StartAction::ordinary);   // it would be activated again without the mark
    CHECK(!env.state.trial);
    CHECK(books().ledger().refusal_of(test::sample_bundle("1.1.0", 1), after.clock.wall_now(), true));
}

TEST_CASE_FIXTURE(Device, "a slot that was judged bad is left although its rollback cannot be recorded") {
    put_on_trial();
    auto record = test::sample_record(Phase::rolled_back, board.id);
    record.reason = "dns: silent";
    remember(record);
    Boot boot{data.path(), board, env};
    break_books();
    CHECK(boot.start() == StartAction::reboot_to_old);
    mend_books();
    power_cycle();
    Boot after{data.path(), board, env};
    CHECK(after.start() == StartAction::ordinary);
    CHECK(board.slot == Slot::a);
    CHECK(books().history().last_rollback()->reason == "dns: silent");
    CHECK(!env.state.trial);
}

TEST_CASE_FIXTURE(Device, "a fallback that is cut short counts once") {
    put_on_trial();
    env.state.left_b = 0;
    board.slot = Slot::a;
    env.cut_before_write = 0;
    {
        Boot boot{data.path(), board, env};
        CHECK(!run_until_quiet(boot, std::nullopt));
    }
    env.cut_before_write.reset();
    power_cycle();
    Boot boot{data.path(), board, env};
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(books().history().outcomes.size() == 1);
    CHECK(books().ledger().entries().at(0).times == 1);
}

TEST_CASE_FIXTURE(Device, "a commit whose record was lost does not claim to know what the slot holds") {
    put_on_trial();
    std::filesystem::remove(data / "state/update.json");
    Boot boot{data.path(), board, env};
    CHECK(run_until_quiet(boot, Verdict::commit));
    CHECK(books().committed().last == Slot::b);
    CHECK(!books().committed().bundles.contains(Slot::b));
}

TEST_CASE_FIXTURE(Device, "the counter is refilled before a written slot is looked at") {
    remember(test::sample_record(Phase::written, "boot-1"));   // its slot holds nothing of it
    env.state.left_a = 1;
    env.read_only = core::fail(core::Errc::io, "the flash is read-only");
    Boot boot{data.path(), board, env};
    CHECK_FALSE(test::run_task(boot.io, boot.life_cycle.start()).has_value());
    CHECK(books().update()->phase == Phase::written);

    env.read_only.reset();
    CHECK(boot.start() == StartAction::ordinary);
    CHECK(env.state.left_a == kAttempts);
    CHECK(env.writes == 1);
    CHECK(books().update()->phase == Phase::idle);
}
