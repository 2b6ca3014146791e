#include "ota/installation.hpp"

#include "core/files.hpp"
#include "ota/standing_problem.hpp"
#include "support/fake_board.hpp"
#include "support/hurried_clock.hpp"
#include "support/log_lines.hpp"
#include "support/memory_boot_env.hpp"
#include "support/memory_http.hpp"
#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"
#include "support/run_task.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using core::Errc;
using core::Phase;
using core::Slot;

namespace {

struct World {
    test::TemporaryDirectory data;
    core::asio::io_context io;
    test::HurriedClock clock;
    core::Workers workers{1};
    test::MemoryHttp http;
    test::MemoryBootEnv env;
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    ota::Books books{data / "state"};
    core::StateBus state{
        io.get_executor(),
        core::DeviceState{.identity = {.version = "1.0.0", .slot = Slot::a, .boot_id = "boot-1"}}};
    core::Writer<&core::DeviceState::update> update{state};
    ota::UpdateSettings settings{.compatible = "test-box",
                                 .signers = {.keyring = test::trusted_pki().keyring},
                                 .slot_a = {data / "boot-a", data / "rootfs-a"},
                                 .slot_b = {data / "boot-b", data / "rootfs-b"},
                                 .attempts = 3};
    test::Images const images = test::small_images();
    bool clock_is_trusted = true;

    World() {
        for (auto const* slot : {"boot-a", "rootfs-a", "boot-b", "rootfs-b"})
            test::write_whole(data / slot, std::string(3 << 20, 'o'));
    }
    void offer(std::string const& meta) {
        static auto const squashfs = test::squashfs_of(images, "-noD -noF");
        http.file = test::own_bundle(squashfs, test::manifest_for(images) + meta);
    }
    core::Result<void> install(std::optional<std::string> offered = "2.1") {
        ota::Installation installation{clock,   workers, env, books, state, update, core::Log{lines, "ota"},
                                       settings};
        ota::BundleSource source{.url = "https://updates.test/x.raucb", .judge_at = clock.wall_now()};
        ota::JudgingTime const time{.at = clock.wall_now(), .is_wall_clock = clock_is_trusted};
        return test::run_task(io, installation.run(http, source, std::move(offered), time));
    }
    bool is_written() const {
        return books.update() && books.update()->phase == Phase::written &&
               test::read_whole(data / "rootfs-b").starts_with(images.rootfs);
    }
    bool nothing_changed() const {
        return env.writes == 0 && !books.update() &&
               test::read_whole(data / "rootfs-b") == std::string(3 << 20, 'o');
    }
    void refused(std::string_view why) {
        auto const got = install();
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().is(Errc::refused));
        CHECK_MESSAGE(got.error().context.find(why) != std::string::npos, got.error().context);
        CHECK(nothing_changed());
    }
    void left_alone(std::string_view why) {
        CHECK(install().has_value());
        CHECK_MESSAGE(state.now().update.note.find(why) != std::string::npos, state.now().update.note);
        CHECK(nothing_changed());
    }
};

std::string in(std::chrono::hours from_now) {
    return core::print_wall_time(core::SystemClock{}.wall_now() + from_now);
}

}   // namespace

