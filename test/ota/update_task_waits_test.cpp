#include "ota/update_task.hpp"

#include "support/ota_samples.hpp"
#include "support/run_task.hpp"
#include "support/update_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using core::Phase;
using core::Slot;
using test::bundle_1_1_0;
using test::kZstd;
using test::version_in_bundle;
using World = test::UpdateWorld;

namespace {

// Two hours before a window opens, for ten hours.
struct WindowWorld : World {
    WindowWorld() : World{{window_in(2h)}} {}
    static config::MaintenanceWindow window_in(std::chrono::hours later) {
        auto const now = core::SystemClock{}.wall_now();
        auto const minute =
            std::chrono::floor<std::chrono::minutes>(now - std::chrono::floor<std::chrono::days>(now));
        auto const from = (minute + later) % std::chrono::minutes{24h};
        return {.from = from, .to = (from + 10h) % std::chrono::minutes{24h}};
    }
};

}   // namespace

TEST_CASE_FIXTURE(WindowWorld, "outside of the window an update is written, and activated when it opens") {
    task.poll_now();
    REQUIRE(work_until(
        [this] { return state.now().update.note.find("waits for the window") != std::string::npos; }));
    CHECK(state.now().update.note.find("which opens at") != std::string::npos);
    CHECK(state.now().update.phase == Phase::written);
    clock.advance(50min);
    CHECK(board.reboots.empty());
    clock.advance(80min);
    REQUIRE(work_until([this] { return !board.reboots.empty(); }));
    CHECK(env.state.trial == Slot::b);
}

TEST_CASE_FIXTURE(WindowWorld,
                  "a window means nothing to a clock that nobody vouches for, and that is said") {
    task.poll_now();
    REQUIRE(work_until([this] { return state.now().update.note.find("opens at") != std::string::npos; }));
    clock_is_synchronised = false;
    clock.advance(140min);   // with a poll in between, which cannot judge the signature any more
    CHECK(
        work_until([this] { return state.now().update.note.find("not synchronised") != std::string::npos; }));
    CHECK(board.reboots.empty());
    clock_is_synchronised = true;
    clock.advance(2min);
    CHECK(work_until([this] { return !board.reboots.empty(); }));
}

TEST_CASE_FIXTURE(World, "a server that wants to be asked later about the bundle is asked later") {
    server.bundle.status = 503;
    server.bundle.retry_after = 2h;
    poll();
    CHECK(state.now().update.error.find("503") != std::string::npos);
    auto const asked = server.offer.requests.size();
    clock.advance(119min);
    CHECK(server.offer.requests.size() == asked);
    server.bundle.status = 0;
    clock.advance(2min);
    CHECK(work_until([&] { return server.offer.requests.size() > asked; }));
    CHECK(work_until([this] { return !board.reboots.empty(); }));
}

