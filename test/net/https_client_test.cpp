// The client against a real nginx.

#include "net/https_client.hpp"

#include "net/https_web.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Errc;
using core::Task;
using test::Web;

TEST_CASE_FIXTURE(Web, "a file is fetched whole, and its head says what it is") {
    auto const reply = get(ask(nginx.url("file")));
    CHECK(!reply.failed);
    CHECK(reply.head.status == 200);
    CHECK(reply.body == "0123456789");
    CHECK((reply.head.content_length == 10u));
    CHECK(reply.head.etag.starts_with('"'));
    CHECK(reply.head.url == nginx.url("file"));
}

TEST_CASE_FIXTURE(Web, "a name that is looked up works as well as an address") {
    auto const reply = get(ask("https://localhost:" + std::to_string(nginx.port()) + "/file"));
    CHECK(!reply.failed);
    CHECK(reply.body == "0123456789");
}

TEST_CASE_FIXTURE(Web, "what has not changed is not sent again") {
    auto again = ask(nginx.url("file"));
    again.headers = {{"If-None-Match", get(again).head.etag}};
    auto const reply = get(again);
    CHECK(!reply.failed);
    CHECK(reply.head.status == 304);
    CHECK(reply.body == "");
}

TEST_CASE_FIXTURE(Web, "a range is fetched from the middle and from the end") {
    auto middle = ask(nginx.url("file"));
    middle.range = core::ByteRange{.first = 2, .last = 4};
    auto const some = get(middle);
    CHECK(some.head.status == 206);
    CHECK(some.body == "234");
    CHECK((some.head.content_range == core::ContentRange{2, 4, 10}));

    auto end = ask(nginx.url("file"));
    end.range = core::ByteRange{.first = std::nullopt, .last = 3};
    CHECK(get(end).body == "789");
}

TEST_CASE("a server without ranges answers with the whole file, and the status says so") {
    Web web{"max_ranges 0;"};
    auto request = Web::ask(web.nginx.url("file"));
    request.range = core::ByteRange{.first = 2, .last = 4};
    auto const reply = web.get(request);
    CHECK(reply.head.status == 200);
    CHECK(!reply.head.content_range);
    CHECK(reply.body == "0123456789");
}

TEST_CASE("an error status is an answer like any other") {
    Web web{"location /busy { add_header Retry-After 90 always; return 503 later; }"};
    auto const busy = web.get(Web::ask(web.nginx.url("busy")));
    CHECK(!busy.failed);
    CHECK(busy.head.status == 503);
    CHECK((busy.head.retry_after == 90s));
    CHECK(busy.body == "later");
    CHECK(web.get(Web::ask(web.nginx.url("absent"))).head.status == 404);
}

TEST_CASE("a redirect is followed, relative or not, and the head names where it led") {
    Web web{"location /relative { absolute_redirect off; return 302 /file; }\n"
            "location /absolute { return 308 https://localhost:$server_port/relative; }"};
    auto const reply = web.get(Web::ask(web.nginx.url("absolute")));
    CHECK(!reply.failed);
    CHECK(reply.body == "0123456789");
    CHECK(reply.head.url == "https://localhost:" + std::to_string(web.nginx.port()) + "/file");
}

TEST_CASE("the caller's headers do not follow a redirect to another host") {
    Web web{"location /away { return 302 https://localhost:$server_port/echo; }\n"
            "location /here { return 302 https://127.0.0.1:$server_port/echo; }\n"
            "location /echo { return 200 'token=$http_authorization etag=$http_if_none_match'; }"};
    auto request = Web::ask(web.nginx.url("here"));
    request.headers = {{"Authorization", "secret"}, {"If-None-Match", "v1"}};
    CHECK(web.get(request).body == "token=secret etag=v1");
    request.url = web.nginx.url("away");
    CHECK(web.get(request).body == "token= etag=v1");
}

TEST_CASE("a redirect that leaves https, or does not end, is refused") {
    Web web{"location /plain { return 302 http://127.0.0.1:1/file; }\n"
            "location /secret { return 302 http://me:secret@127.0.0.1/; }\n"
            "location /loop { return 302 https://$http_host/loop; }\n"
            "location /nowhere { return 302 ''; }"};
    auto const plain = web.get(Web::ask(web.nginx.url("plain")));
    REQUIRE(plain.failed);
    CHECK(plain.failed->text() == "redirect to http://127.0.0.1:1/file refused: only https [refused]");
    auto const secret = web.get(Web::ask(web.nginx.url("secret")));
    REQUIRE(secret.failed);
    CHECK(secret.failed->text() == "redirect to an address with a password refused: only https [refused]");
    auto const loop = web.get(Web::ask(web.nginx.url("loop")));
    REQUIRE(loop.failed);
    CHECK(loop.failed->text() ==
          "more than 5 redirects, the last by 127.0.0.1:" + std::to_string(web.nginx.port()) + " [refused]");
}

