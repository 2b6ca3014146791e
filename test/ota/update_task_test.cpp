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

TEST_CASE_FIXTURE(World, "an offered update is written to the spare slot, activated and rebooted into") {
    poll();
    auto const images = test::small_images();
    CHECK(test::read_whole(data / "boot-b").starts_with(images.boot));
    CHECK(test::read_whole(data / "rootfs-b").starts_with(images.rootfs));
    CHECK(slot_is_old("boot-a"));
    CHECK(env.state.trial == Slot::b);
    CHECK(env.state.order == std::vector{Slot::b, Slot::a});
    CHECK(board.reboots.size() == 1);
    REQUIRE(books.update());
    CHECK(books.update()->phase == Phase::activated);
    CHECK(books.update()->baseline.failing == failing);
    CHECK(books.update()->boot_id == "boot-1");
    CHECK(state.now().update.done_bytes > 0);
}

TEST_CASE_FIXTURE(World, "the server is told who asks and which version runs") {
    server.offer.status = 204;
    poll();
    auto const& headers = server.offer.requests.at(0).headers;
    CHECK(server.offer.requests.at(0).url == "https://updates.example/api/v1/updates/latest");
    CHECK(std::ranges::find(headers, std::pair<std::string, std::string>{"X-Device-ID", "02000000000a"}) !=
          headers.end());
    CHECK(std::ranges::find(headers, std::pair<std::string, std::string>{"X-Current-Version", "1.0.0"}) !=
          headers.end());
}

TEST_CASE_FIXTURE(World, "a poll that is asked for while one is under way follows it") {
    server.offer.status = 204;
    server.offer.before_reply = [this](test::MemoryHttp& http, core::HttpRequest const&) {
        http.before_reply = nullptr;
        task.poll_now();
    };
    task.poll_now();
    clock.settle();
    CHECK(server.offer.requests.size() == 2);
}

TEST_CASE_FIXTURE(World, "the version that runs already is not fetched") {
    server.offer.file = R"({"version": "1.0.0", "bundle_url": "https://updates.example/x.raucb"})";
    poll();
    CHECK(server.bundle.requests.empty());
    CHECK(state.now().update.note == "up to date");
    CHECK(nothing_changed());
}

TEST_CASE_FIXTURE(World, "what goes wrong before the body is one log line, is shown, and changes nothing") {
    struct {
        char const* name;
        std::function<void(test::Server&)> spoil;
        char const* want;
    } const cases[] = {
        {"HTTP error", [](test::Server& s) { s.offer.status = 500; }, "answered 500"},
        {"304 to the first question", [](test::Server& s) { s.offer.status = 304; }, "answered 304"},
        {"not JSON", [](test::Server& s) { s.offer.file = "<html>"; }, "not JSON"},
        {"endless reply", [](test::Server& s) { s.offer.file = std::string(100'000, 'x'); },
         "longer than 65536 bytes"},
        {"incomplete reply", [](test::Server& s) { s.offer.file = R"({"version": "2"})"; }, "bundle_url"},
        {"another version signed",
         [](test::Server& s) {
             s.offer.file = R"({"version": "9.9.9", "bundle_url": "https://updates.example/x"})";
         },
         "the signed manifest says"},
        {"no ranges", [](test::Server& s) { s.bundle.has_ranges = false; }, "does not support ranges"},
        {"bundle missing", [](test::Server& s) { s.bundle.status = 404; }, "404"},
        {"unknown signer",
         [](test::Server& s) {
             s.bundle.file = test::rauc_bundle(test::small_images(), kZstd, test::stranger_pki());
         },
         "checking the signature"},
        {"truncated", [](test::Server& s) { s.bundle.file.resize(s.bundle.file.size() / 2); },
         "checking the signature"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        server.offer = {};
        server.bundle = {};
        server.offer.file = R"({"version": ")" + version_in_bundle() +
                            R"(", "bundle_url": "https://updates.example/x.raucb"})";
        server.bundle.file = bundle_1_1_0();
        c.spoil(server);
        lines->lines.clear();
        update.change([](core::Update& u) { u.error.clear(), u.note.clear(); });
        poll();
        CHECK_MESSAGE(state.now().update.error.find(c.want) != std::string::npos, state.now().update.error);
        REQUIRE(lines->lines.size() == 1);
        CHECK(lines->lines[0].starts_with("ota: update failed, will retry why="));
        CHECK(nothing_changed());
    }
}