TEST_CASE_FIXTURE(World,
                  "with the flag hold-updates an update is written, and activated once the flag is gone") {
    core::Writer<&core::DeviceState::flags> flags{state};
    flags.set({"hold-updates"});
    ota::Committed committed;   // known, so that no poll has to look into the running slot
    committed.bundles[Slot::a] = test::sample_bundle("1.0.0", 9);
    REQUIRE(books.set(committed).has_value());
    task.poll_now();
    REQUIRE(
        work_until([this] { return state.now().update.note.find("held by the flag") != std::string::npos; }));
    CHECK(state.now().update.phase == Phase::written);
    CHECK(state.now().update.note == "version 2.1 is written; it is held by the flag hold-updates");
    CHECK(!env.state.trial);
    CHECK(board.reboots.empty());

    // Offers of the same bundle while it waits fetch its signature and nothing else.
    server.bundle.given = 0;
    for (std::size_t const polls : {2, 3}) {
        clock.advance(80min);
        CHECK(server.offer.requests.size() == polls);
        CHECK(state.now().update.note.find("held by") != std::string::npos);
    }
    CHECK(server.bundle.given == 2 * 65'536);
    CHECK(state.now().update.phase == Phase::written);

    failing = {"dns"};   // the baseline is taken now
    flags.set({});
    REQUIRE(work_until([this] { return !board.reboots.empty(); }));
    CHECK(env.state.trial == Slot::b);
    CHECK(books.update()->baseline.failing == std::vector<std::string>{"dns"});
}

TEST_CASE_FIXTURE(World, "a bundle in a file is installed like one from the server") {
    test::write_whole(data / "x.raucb", bundle_1_1_0());
    std::optional<core::Result<void>> got;
    auto const install = [&](std::filesystem::path path) {
        got.reset();
        core::asio::co_spawn(io, task.install_from(std::move(path)),
                             [&](std::exception_ptr, core::Result<void> result) { got = std::move(result); });
        REQUIRE(work_until([&] { return got.has_value(); }));
    };
    SUBCASE("the file itself") {
        install(data / "x.raucb");
        REQUIRE(got->has_value());
        CHECK(work_until([this] { return !board.reboots.empty(); }));
        CHECK(env.state.trial == Slot::b);
        CHECK(server.bundle.requests.empty());
    }
    SUBCASE("the newest of a directory that may be installed") {
        test::write_whole(data / "broken.raucb", "nonsense");
        install(data.path());
        REQUIRE(got->has_value());
        CHECK(work_until([this] { return !board.reboots.empty(); }));
    }
    SUBCASE("of several in a directory the one with the highest index, whatever its name") {
        std::filesystem::remove(data / "x.raucb");
        auto const squashfs = test::squashfs_of(test::small_images(), kZstd);
        struct {
            char const* name;
            std::string index;
        } const bundles[] = {{"a.raucb", "5"}, {"b.raucb", "7"}, {"c.raucb", "6"}};
        for (auto const& bundle : bundles) {
            auto manifest = test::manifest_for(test::small_images());
            manifest.replace(manifest.find("version=2.1"), 11, "version=2." + bundle.index);
            manifest += "[meta.atomix]\nindex=" + bundle.index + "\n";
            test::write_whole(data / bundle.name, test::own_bundle(squashfs, manifest));
        }
        install(data.path());
        REQUIRE_MESSAGE(got->has_value(), (*got ? "" : got->error().text()));
        CHECK(work_until([this] { return !board.reboots.empty(); }));
        CHECK(books.update()->bundle.index == 7);
        CHECK(books.update()->bundle.version == "2.7");
    }
    SUBCASE("a directory without one") {
        std::filesystem::remove(data / "x.raucb");
        install(data.path());
        REQUIRE_FALSE(got->has_value());
        CHECK(got->error().context == "no bundle here can be installed: there is no file *.raucb");
        CHECK(nothing_changed());
    }
    SUBCASE("a file that is none") {
        test::write_whole(data / "x.raucb", "nonsense");
        install(data / "x.raucb");
        REQUIRE_FALSE(got->has_value());
        CHECK(nothing_changed());
    }
    SUBCASE("what is in the ledger stays out, also as a file") {
        ota::BundleSource const source{.url = "https://updates.example/x.raucb",
                                       .judge_at = clock.wall_now()};
        auto const head = test::run_task(
            io, ota::fetch_head(server.bundle, source, {.keyring = test::trusted_pki().keyring}));
        REQUIRE(head.has_value());
        ota::Ledger ledger;
        ledger.add({.bundle = ota::installed(head->manifest, head->manifest_hash), .reason = "dns: silent"});
        REQUIRE(books.set(ledger).has_value());
        install(data / "x.raucb");
        CHECK(got->has_value());
        CHECK(state.now().update.note.find("was rejected") != std::string::npos);
        CHECK(nothing_changed());
    }
}

TEST_CASE_FIXTURE(World, "no file is installed over an update that is about to be booted") {
    test::write_whole(data / "x.raucb", bundle_1_1_0());
    poll();
    REQUIRE(board.reboots.size() == 1);
    auto const writes = env.writes;
    auto const got = test::run_task(io, task.install_from(data / "x.raucb"));
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().is(core::Errc::refused));
    CHECK(env.writes == writes);
    CHECK(env.state.trial == Slot::b);
}

TEST_CASE_FIXTURE(World, "a retry flag that is set while a poll is under way asks for the next one") {
    server.offer.status = 204;
    core::Writer<&core::DeviceState::flags> flags{state};
    server.offer.before_reply = [&](test::MemoryHttp& http, core::HttpRequest const&) {
        http.before_reply = nullptr;
        flags.set({"retry-update"});
    };
    task.poll_now();
    clock.settle();
    CHECK(server.offer.requests.size() == 2);
    clock.settle();
    CHECK(server.offer.requests.size() == 2);   // once, though nobody has taken the flag from the state yet
}

TEST_CASE_FIXTURE(World,
                  "a written update that waits is not forgotten for an offer whose tables cannot be read") {
    core::Writer<&core::DeviceState::flags> flags{state};
    flags.set({"hold-updates"});
    task.poll_now();
    REQUIRE(
        work_until([this] { return state.now().update.note.find("held by the flag") != std::string::npos; }));

    auto const other = test::rauc_bundle({test::noise(700'000, 90), test::noise(900'000, 91)}, kZstd);
    server.bundle.file = other;
    server.bundle.etag = "\"other\"";
    server.bundle.before_reply = [n = 0](test::MemoryHttp& http, core::HttpRequest const&) mutable {
        if (n++ > 0) http.status = 500;
    };
    task.poll_now();
    REQUIRE(work_until([this] { return state.now().update.error.find("500") != std::string::npos; }));
    REQUIRE(books.update());
    CHECK(books.update()->phase == Phase::written);
    flags.set({});
    REQUIRE(work_until([this] { return !board.reboots.empty(); }));
    CHECK(env.state.trial == Slot::b);
    CHECK(test::read_whole(data / "rootfs-b").starts_with(test::small_images().rootfs));
}
