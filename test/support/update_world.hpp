#pragma once
// A device whose update task polls a server in memory: real bundles, slot files and state files, a fake
// clock.

#include "core/files.hpp"
#include "ota/update_task.hpp"
#include "support/broken_books.hpp"
#include "support/fake_board.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/memory_boot_env.hpp"
#include "support/memory_http.hpp"
#include "support/rauc_bundle.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

namespace test {

using namespace std::chrono_literals;
using core::Phase;
using core::Slot;

inline constexpr char const* kZstd = "-comp zstd -Xcompression-level 1";
inline std::string const kOldContent(3 << 20, 'o');

// The two things an update server has.
struct Server final : core::HttpClient {
    MemoryHttp offer;
    MemoryHttp bundle;
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override {
        return request.url.ends_with("/updates/latest") ? offer.open(std::move(request))
                                                        : bundle.open(std::move(request));
    }
};

inline std::string const& bundle_1_1_0() {
    static auto const bytes = rauc_bundle(small_images(), kZstd);
    return bytes;
}
inline std::string version_in_bundle() {
    static auto const version = [] {
        auto const text = manifest_for(small_images());
        auto const at = text.find("\nversion=") + 9;
        return text.substr(at, text.find('\n', at) - at);
    }();
    return version;
}

struct UpdateWorld {
    config::MaintenanceWindows windows;
    core::WallTime built;   // of the image: the floor for judging certificates
    bool clock_is_synchronised = true;
    TemporaryDirectory data;
    core::asio::io_context io;
    FakeClock clock{io};
    core::Workers workers{1};
    Server server;
    FakeBoard board;
    MemoryBootEnv env;
    std::shared_ptr<LogLines> lines = std::make_shared<LogLines>();
    ota::Books books{data / "state"};
    core::StateBus state{
        io.get_executor(),
        core::DeviceState{.identity = {.version = "1.0.0", .slot = Slot::a, .boot_id = "boot-1"}}};
    core::Writer<&core::DeviceState::update> update{state};
    std::vector<std::string> failing{"wan_lease"};
    ota::UpdateTask task{
        clock,
        server,
        workers,
        board,
        env,
        books,
        state,
        update,
        core::Log{lines, "ota"},
        {.compatible = "test-box",
         .built = built,
         .signers = {.keyring = trusted_pki().keyring},
         .slot_a = {data / "boot-a", data / "rootfs-a"},
         .slot_b = {data / "boot-b", data / "rootfs-b"},
         .attempts = 3,
         .poll = {.interval = 1h, .first = 2min},
         .server_url = "https://updates.example",
         .flags = data / "config",
         .windows = windows},
        {.clock_is_synchronised = [this]() -> core::Task<bool> { co_return clock_is_synchronised; },
         .baseline = [this]() -> core::Task<core::Baseline> {
             co_return core::Baseline{failing, {}};
         },
         .chance = [] { return 0.5; }}};
    core::asio::cancellation_signal stop;
    bool ended = false;

    explicit UpdateWorld(config::MaintenanceWindows windows_open = {}, core::WallTime image_built = {})
        : windows{std::move(windows_open)}, built{image_built} {
        clock.set_wall(core::SystemClock{}.wall_now());   // the bundle's certificates were made just now
        for (auto const* slot : {"boot-a", "rootfs-a", "boot-b", "rootfs-b"})
            REQUIRE(core::replace_file(data / slot, kOldContent).has_value());
        core::Writer<&core::DeviceState::links> links{state};
        links.set(
            {.wan = {.name = "eth0", .mac = "02:00:00:00:00:0a", .addresses = {"10.99.0.7/24"}}, .lan = {}});
        server.offer.file = R"({"version": ")" + version_in_bundle() +
                            R"(", "bundle_url": "https://updates.example/x.raucb"})";
        server.bundle.file = bundle_1_1_0();
        core::asio::co_spawn(
            io, task.run(),
            core::asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr) { ended = true; }));
        clock.settle();
    }
    ~UpdateWorld() {
        stop.emit(core::asio::cancellation_type::terminal);
        work_until([this] { return ended; });
    }

    // The pool works in its own time; bounded, in case it never gets there.
    template <class Condition> bool work_until(Condition condition) {
        auto const end = std::chrono::steady_clock::now() + 20s;
        while (!condition() && std::chrono::steady_clock::now() < end) {
            io.restart();
            if (io.run_one_for(20ms) == 0)
                clock.advance(1s);   // somebody sleeps: between two attempts, for example
        }
        return condition();
    }
    // Polls now, and works until that poll has ended one way or the other.
    void poll() {
        auto const before = state.now().update.last_poll;
        update.change([](core::Update& u) { u.error.clear(); });   // of an earlier poll
        clock.advance(1s);   // so that the time of the poll is another one
        task.poll_now();
        clock.settle();
        REQUIRE(work_until([&] {
            auto const& now = state.now().update;
            bool const over =
                now.phase != Phase::offered && now.phase != Phase::downloading && now.phase != Phase::written;
            return now.last_poll != before && over &&
                   (now.phase != Phase::activated || !board.reboots.empty()) &&
                   (!now.error.empty() || !now.note.empty() || now.phase == Phase::activated);
        }));
        clock.settle();
    }
    void set_flags(core::Flags set) {
        core::Writer<&core::DeviceState::flags> flags{state};
        flags.set(std::move(set));
    }
    // An update that is written and waits for the operator.
    void write_and_hold() {
        set_flags({"hold-updates"});
        task.poll_now();
        REQUIRE(work_until(
            [this] { return state.now().update.note.find("held by the flag") != std::string::npos; }));
    }
    bool is_error(std::string const& text) {
        return state.now().update.error.find(text) != std::string::npos;
    }
    bool slot_is_old(char const* name) { return read_whole(data / name) == kOldContent; }
    bool nothing_changed() {
        return env.writes == 0 && slot_is_old("boot-a") && slot_is_old("rootfs-a") && slot_is_old("boot-b") &&
               slot_is_old("rootfs-b");
    }
};

}   // namespace test
