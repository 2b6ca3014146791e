// The installer, our HTTPS client and a real nginx that is slow, breaks off, lies or asks to be left alone.

#include "net/https_client.hpp"

#include "support/fake_clock.hpp"
#include "support/install_world.hpp"
#include "support/nginx.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Errc;

namespace {

// Chunked, so that no length betrays a lie; which takes the ETag away.
std::string const kWithoutLength = "sub_filter_types *; sub_filter no-such-words '';\n";
std::string const kWithoutEtag = "etag off;";

// A line between client and server: how fast it is, on a clock that nobody waits for, and what happens on it.
struct Line final : core::HttpClient {
    core::HttpClient& beyond;
    test::HurriedClock& clock;
    std::uint64_t rate = 0;   // bytes per second; 0: no time passes
    std::function<void(std::uint64_t of_this_reply)> arrived = [](std::uint64_t) {};
    std::uint64_t received = 0;

    Line(core::HttpClient& client, test::HurriedClock& time) : beyond{client}, clock{time} {}

    struct Stream final : core::HttpStream {
        std::unique_ptr<core::HttpStream> beyond;
        Line& line;
        std::uint64_t received = 0;

        Stream(std::unique_ptr<core::HttpStream> from, Line& on) : beyond{std::move(from)}, line{on} {}
        core::HttpHead const& head() const override { return beyond->head(); }
        core::Task<core::Result<std::size_t>> read(std::span<std::byte> into) override {
            auto const room = line.rate > 0 ? into.first(std::min(into.size(), line.rate)) : into;
            auto const got = co_await beyond->read(room);
            if (!got) co_return got;
            received += *got;
            line.received += *got;
            if (line.rate > 0) line.clock.pass(core::Duration{1s} * *got / line.rate);
            line.arrived(received);
            co_return got;
        }
    };
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override {
        auto opened = co_await beyond.open(std::move(request));
        if (!opened) co_return opened;
        co_return std::make_unique<Stream>(std::move(*opened), *this);
    }
};

struct World : test::InstallWorld {
    test::Images const images{.boot = test::noise(500'000, 71), .rootfs = test::noise(700'000, 72)};
    std::string const bundle = test::rauc_bundle(images, "-noD -noF -comp zstd");
    test::Certificates certificates = test::make_certificates(at.path());
    std::optional<test::Nginx> nginx;
    test::FakeClock still{io};   // the client's limits never end by themselves
    net::HttpsClient client{still, certificates.ca, "atomixd/test", {{}, [](char const*) {
                                                                         return std::nullopt;
                                                                     }}};
    Line line{client, clock};

    // `directives` are for every request, `stream` for the first one of the images' data, which begins at 0;
    // to $last then. What it does not say itself it may ask /inner for, as another server behind it.
    void serve(std::string const& directives = {}, std::string const& stream = {}) {
        auto const file = (at / "nginx/www/x.raucb").string();
        auto const choice =
            R"(if ($http_range ~ "^bytes=0-(\d{6,})$") { set $last $1; rewrite ^ /stream last; })";
        std::filesystem::create_directories(at / "nginx");
        nginx.emplace(at / "nginx", certificates,
                      "location = /x.raucb {\n" + directives + "\n" + (stream.empty() ? "" : choice) +
                          "\n}\n" + "location = /inner { alias " + file + "; }\n" + "location = /stream {\n" +
                          stream + "\n}\n");
        nginx->serve("x.raucb", bundle);
        source.url = nginx->url("x.raucb");
    }
    static std::string ask_inner(std::string const& range) {
        return "proxy_pass https://127.0.0.1:$server_port/inner; proxy_set_header If-Range '';\n"
               "proxy_set_header Range " +
               range + ";\n";
    }
    // Whatever comes, it is said to be what was asked for.
    std::string pretend() const {
        return "proxy_hide_header Content-Range; add_header Content-Range 'bytes 0-$last/" +
               std::to_string(bundle.size()) + "';\n";
    }

    core::Result<void> install() { return test::run_task(io, all_steps()); }
    core::Task<core::Result<void>> all_steps() {
        ota::SignerRules const rules{.keyring = test::trusted_pki().keyring};
        auto const head = co_await ota::fetch_head(line, source, rules);
        if (!head) co_return head.error();
        auto const plan = co_await ota::fetch_plan(line, clock, workers, source, *head, patience);
        if (!plan) co_return plan.error();
        auto const nothing = ota::nothing_found(**plan);
        auto how = steps([this](ota::WriteProgress now) { progress.push_back(now); });
        co_return co_await ota::write_images(line, clock, workers, source, *plan, targets, nothing, patience,
                                             std::move(how));
    }

