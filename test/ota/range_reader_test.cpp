#include "ota/range_reader.hpp"

#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Errc;

namespace {

struct World : test::InstallWorld {
    ota::BundleHead head{.total_size = 1'000'000, .etag = "\"1\""};

    World() { http.file = test::noise(1'000'000, 9); }

    ota::RangeReader reader() { return {http, clock, source, head, patience}; }
    core::Result<void> begin(ota::RangeReader& from, std::uint64_t offset, std::uint64_t end) {
        return test::run_task(io, from.begin(offset, end));
    }
    core::Result<std::string> read(ota::RangeReader& from, std::size_t size) {
        std::string bytes(size, '\0');
        auto const got = test::run_task(io, from.read(std::as_writable_bytes(std::span{bytes})));
        if (!got) return got.error();
        return bytes;
    }
    std::string header(std::size_t request, std::string_view name) {
        for (auto const& [key, value] : http.requests.at(request).headers)
            if (key == name) return value;
        return {};
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a lost connection is taken up again where it ended, and every byte comes once") {
    http.drop_after = 300'000;
    auto from = reader();
    REQUIRE(begin(from, 0, 1'000'000).has_value());
    auto const got = read(from, 1'000'000);
    REQUIRE(got.has_value());
    CHECK(*got == http.file);
    CHECK(http.ranges() ==
          std::vector<std::string>{"0-999999", "300000-999999", "600000-999999", "900000-999999"});
    CHECK(from.received() == 1'000'000);
    CHECK(http.given == 1'000'000);
    // an attempt that brought something is no failure in a row
    CHECK(clock.sleeps == std::vector<core::Duration>{1s, 1s, 1s});
}

TEST_CASE_FIXTURE(World, "what is asked for must be of the same file: If-Range with a strong ETag only") {
    auto from = reader();
    REQUIRE(begin(from, 5, 10).has_value());
    CHECK(header(0, "If-Range") == "\"1\"");
    CHECK(header(0, "X-Token") == "t");

    http.etag = head.etag = "W/\"1\"";
    auto weak = reader();
    REQUIRE(begin(weak, 5, 10).has_value());
    CHECK(header(1, "If-Range").empty());
}

TEST_CASE_FIXTURE(World,
                  "another file on the server is told from a lost connection, and not asked for again") {
    http.drop_after = 300'000;
    http.before_reply = [](test::MemoryHttp& server, core::HttpRequest const& request) {
        if (request.range->first != 0u) server.etag = "\"2\"";   // replaced by now
    };
    auto from = reader();
    REQUIRE(begin(from, 0, 1'000'000).has_value());
    auto const got = read(from, 1'000'000);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().is(Errc::changed));
    CHECK(http.requests.size() == 2);
}

TEST_CASE_FIXTURE(World, "a server that wants to be left alone is left alone") {
    http.drop_after = 300'000;
    http.before_reply = [](test::MemoryHttp& server, core::HttpRequest const& request) {
        if (request.range->first != 0u) server.status = 503;
        server.retry_after = 120s;
    };
    auto from = reader();
    REQUIRE(begin(from, 0, 1'000'000).has_value());
    auto const got = read(from, 1'000'000);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().is(Errc::unreachable));
    CHECK(http.requests.size() == 2);
    REQUIRE(source.retry_after->has_value());
    CHECK(**source.retry_after == 120s);
}

TEST_CASE_FIXTURE(World, "a server that is ill for a moment is tried again") {
    http.drop_after = 300'000;
    http.before_reply = [n = 0](test::MemoryHttp& server, core::HttpRequest const&) mutable {
        server.status = n++ == 1 ? 502 : 0;
    };
    auto from = reader();
    REQUIRE(begin(from, 0, 400'000).has_value());
    CHECK(read(from, 400'000).has_value());
    CHECK(http.requests.size() == 3);
}

TEST_CASE_FIXTURE(World, "a bundle that is gone in mid-stream is not waited for") {
    http.drop_after = 300'000;
    http.before_reply = [n = 0](test::MemoryHttp& server, core::HttpRequest const&) mutable {
        server.status = n++ == 1 ? 404 : 0;
    };
    auto from = reader();
    REQUIRE(begin(from, 0, 400'000).has_value());
    auto const got = read(from, 400'000);
    REQUIRE(!got.has_value());
    CHECK(got.error().is(Errc::not_found));
    CHECK(http.requests.size() == 2);
}

TEST_CASE_FIXTURE(World, "a download below the minimum rate is a lost connection, a slow storage is not") {
    http.clock = &clock;
    http.piece = 1'000;
    SUBCASE("slow network") {
        http.read_time = 2s;   // 500 bytes a second
        auto from = reader();
        REQUIRE(begin(from, 0, 1'000'000).has_value());
        auto const got = read(from, 1'000'000);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().is(Errc::timed_out));
        CHECK(got.error().context == "only 500 bytes per second came from the server, fewer than 1024");
        CHECK(http.requests.size() == patience.attempts);
    }
    SUBCASE("slow storage") {
        auto from = reader();
        REQUIRE(begin(from, 0, 1'000'000).has_value());
        for (int i = 0; i < 100; ++i) {
            CHECK(read(from, 10'000).has_value());
            clock.pass(60s);
        }
        CHECK(http.requests.size() == 1);
    }
}

TEST_CASE_FIXTURE(World, "a download ends when its time is over, however steadily it drips") {
    http.clock = &clock;
    http.piece = 2'000;
    http.read_time = 1s;
    patience.until = clock.now() + 100s;
    auto from = reader();
    REQUIRE(begin(from, 0, 1'000'000).has_value());
    auto const got = read(from, 1'000'000);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().is(Errc::timed_out));
    CHECK(got.error().context == "the download took longer than update.download_limit allows");
    CHECK(from.received() == 200'000);
}

TEST_CASE_FIXTURE(World, "stretches are requested one by one and only as far as they go") {
    auto from = reader();
    REQUIRE(begin(from, 100, 1'100).has_value());
    CHECK(*read(from, 400) == http.file.substr(100, 400));
    REQUIRE(begin(from, 500, 1'100).has_value());   // goes on
    CHECK(*read(from, 600) == http.file.substr(500, 600));
    REQUIRE(begin(from, 5'000, 6'000).has_value());
    CHECK(*read(from, 1'000) == http.file.substr(5'000, 1'000));
    CHECK(http.ranges() == std::vector<std::string>{"100-1099", "5000-5999"});
}

TEST_CASE_FIXTURE(World,
                  "an earlier wish to be asked later does not end a download that the server gives by now") {
    source.retry_after = std::make_shared<std::optional<core::Duration>>(5h);   // of another request
    http.before_reply = [](test::MemoryHttp& server, core::HttpRequest const&) {
        server.drop_after = server.requests.size() == 1 ? 400 : test::MemoryHttp::kNever;
    };
    auto from = reader();
    REQUIRE(begin(from, 0, 1'000).has_value());
    auto const got = read(from, 1'000);
    REQUIRE(got.has_value());
    CHECK(*got == http.file.substr(0, 1'000));
    CHECK_FALSE(source.retry_after->has_value());
}
