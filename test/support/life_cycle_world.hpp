#pragma once
// One boot of a device over what survives it: the state files and a boot environment in memory.

#include "core/files.hpp"
#include "ota/life_cycle.hpp"
#include "support/broken_books.hpp"
#include "support/fake_board.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/memory_boot_env.hpp"
#include "support/ota_samples.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <doctest/doctest.h>

#include <algorithm>

namespace test {

inline constexpr int kAttempts = 3;

// No server: nothing is asked, every request would fail.
class NoHttp final : public core::HttpClient {
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest) override {
        co_return core::fail(core::Errc::unreachable, "there is no server in this test");
    }
};

// What one boot of the device constructs, over what survives a reboot.
struct Boot {
    bool clock_is_synchronised = false;
    core::asio::io_context io;
    FakeClock clock{io};
    core::Workers workers{1};
    NoHttp http;
    std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
    core::Log log{lines, "ota"};
    ota::Books books;
    core::StateBus state;
    core::Writer<&core::DeviceState::update> update{state};
    ota::UpdateSettings settings;
    ota::Settlement settlement;
    ota::UpdateTask updates;
    ota::LifeCycle life_cycle;

    Boot(std::filesystem::path const& data,
         FakeBoard& board,
         MemoryBootEnv& env,
         config::MaintenanceWindows windows = {},
         bool data_is_kept = true)
        : books{data / "state", data_is_kept},
          state{io.get_executor(),
                core::DeviceState{.identity = {.version = "1.0.0", .slot = board.slot, .boot_id = board.id}}},
          settings{.compatible = "atomix-sim",
                   .slot_a = {data / "boot-a", data / "rootfs-a"},
                   .slot_b = {data / "boot-b", data / "rootfs-b"},
                   .attempts = kAttempts,
                   .poll = {.interval = std::chrono::hours{1}, .first = std::chrono::minutes{5}},
                   .flags = data / "config",
                   .windows = std::move(windows)},
          settlement{clock, env, books, update, log, kAttempts, board.id},
          updates{clock,
                  http,
                  workers,
                  board,
                  env,
                  books,
                  state,
                  update,
                  log,
                  settings,
                  {.clock_is_synchronised = [this]() -> core::Task<bool> { co_return clock_is_synchronised; },
                   .baseline = []() -> core::Task<core::Baseline> { co_return core::Baseline{}; },
                   .chance = [] { return 0.5; }}},
          life_cycle{clock, workers, board, env, books, settlement, updates, state, update, log, settings} {}

    ota::StartAction start() {
        auto const started = run_task(io, life_cycle.start());
        REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().text()));
        return *started;
    }
    void set_flags(core::Flags set) {
        core::Writer<&core::DeviceState::flags> flags{state};
        flags.set(std::move(set));
    }
    void judge(core::Verdict verdict) {
        core::Writer<&core::DeviceState::health> health{state};
        health.set({.verdict = verdict, .reason = "dns: silent"});
    }
};

struct Device {
    TemporaryDirectory data;
    FakeBoard board;
    MemoryBootEnv env;

    void remember(ota::UpdateRecord const& record) {
        ota::Books books{data / "state"};
        REQUIRE(books.set(record).has_value());
    }
    void remember_commit(core::Slot slot) {
        ota::Books books{data / "state"};
        REQUIRE(books.set(ota::Committed{.last = slot, .bundles = {{slot, sample_bundle("1.0.0", 9)}}})
                    .has_value());
    }
    ota::Books books() { return ota::Books{data / "state"}; }

    // From here on nothing can be written below <data>/state, nor read.
    void break_books() { test::break_books(data.path()); }
    void mend_books() { test::mend_books(data.path()); }

    void put_on_trial() {
        remember_commit(core::Slot::a);
        remember(sample_record(core::Phase::activated, "boot-1"));
        env.state = {
            .order = {core::Slot::b, core::Slot::a}, .left_a = 3, .left_b = 2, .trial = core::Slot::b};
        board.slot = core::Slot::b;
        board.id = "boot-2";
    }

    // U-Boot's rules, as far as a reboot here needs them: the first slot of the order with tries left,
    // counted down.
    void power_cycle() {
        auto const can_boot = [&](core::Slot slot) { return env.state.left(slot) > 0; };
        auto const slot = std::ranges::find_if(env.state.order, can_boot);
        REQUIRE(slot != env.state.order.end());
        --env.state.left(*slot);
        board.slot = *slot;
        board.id += "+";
        board.reboots.clear();
    }
};

// Runs the life cycle until nothing moves; false if the power went.
inline bool run_until_quiet(Boot& boot, std::optional<core::Verdict> verdict) {
    bool cut = false;
    core::asio::cancellation_signal stop;
    core::asio::co_spawn(boot.io, boot.life_cycle.run(),
                         core::asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr thrown) {
                             try {
                                 if (thrown) std::rethrow_exception(thrown);
                             } catch (PowerCut const&) {
                                 cut = true;
                             } catch (boost::system::system_error const&) {   // stopped below
                             }
                         }));
    boot.clock.settle();
    if (verdict && !cut) boot.judge(*verdict);
    boot.clock.settle();
    stop.emit(core::asio::cancellation_type::terminal);
    boot.clock.settle();
    return !cut;
}

}   // namespace test
