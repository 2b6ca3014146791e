// atomix_install_once DEVICE [URL]: one update as atomixd does it, wired as in main.cpp, from the server's
// offer to the reboot that follows the activation; there it ends. For test/bench/install and
// test/bench/delta.
//
// DEVICE holds boot.0 rootfs.0 (slot A, which runs) boot.1 rootfs.1 (slot B, spare), fw_env.config, ca.pem
// (who signs bundles), tls-ca.pem, state/ and, if the running boot partition is "mounted", boot-files/.
// Without a URL nothing is asked and nothing done: what the program costs by itself. Prints {"fetched": N,
// "total": N, "peak_kib": N}: bytes of the bundle's data (what else came over the wire only the server
// knows), and this process's VmHWM.

#include "core/race.hpp"
#include "net/https_client.hpp"
#include "ota/uboot_env.hpp"
#include "ota/update_task.hpp"
#include "support/run_task.hpp"

#include <fstream>
#include <iostream>

namespace {

using core::Task;

constexpr int kAttempts = 3;
constexpr auto kLimit = std::chrono::minutes{30};

class EndingBoard final : public core::Board {
public:
    explicit EndingBoard(core::asio::io_context& io) : asked_{io.get_executor(), false} {}

    std::string name() const override { return "bench"; }
    core::Result<core::Slot> booted_slot() const override { return core::Slot::a; }
    core::Result<std::string> boot_id() const override { return std::string{"this boot"}; }
    Task<core::Result<void>> reboot(std::string) override {
        asked_.publish(true);
        co_return core::Result<void>{};
    }
    Task<void> reboot_asked() {
        for (auto seen = asked_.get(); !*seen;) seen = co_await asked_.changed_from(seen);
    }

private:
    core::Observable<bool> asked_;
};

// The first poll did not lead to an activation, and the update task has said why.
Task<void> given_up(core::StateBus& state) {
    auto seen = state.get();
    while (seen->update.error.empty() && seen->update.note.empty()) {
        auto const next = co_await state.changed_from(seen);
        seen = next;
    }
}

Task<bool>
activated(EndingBoard& board, core::StateBus& state, ota::UpdateTask& updates, core::Clock& clock) {
    auto rebooting = core::ends_before(updates.run(), board.reboot_asked());
    auto failing = core::ends_before(given_up(state), clock.sleep_for(kLimit));
    auto failed = [](Task<bool> task) -> Task<void> { co_await std::move(task); };
    auto const done = co_await core::first_of(std::move(rebooting), failed(std::move(failing)));
    co_return done.has_value();
}

ota::UpdateSettings settings_of(std::filesystem::path const& device, std::optional<std::string> url) {
    ota::UpdateSettings settings{.compatible = "atomix-sim",
                                 .slot_a = {device / "boot.0", device / "rootfs.0"},
                                 .slot_b = {device / "boot.1", device / "rootfs.1"},
                                 .attempts = kAttempts,
                                 .poll = {.interval = std::chrono::hours{1}, .first = std::chrono::hours{1}},
                                 .server_url = std::move(url),
                                 .flags = device / "config"};
    settings.signers.keyring = device / "ca.pem";
    if (std::filesystem::is_directory(device / "boot-files")) settings.boot_files = device / "boot-files";
    return settings;
}

// The kernel's count for this program alone; what wait4 tells begins with the parent's.
unsigned long peak_kib() {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (unsigned long kib = 0; word == "VmHWM:" && status >> kib) return kib;
    return 0;
}

// A device that has once committed knows what it runs, and need not read its own slot to find out.
ota::Committed what_runs() {
    return {.last = core::Slot::a, .bundles = {{core::Slot::a, {.version = "old"}}}};
}

int run(std::filesystem::path const& device, std::optional<std::string> const& url) {
    core::Log const log{core::standard_error_sink(core::Level::info), "bench"};
    core::SystemClock clock;
    ota::Books books{device / "state"};
    core::asio::io_context io{1};
    core::Workers workers{2};
    EndingBoard board{io};
    core::StateBus state{
        io.get_executor(),
        core::DeviceState{.identity = {.version = "old", .slot = core::Slot::a, .boot_id = "this boot"}}};
    net::HttpsClient https{clock, device / "tls-ca.pem", "atomixd/bench"};
    ota::UbootEnv boot_env{workers, device / "fw_env.config", kAttempts};
    core::Writer<&core::DeviceState::update> const update{state};
    ota::UpdateTask updates{clock,
                            https,
                            workers,
                            board,
                            boot_env,
                            books,
                            state,
                            update,
                            log.for_component("ota"),
                            settings_of(device, url),
                            {.clock_is_synchronised = []() -> Task<bool> { co_return true; },
                             .baseline = []() -> Task<core::Baseline> { co_return core::Baseline{}; },
                             .chance = [] { return 0.5; }}};
    if (auto const kept = books.set(what_runs()); !kept) {
        std::cerr << kept.error().text() << '\n';
        return 1;
    }
    updates.poll_now();
    bool const done = test::run_task(io, activated(board, state, updates, clock));
    auto const& said = state.now().update;
    if (url && !done) {
        std::cerr << "not activated: " << said.error << said.note << '\n';
        return 1;
    }
    std::cout << "{\"fetched\": " << said.fetched_bytes << ", \"total\": " << said.total_bytes
              << ", \"peak_kib\": " << peak_kib() << "}\n";
    return 0;
}

}   // namespace

int main(int count, char** words) {
    if (count != 2 && count != 3) {
        std::cerr << "atomix_install_once DEVICE [URL]\n";
        return 2;
    }
    auto const url = count == 3 ? std::optional<std::string>{words[2]} : std::nullopt;
    return run(words[1], url);
}