TEST_CASE_FIXTURE(World, "a bundle is written, and then waits for what comes next") {
    offer("");
    REQUIRE(install().has_value());
    CHECK(is_written());
    CHECK(env.state.order == std::vector{Slot::a});
    CHECK(!env.state.trial);
    CHECK(env.writes == 1);
    // The same bundle again is there already.
    auto const given = http.given;
    REQUIRE(install().has_value());
    CHECK(is_written());
    CHECK(http.given == given + 65'536);
    CHECK(env.writes == 1);
}

TEST_CASE_FIXTURE(World, "below the floor nothing is installed, but by a recovery bundle made for it") {
    ota::Committed committed;
    committed.floor = 7;
    REQUIRE(books.set(committed).has_value());
    SUBCASE("no index") {
        offer("");
        refused("floor of 7");
    }
    SUBCASE("a lower index") {
        offer("[meta.atomix]\nindex=6\n");
        refused("index 6");
    }
    SUBCASE("the floor of the running image") {
        settings.index = 9;
        offer("[meta.atomix]\nindex=8\n");
        refused("floor of 9");
    }
    SUBCASE("the same index") {
        offer("[meta.atomix]\nindex=7\n");
        REQUIRE(install().has_value());
        CHECK(is_written());
        CHECK(books.committed().floor == 7);
    }
    SUBCASE("a recovery bundle") {
        offer("[meta.atomix]\nindex=5\nlowers-floor-from=7\n");
        REQUIRE(install().has_value());
        CHECK(is_written());
        CHECK(books.committed().floor == 7);   // only a commit moves it
    }
    SUBCASE("an old recovery bundle") {
        offer("[meta.atomix]\nindex=5\nlowers-floor-from=6\n");
        refused("floor of 7");
    }
}

TEST_CASE_FIXTURE(World, "what the signed release says about boards, steps and time is kept to") {
    SUBCASE("a board that is too new") {
        settings.revision = 4;
        offer("[meta.atomix]\nmax-revision=3\n");
        refused("revision");
    }
    SUBCASE("a step left out") {
        settings.index = 2;
        offer("[meta.atomix]\nindex=9\nmin-index=5\n");
        refused("5");
    }
    SUBCASE("issued next year") {
        offer("[meta.atomix]\nissued=" + in(24h * 365) + "\n");
        refused("issued");
    }
    SUBCASE("issued next year, and the clock may be wrong") {
        clock_is_trusted = false;
        offer("[meta.atomix]\nissued=" + in(24h * 365) + "\n");
        CHECK(install().has_value());
        CHECK(is_written());
    }
    SUBCASE("a wave that comes later") {
        offer("[meta.atomix]\nissued=" + in(-1h) + "\nwaves=1d:1 2d:100\n");
        left_alone("rollout");
    }
    SUBCASE("the operator wants security updates only") {
        settings.only_security = true;
        offer("");
        left_alone("security");
        offer("[meta.atomix]\nsecurity=true\n");
        CHECK(install().has_value());
        CHECK(is_written());
    }
}

TEST_CASE_FIXTURE(
    World,
    "a version that differs from the offered one is refused, a bundle without an offer is not") {
    offer("");
    auto const got = install("2.2");
    REQUIRE_FALSE(got.has_value());
    CHECK(nothing_changed());
    CHECK(install(std::nullopt).has_value());
    CHECK(is_written());
}

TEST_CASE_FIXTURE(World, "a slot that lost what an earlier attempt left is not called written") {
    offer("");
    auto const squashfs = test::squashfs_of(images, "-comp gzip -b 1M");
    http.file = test::own_bundle(squashfs, test::manifest_for(images));
    // A record that claims whole MiB which the slot does not hold.
    ota::BundleSource const source{.url = "https://updates.test/x.raucb", .judge_at = clock.wall_now()};
    auto const head = test::run_task(io, ota::fetch_head(http, source, settings.signers));
    REQUIRE(head.has_value());
    ota::Progress lie{.manifest_hash = head->manifest_hash, .target = Slot::b};
    lie.rootfs = {{1, core::sha256(std::string_view{"something else"})}};
    REQUIRE(books.progress_file().write(ota::to_json(lie)).has_value());
    REQUIRE(install().has_value());
    CHECK(is_written());
}

TEST_CASE_FIXTURE(World, "a boot environment that was lost meanwhile is begun anew, and that is said once") {
    env.state = {.order = {Slot::a, Slot::b}, .left_a = 3, .left_b = 3, .trial = std::nullopt, .lost = true};
    offer("");
    REQUIRE(install().has_value());
    CHECK(is_written());
    CHECK_FALSE(env.state.lost);
    CHECK(env.state.order == std::vector{Slot::a});
    CHECK(state.now().update.problems.size() == 1);
    CHECK(std::ranges::count_if(lines->lines, [](std::string const& line) {
              return line.starts_with("ota: boot environment was lost");
          }) == 1);
}

TEST_CASE_FIXTURE(World, "a problem is logged and shown once") {
    core::Log const log{lines, "ota"};
    ota::add_problem(update, log, "it rains", "wet");
    ota::add_problem(update, log, "it rains", "wet");
    CHECK(state.now().update.problems == std::vector<std::string>{"wet"});
    CHECK(lines->lines == std::vector<std::string>{"ota: it rains why=wet"});
}