TEST_CASE_FIXTURE(Web, "an address that is not https is refused before anything is sent") {
    auto const reply = get(ask("http://127.0.0.1/file"));
    REQUIRE(reply.failed);
    CHECK(reply.failed->text() == "http://127.0.0.1/file refused: only https [refused]");
}

TEST_CASE_FIXTURE(Web, "a certificate is judged at the time that the request names, not at the clock's") {
    auto request = ask(nginx.url("file"));
    request.judge_at = test::kValidUntil + 1s;
    auto const late = get(request);
    REQUIRE(late.failed);
    CHECK(late.failed->text() ==
          "TLS with 127.0.0.1:" + std::to_string(nginx.port()) +
              " failed: certificate has expired (judged at 2049-01-01T00:00:01Z) [bad signature]");
    request.judge_at = test::kValidFrom - 1s;
    auto const early = get(request);
    REQUIRE(early.failed);
    CHECK(early.failed->context.ends_with("certificate is not yet valid (judged at 2019-12-31T23:59:59Z)"));
}

TEST_CASE_FIXTURE(Web, "at a floor of the time a certificate may begin later, and must not have ended") {
    auto request = ask(nginx.url("file"));
    request.judge_at_is_floor = true;
    request.judge_at = test::kValidFrom - 24h * 3660;
    CHECK(get(request).body == "0123456789");
    request.judge_at = test::kValidUntil + 1s;
    auto const late = get(request);
    REQUIRE(late.failed);
    CHECK(late.failed->context.find("certificate has expired") != std::string::npos);
}

TEST_CASE("a floor of the time makes no stranger known") {
    Web web;
    test::TemporaryDirectory elsewhere;
    auto const other = test::make_certificates(elsewhere.path());
    auto request = Web::ask(web.nginx.url("file"));
    request.judge_at_is_floor = true;
    auto const reply = web.get(std::move(request), other.ca);
    REQUIRE(reply.failed);
    CHECK(reply.failed->is(Errc::bad_signature));
}

TEST_CASE("an expired certificate is good at a time when it was valid") {
    auto const yesterday = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) - 24h;
    Web web{"", {.until = yesterday}};
    auto request = Web::ask(web.nginx.url("file"));
    request.judge_at = yesterday - 1h;
    CHECK(web.get(request).body == "0123456789");
    request.judge_at = yesterday + 1h;
    CHECK(web.get(request).failed->is(Errc::bad_signature));
}

TEST_CASE("a certificate for another name or address is refused") {
    Web web{"", {.alternative_names = "DNS:updates.example"}};
    auto const by_address = web.get(Web::ask(web.nginx.url("file")));
    REQUIRE(by_address.failed);
    CHECK(by_address.failed->is(Errc::bad_signature));
    CHECK(by_address.failed->context.ends_with("failed: IP address mismatch"));
    auto const by_name = web.get(Web::ask("https://localhost:" + std::to_string(web.nginx.port()) + "/"));
    REQUIRE(by_name.failed);
    CHECK(by_name.failed->context.ends_with("failed: hostname mismatch"));
}

TEST_CASE_FIXTURE(Web, "a server that nobody known vouches for is refused") {
    test::TemporaryDirectory elsewhere;
    auto const other = test::make_certificates(elsewhere.path());
    auto const reply = get(ask(nginx.url("file")), other.ca);
    REQUIRE(reply.failed);
    CHECK(reply.failed->is(Errc::bad_signature));

    auto const unknown = get(ask(nginx.url("file")), std::nullopt);   // the system does not know it either
    REQUIRE(unknown.failed);
    CHECK(unknown.failed->is(Errc::bad_signature));
    CHECK(unknown.failed->context.ends_with("failed: unable to get local issuer certificate"));
}

TEST_CASE_FIXTURE(Web, "authorities that cannot be read are named") {
    auto const missing = directory / "absent.pem";
    auto const reply = get(ask(nginx.url("file")), missing);
    REQUIRE(reply.failed);
    CHECK(reply.failed->is(Errc::io));
    CHECK(reply.failed->context.starts_with("cannot read the certificate authorities from " +
                                            missing.string()));
}

TEST_CASE("only TLS 1.2 and newer is spoken") {
    Web old{"ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"};
    auto const reply = old.get(Web::ask(old.nginx.url("file")));
    REQUIRE(reply.failed);
    CHECK(reply.failed->is(Errc::unreachable));
    CHECK(reply.failed->context.starts_with("TLS with 127.0.0.1:"));

    Web newer{"ssl_protocols TLSv1.2;"};
    CHECK(newer.get(Web::ask(newer.nginx.url("file"))).body == "0123456789");
}

TEST_CASE_FIXTURE(Web, "a port where nobody listens says so, with its address") {
    nginx.stop();
    auto const reply = get(ask(nginx.url("file")));
    REQUIRE(reply.failed);
    CHECK(reply.failed->text() == "could not connect to 127.0.0.1:" + std::to_string(nginx.port()) +
                                      ": Connection refused [unreachable]");
}

