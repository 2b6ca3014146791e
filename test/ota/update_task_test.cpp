#include "ota/update_task.hpp"

#include "core/files.hpp"
#include "support/fake_board.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/memory_boot_env.hpp"
#include "support/memory_http.hpp"
#include "support/ota_samples.hpp"
#include "support/rauc_bundle.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <doctest/doctest.h>

#include <algorithm>

using namespace std::chrono_literals;
using core::Phase;
using core::Slot;

namespace {

constexpr char const* kZstd = "-comp zstd -Xcompression-level 1";
std::string const kOldContent(3 << 20, 'o');

// The two things an update server has.
struct Server final : core::HttpClient {
    test::MemoryHttp offer;
    test::MemoryHttp bundle;
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override {
        return request.url.ends_with("/updates/latest") ? offer.open(std::move(request))
                                                        : bundle.open(std::move(request));
    }
};

std::string const& bundle_1_1_0() {
    static auto const bytes = test::rauc_bundle(test::small_images(), kZstd);
    return bytes;
}
std::string version_in_bundle() {
    static auto const version = [] {
        auto const text = test::manifest_for(test::small_images());
        auto const at = text.find("\nversion=") + 9;
        return text.substr(at, text.find('\n', at) - at);
    }();
    return version;
}

struct World {
    test::TemporaryDirectory data;
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::Workers workers{1};
    Server server;
    test::FakeBoard board;
    test::MemoryBootEnv env;
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
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
         .signers = {.keyring = test::trusted_pki().keyring},
         .slot_a = {data / "boot-a", data / "rootfs-a"},
         .slot_b = {data / "boot-b", data / "rootfs-b"},
         .attempts = 3,
         .poll = {.interval = 1h, .first = 2min},
         .server_url = "https://updates.example",
         .flags = data / "config"},
        {.clock_is_synchronised = []() -> core::Task<bool> { co_return true; },
         .failing_probes = [this]() -> core::Task<std::vector<std::string>> { co_return failing; },
         .chance = [] { return 0.5; }}};
    core::asio::cancellation_signal stop;
    bool ended = false;

    World() {
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
    ~World() {
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
    bool slot_is_old(char const* name) { return test::read_whole(data / name) == kOldContent; }
    bool nothing_changed() {
        return env.writes == 0 && slot_is_old("boot-a") && slot_is_old("rootfs-a") && slot_is_old("boot-b") &&
               slot_is_old("rootfs-b");
    }
};

}   // namespace

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
    CHECK(books.update()->baseline == failing);
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
        std::function<void(Server&)> spoil;
        char const* want;
    } const cases[] = {
        {"HTTP error", [](Server& s) { s.offer.status = 500; }, "answered 500"},
        {"304 to the first question", [](Server& s) { s.offer.status = 304; }, "answered 304"},
        {"not JSON", [](Server& s) { s.offer.file = "<html>"; }, "not JSON"},
        {"endless reply", [](Server& s) { s.offer.file = std::string(100'000, 'x'); },
         "longer than 65536 bytes"},
        {"incomplete reply", [](Server& s) { s.offer.file = R"({"version": "2"})"; }, "bundle_url"},
        {"another version signed",
         [](Server& s) {
             s.offer.file = R"({"version": "9.9.9", "bundle_url": "https://updates.example/x"})";
         },
         "the signed manifest says"},
        {"no ranges", [](Server& s) { s.bundle.has_ranges = false; }, "does not support ranges"},
        {"bundle missing", [](Server& s) { s.bundle.status = 404; }, "404"},
        {"unknown signer",
         [](Server& s) {
             s.bundle.file = test::rauc_bundle(test::small_images(), kZstd, test::stranger_pki());
         },
         "checking the signature"},
        {"truncated", [](Server& s) { s.bundle.file.resize(s.bundle.file.size() / 2); },
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
    CHECK(books.update()->baseline == std::vector<std::string>{"dns"});
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
    CHECK(server.offer.requests.size() == 4);
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