    // Neither a boot sector nor a byte of the bundle that nobody vouched for: what is in a slot behind its
    // cleared head is either what was there or what belongs there.
    bool holds_only_verified_bytes() const {
        auto const is_mixture = [](std::string const& slot, std::string const& old,
                                   std::string const& image) {
            for (std::size_t i = 4096; i < slot.size(); ++i)
                if (slot[i] != old[i] && (i >= image.size() || slot[i] != image[i])) return false;
            return true;
        };
        return is_mixture(test::read_whole(targets.boot), old_boot, images.boot) &&
               is_mixture(test::read_whole(targets.rootfs), old_rootfs, images.rootfs);
    }
    void check_failed(core::Result<void> const& got, Errc code, std::string_view says) {
        REQUIRE_FALSE(got.has_value());
        CHECK_MESSAGE(got.error().is(code), got.error().text());
        CHECK_MESSAGE(got.error().context.find(says) != std::string::npos, got.error().text());
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "an update comes through a server that sends it slowly") {
    serve("limit_rate 1m;");   // the last of it is held back for a moment
    REQUIRE(install());
    CHECK(holds(images));
    CHECK(clock.sleeps.empty());   // one stream, never broken
}

TEST_CASE_FIXTURE(World,
                  "an update comes through a network that breaks every connection, byte by byte once") {
    serve("limit_rate_after 300k; limit_rate 1k;");   // what is not sent yet when it breaks stays unsent
    line.arrived = [this](std::uint64_t of_this_reply) {
        if (of_this_reply >= 250'000) nginx->cut_connections();
    };
    auto const got = install();
    REQUIRE(got);
    CHECK(holds(images));
    CHECK(clock.sleeps.size() >= 3);
    CHECK(line.received < bundle.size() + 200'000);   // head, tree and tables are in both
    CHECK(progress.back().fetched == progress.back().total);
}

TEST_CASE_FIXTURE(World, "a server that is gone in mid-stream leaves slots that cannot boot") {
    serve("limit_rate_after 300k; limit_rate 1k;");
    line.arrived = [this](std::uint64_t of_this_reply) {
        if (of_this_reply >= 250'000) nginx->stop();
    };
    check_failed(install(), Errc::unreachable, "Connection refused");
    CHECK(clock.sleeps == std::vector<core::Duration>{1s, 2s, 4s, 8s});
    CHECK(cannot_boot());
    CHECK(holds_only_verified_bytes());

    line.arrived = [](std::uint64_t) {};
    serve();
    REQUIRE(install());
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(World, "a line below the minimum rate is given up, one just above it is not") {
    serve();
    SUBCASE("below") {
        line.rate = 900;
        check_failed(install(), Errc::timed_out, "bytes per second came from the server, fewer than 1024");
        CHECK(clock.sleeps == std::vector<core::Duration>{1s, 1s, 2s, 4s, 8s});   // the tables, then the data
        CHECK(cannot_boot());
        CHECK(holds_only_verified_bytes());
    }
    SUBCASE("just above") {
        line.rate = 1'100;
        REQUIRE(install());
        CHECK(holds(images));
        CHECK(clock.sleeps.empty());
    }
}

TEST_CASE_FIXTURE(World, "a body that is longer than its range is left where the range ends") {
    serve(kWithoutEtag, ask_inner("bytes=0-") + pretend() + kWithoutLength);
    REQUIRE(install());
    CHECK(holds(images));
    CHECK(clock.sleeps.empty());
}

TEST_CASE_FIXTURE(World, "a body that is shorter than its range is gone on with by another request") {
    serve(kWithoutEtag, ask_inner("bytes=0-299999") + pretend() + kWithoutLength);
    REQUIRE(install());
    CHECK(holds(images));
    CHECK(clock.sleeps == std::vector<core::Duration>{1s});
    CHECK(nginx->access_log().find("bytes=300000-") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "other bytes under the right label are noticed before one of them is written") {
    serve(kWithoutEtag, ask_inner("bytes=4096-") + pretend() + kWithoutLength);
    check_failed(install(), Errc::bad_signature, "block 0 ");
    CHECK(cannot_boot());
    CHECK(holds_only_verified_bytes());
}

TEST_CASE_FIXTURE(World, "a reply that is not what was asked for does not cost the spare slot") {
    struct {
        char const* name;
        std::string stream;
        Errc code;
        char const* says;
    } const cases[] = {
        {"another range", ask_inner("bytes=4096-"), Errc::bad_input, "another range than asked for"},
        {"more bytes than the range has", ask_inner("bytes=0-") + pretend(), Errc::bad_input,
         "no valid Content-Range"},
        {"fewer bytes than the range has", ask_inner("bytes=0-299999") + pretend(), Errc::bad_input,
         "no valid Content-Range"},
        {"the whole file", ask_inner("''"), Errc::changed, "the bundle changed on the server"},
        {"some bytes of nobody knows what", "add_header Content-Range 'bytes 0-9/10'; return 206 0123456789;",
         Errc::changed, "the bundle changed on the server"},
        {"a page that forbids it", "return 403 no;", Errc::refused, "HTTP 403"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        serve({}, c.stream);
        check_failed(install(), c.code, c.says);
        CHECK(is_untouched());
        CHECK(clock.sleeps.empty());
    }
}

TEST_CASE_FIXTURE(World,
                  "a server that asks to come back later is asked once, and the spare slot is as it was") {
    for (auto const* status : {"429", "503"}) {
        CAPTURE(status);
        serve({}, std::string{"add_header Retry-After 120 always; return "} + status + ";");
        check_failed(install(), Errc::unreachable, std::string{"HTTP "} + status);
        CHECK(*source.retry_after == core::Duration{120s});
        CHECK(is_untouched());
        CHECK(clock.sleeps.empty());
    }
}

TEST_CASE_FIXTURE(World, "a server that breaks off and then asks to come back later ends the attempt") {
    serve("limit_rate_after 300k; limit_rate 1k;\n"
          "add_header Retry-After 90 always; if (-f $document_root/busy) { return 429; }");
    line.arrived = [this](std::uint64_t of_this_reply) {
        if (of_this_reply < 250'000) return;
        nginx->serve("busy", "");
        nginx->cut_connections();
    };
    check_failed(install(), Errc::unreachable, "HTTP 429");
    CHECK(*source.retry_after == core::Duration{90s});
    CHECK(clock.sleeps == std::vector<core::Duration>{1s});   // after the break, and never again
    CHECK(cannot_boot());
    CHECK(holds_only_verified_bytes());
}