TEST_CASE_FIXTURE(World, "a server that refuses the data at the last moment costs nothing") {
    server.bundle.before_reply = [](test::MemoryHttp& http, core::HttpRequest const& request) {
        bool const is_data = request.range && request.range->first == 0u && request.range->last > 65536;
        if (is_data) http.status = 503;
    };
    poll();
    CHECK_MESSAGE(state.now().update.error.find("503") != std::string::npos, state.now().update.error);
    CHECK(nothing_changed());
}

TEST_CASE_FIXTURE(World,
                  "an image larger than its slot and a missing slot are refused before anything is touched") {
    auto const target = data / "rootfs-b";
    char const* want = "";
    SUBCASE("too small") {
        REQUIRE(core::replace_file(target, "tiny").has_value());
        want = "rootfs";
    }
    SUBCASE("missing") {
        std::filesystem::remove(target);
        want = "rootfs-b";
    }
    poll();
    CHECK_MESSAGE(state.now().update.error.find(want) != std::string::npos, state.now().update.error);
    CHECK(env.writes == 0);
    CHECK(slot_is_old("boot-b"));
}

TEST_CASE_FIXTURE(World, "with an unreadable boot environment no slot is touched") {
    env.broken = core::fail(core::Errc::io, "the boot environment is unreadable");
    poll();
    CHECK(state.now().update.error.find("unreadable") != std::string::npos);
    CHECK(nothing_changed());
}

TEST_CASE_FIXTURE(World, "an activation that took effect counts, whatever the store said of it") {
    server.bundle.before_reply = [this](test::MemoryHttp&, core::HttpRequest const&) {
        env.denies_success = env.writes == 1;   // from the second store on
    };
    poll();
    CHECK(env.state.trial == Slot::b);
    CHECK(books.update()->phase == Phase::activated);
    CHECK(board.reboots.size() == 1);
}