TEST_CASE_FIXTURE(Web, "a name that does not exist says so") {
    std::string const name = std::string(64, 'x') + ".invalid";   // too long a label: no name server is asked
    auto const reply = get(ask("https://" + name + "/"));
    REQUIRE(reply.failed);
    CHECK(reply.failed->is(Errc::no_address));
    CHECK(reply.failed->context.starts_with("could not find the address of " + name + ": "));
}

TEST_CASE_FIXTURE(Web, "a large body comes through unchanged") {
    std::string large(20'000'000, '\0');
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 13);
    nginx.serve("large", large);
    auto const reply = get(ask(nginx.url("large")));
    CHECK(!reply.failed);
    CHECK((reply.body == large));
}

TEST_CASE("a connection cut in mid-stream says how far it came") {
    Web web{"limit_rate 200k;"};
    web.nginx.serve("large", std::string(2'000'000, 'x'));
    auto client = web.client();
    auto const cut = [&]() -> Task<std::optional<core::Error>> {
        auto const stream = co_await client.open(Web::ask(web.nginx.url("large")));
        std::vector<std::byte> piece(10'000);
        std::span<std::byte> const room{piece};
        for (bool is_cut = false;;) {
            auto const got = co_await (*stream)->read(room);
            if (!got) co_return got.error();
            if (!std::exchange(is_cut, true)) web.nginx.cut_connections();
        }
    };
    auto const failed = test::run_task(web.io, cut());
    REQUIRE(failed);
    CHECK(failed->is(Errc::unreachable));
    CHECK(failed->context.find(" of 2000000 bytes: ") != std::string::npos);
}

TEST_CASE("a clock at its epoch, or after the end of 32-bit time, is a reason that the error names") {
    auto const year = [](int y) {
        return core::WallTime{std::chrono::sys_days{std::chrono::year{y} / 1 / 1}};
    };
    Web web{"", {.until = year(2035)}};
    auto request = Web::ask(web.nginx.url("file"));
    request.judge_at = year(1970);
    CHECK(web.get(request).failed->context.ends_with(
        "certificate is not yet valid (judged at 1970-01-01T00:00:00Z)"));
    request.judge_at = year(2036);
    CHECK(web.get(request).failed->context.ends_with(
        "certificate has expired (judged at 2036-01-01T00:00:00Z)"));
    request.judge_at = year(2030);
    CHECK(web.get(request).body == "0123456789");
}

TEST_CASE("a server that drips its head is given up after the limit for a reply") {
    Web web{"limit_rate 1;"};
    auto one = web.client();
    std::optional<test::Reply> reply;
    auto const take = [&]() -> Task<void> {
        reply = co_await test::fetch(one, Web::ask(web.nginx.url("file")));
    };
    core::asio::co_spawn(web.io, take(), [](std::exception_ptr) {});
    web.clock.settle();
    web.clock.advance(9s);
    CHECK(!reply);
    web.clock.advance(1s);
    REQUIRE(reply);
    REQUIRE(reply->failed);
    CHECK(reply->failed->is(Errc::timed_out));
    CHECK(reply->failed->context.starts_with("no answer from 127.0.0.1:"));
}

TEST_CASE("a server that drips its body is given up after 30 s of waiting") {
    Web web{"limit_rate_after 1k; limit_rate 1;"};
    web.nginx.serve("large", std::string(10'000, 'x'));
    auto one = web.client();
    std::optional<test::Reply> reply;
    bool began = false;
    auto const take = [&]() -> Task<void> {
        auto const stream = co_await one.open(Web::ask(web.nginx.url("large")));
        began = true;
        test::Reply got;
        auto const body = co_await core::read_all(**stream, 100'000);
        if (!body) got.failed = body.error();
        reply = got;
    };
    core::asio::co_spawn(web.io, take(), [](std::exception_ptr) {});
    web.io.restart();
    while (!began) web.io.run_one();
    web.clock.advance(29s);
    CHECK(!reply);
    web.clock.advance(1s);
    REQUIRE(reply);
    REQUIRE(reply->failed);
    CHECK(reply->failed->is(Errc::timed_out));
    CHECK(reply->failed->context.find(" from 127.0.0.1:" + std::to_string(web.nginx.port())) !=
          std::string::npos);
}

TEST_CASE("a busy server's wish is understood as seconds and as a date") {
    Web web{"location /429 { add_header Retry-After 5 always; return 429; }\n"
            "location /past { add_header Retry-After 'Sat, 01 Jan 2000 00:00:00 GMT' always; return 503; }\n"
            "location /never { add_header Retry-After 'Fri, 31 Dec 9999 23:59:59 GMT' always; return 503; }"};
    CHECK((web.get(Web::ask(web.nginx.url("429"))).head.retry_after == 5s));
    CHECK((web.get(Web::ask(web.nginx.url("past"))).head.retry_after == 0s));
    CHECK((web.get(Web::ask(web.nginx.url("never"))).head.retry_after == 24h * 3650));
}