TEST_CASE_FIXTURE(World, "a connection lost in mid-stream is taken up again within the same poll") {
    server.bundle.drop_after = 100'000;
    poll();
    CHECK(env.state.trial == Slot::b);
    CHECK(server.bundle.given < server.bundle.file.size() + 200'000);
}

TEST_CASE_FIXTURE(
    World,
    "a server that goes away leaves a slot that cannot boot, and the next poll goes on from there") {
    server.bundle.drop_after = server.bundle.file.size() * 3 / 4;
    server.bundle.before_reply = [this](test::MemoryHttp& http, core::HttpRequest const&) {
        if (http.given > http.file.size() / 2) http.status = 404;
    };
    poll();
    CHECK_MESSAGE(state.now().update.error.find("404") != std::string::npos, state.now().update.error);
    CHECK(env.state.order == std::vector{Slot::a});
    CHECK(!env.state.trial);
    CHECK(test::read_whole(data / "boot-b").starts_with(std::string(4096, '\0')));
    REQUIRE(books.update());
    CHECK(books.update()->phase == Phase::idle);
    CHECK(slot_is_old("boot-a"));
    CHECK(env.writes == 1);

    server.bundle.drop_after = test::MemoryHttp::kNever;
    server.bundle.before_reply = nullptr;
    server.bundle.status = 0;
    server.bundle.given = 0;
    poll();
    CHECK(env.state.trial == Slot::b);
    CHECK(server.bundle.given < server.bundle.file.size());   // tail, tree and tables again included
    CHECK(env.writes == 2);                                   // it was marked bad already
    auto const images = test::small_images();
    CHECK(test::read_whole(data / "boot-b").starts_with(images.boot));
    CHECK(test::read_whole(data / "rootfs-b").starts_with(images.rootfs));
}

TEST_CASE_FIXTURE(World, "a bundle that is replaced on the server while it is read is begun again at once") {
    server.bundle.before_reply = [n = 0](test::MemoryHttp& http, core::HttpRequest const&) mutable {
        if (++n == 3) http.etag = "\"2\"";
    };
    poll();
    CHECK(env.state.trial == Slot::b);
}

TEST_CASE_FIXTURE(World, "a rejected bundle is not installed again, which is said once and shown always") {
    auto const manifest = [&] {
        ota::BundleSource const source{.url = "https://updates.example/x.raucb",
                                       .judge_at = clock.wall_now()};
        auto head = test::run_task(
            io, ota::fetch_head(server.bundle, source, {.keyring = test::trusted_pki().keyring}));
        REQUIRE(head.has_value());
        return *head;
    }();
    ota::Ledger ledger;
    ledger.add({.bundle = ota::installed(manifest.manifest, manifest.manifest_hash),
                .reason = "dns: silent",
                .at = clock.wall_now()});
    REQUIRE(books.set(ledger).has_value());

    for (int i = 0; i < 50; ++i) poll();
    CHECK(nothing_changed());
    CHECK(state.now().update.note.find("was rejected on") != std::string::npos);
    CHECK(lines->lines.size() == 1);

    // Until the operator asks for another try.
    REQUIRE(core::replace_file(data / "config/retry-update", "").has_value());
    core::Writer<&core::DeviceState::flags> flags{state};
    flags.set({"retry-update"});   // asks for a poll by itself
    CHECK(work_until([this] { return !board.reboots.empty(); }));
    CHECK(env.state.trial == Slot::b);
    CHECK(!std::filesystem::exists(data / "config/retry-update"));
}

TEST_CASE_FIXTURE(World, "images that the running slot holds already are not installed, even unrecorded") {
    auto const images = test::small_images();
    REQUIRE(core::replace_file(data / "boot-a", images.boot + "rest of the partition").has_value());
    REQUIRE(core::replace_file(data / "rootfs-a", images.rootfs).has_value());
    poll();
    CHECK(env.writes == 0);
    CHECK(state.now().update.note == "the running slot already holds these images");
}

TEST_CASE_FIXTURE(
    World,
    "the first poll comes by itself, then one an interval, and the WAN coming up asks for one") {
    server.offer.status = 204;
    clock.advance(59s);
    CHECK(server.offer.requests.empty());
    clock.advance(2s);
    CHECK(server.offer.requests.size() == 1);
    clock.advance(58min);
    CHECK(server.offer.requests.size() == 1);
    clock.advance(3min);
    CHECK(server.offer.requests.size() == 2);

    server.offer.status = 500;
    task.poll_now();
    clock.settle();
    CHECK(server.offer.requests.size() == 3);
    core::Writer<&core::DeviceState::links> links{state};
    auto up = links.now();
    links.set({});
    clock.settle();
    links.set(up);
    clock.settle();
    CHECK(server.offer.requests.size() == 3);   // not all devices of a provider at once
    clock.advance(31s);
    CHECK(server.offer.requests.size() == 4);
}

TEST_CASE_FIXTURE(World, "a server that asked for time gets it, also when the WAN comes and goes") {
    server.offer.status = 503;
    server.offer.retry_after = 2h;
    task.poll_now();
    clock.settle();
    CHECK(server.offer.requests.size() == 1);
    core::Writer<&core::DeviceState::links> links{state};
    auto const up = links.now();
    for (int i = 0; i < 10; ++i) {
        links.set({});
        clock.settle();
        links.set(up);
        clock.advance(10min);
    }
    CHECK(server.offer.requests.size() == 1);
    clock.advance(30min);
    CHECK(server.offer.requests.size() == 2);
}
