// Which requests share a connection.

#include "net/http_idle.hpp"
#include "net/https_client.hpp"

#include "net/faulty_server.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Errc;
using test::FaultyServer;
using test::Then;
using test::Web;

TEST_CASE_FIXTURE(Web, "requests in quick succession share one connection") {
    auto one = client();
    for (std::uint64_t i = 0; i < 10; ++i) {
        auto request = ask(nginx.url("file"));
        request.range = core::ByteRange{.first = i, .last = i};
        CHECK(test::run_task(io, test::fetch(one, request)).body == std::to_string(i));
        clock.advance(15s);
    }
    CHECK(nginx.connections(10) == 1);
}

TEST_CASE_FIXTURE(Web, "a connection that rested longer than 15 s is not used again") {
    auto one = client();
    CHECK(get(one, "file").body == "0123456789");
    clock.advance(15s + 1ms);
    CHECK(get(one, "file").body == "0123456789");
    CHECK(nginx.connections(2) == 2);
}

TEST_CASE_FIXTURE(Web, "a resting connection gives the loop nothing to do") {
    auto one = client();
    CHECK(get(one, "file").body == "0123456789");
    io.restart();
    io.run();   // would not return
    CHECK(get(one, "file").body == "0123456789");
    CHECK(nginx.connections(2) == 1);
}

TEST_CASE_FIXTURE(Web, "another host, port, time of judgement or client has a connection of its own") {
    auto one = client();
    CHECK(get(one, "file").body == "0123456789");
    auto other = ask("https://localhost:" + std::to_string(nginx.port()) + "/file");
    CHECK(test::run_task(io, test::fetch(one, other)).body == "0123456789");
    other.judge_at += 1s;
    CHECK(test::run_task(io, test::fetch(one, other)).body == "0123456789");
    auto second = client();
    CHECK(test::run_task(io, test::fetch(second, other)).body == "0123456789");
    CHECK(nginx.connections(4) == 4);
}

// Else a certificate that has expired meanwhile would be good as long as somebody asks often enough.
TEST_CASE_FIXTURE(Web, "a kept connection is no way around a judgement") {
    auto one = client();
    CHECK(get(one, "file").body == "0123456789");
    auto late = ask(nginx.url("file"));
    late.judge_at = test::kValidUntil + 1s;
    auto const reply = test::run_task(io, test::fetch(one, late));
    REQUIRE(reply.failed);
    CHECK(reply.failed->is(Errc::bad_signature));
}

TEST_CASE("a reply that was not read to its end takes its connection with it") {
    Web web;
    web.nginx.serve("large", std::string(2'000'000, 'x'));
    auto one = web.client();
    auto const look = [&]() -> core::Task<bool> {
        auto const stream = co_await one.open(Web::ask(web.nginx.url("large")));
        co_return stream.has_value();
    };
    CHECK(test::run_task(web.io, look()));
    CHECK(web.get(one, "file").body == "0123456789");
    CHECK(web.nginx.connections(2) == 2);
}

TEST_CASE("two replies at once have two connections, and the next request takes one of them") {
    Web web;
    auto one = web.client();
    auto const both = [&]() -> core::Task<std::string> {
        auto const first = co_await one.open(Web::ask(web.nginx.url("file")));
        auto const second = co_await one.open(Web::ask(web.nginx.url("file")));
        auto const a = co_await core::read_all(**first, 100);
        auto const b = co_await core::read_all(**second, 100);
        co_return *a + *b;
    };
    CHECK(test::run_task(web.io, both()) == "01234567890123456789");
    CHECK(web.get(one, "file").body == "0123456789");
    CHECK(web.nginx.connections(3) == 2);
}

TEST_CASE("a reply may be read after its client has gone") {
    Web web;
    auto const outlive = [&]() -> core::Task<std::string> {
        auto one = std::make_unique<net::HttpsClient>(web.clock, web.certificates.ca, "atomixd/test",
                                                      net::HttpsOptions{{}, test::no_environment});
        auto const stream = co_await one->open(Web::ask(web.nginx.url("file")));
        one.reset();
        auto const body = co_await core::read_all(**stream, 100);
        co_return *body;
    };
    CHECK(test::run_task(web.io, outlive()) == "0123456789");
}

TEST_CASE("a server that ends connections is asked on new ones") {
    struct {
        char const* directives;
        std::size_t connections;
    } const cases[] = {
        {"keepalive_timeout 0;", 5}, {"keepalive_requests 2;", 3}, {"keepalive_timeout 60;", 1}};
    for (auto const& c : cases) {
        CAPTURE(c.directives);
        Web web{c.directives};
        auto one = web.client();
        for (int i = 0; i < 5; ++i) CHECK(web.get(one, "file").body == "0123456789");
        CHECK(web.nginx.connections(5) == c.connections);
    }
}

TEST_CASE_FIXTURE(Web, "a connection that the server has closed while it rested is replaced") {
    auto one = client();
    CHECK(get(one, "file").body == "0123456789");
    nginx.cut_connections();
    auto const reply = get(one, "file");
    CHECK(!reply.failed);
    CHECK(reply.body == "0123456789");
}

TEST_CASE("no connection waits for the next poll") {
    Web web{"location /none { return 204; }\nlocation /busy { return 503; }"};
    auto one = web.client();
    auto again = Web::ask(web.nginx.url("file"));
    again.headers = {{"If-None-Match", web.get(one, "file").head.etag}};
    CHECK(test::run_task(web.io, test::fetch(one, again)).head.status == 304);   // shares the first one
    CHECK(web.get(one, "none").head.status == 204);
    CHECK(web.get(one, "busy").head.status == 503);
    CHECK(web.get(one, "file").body == "0123456789");
    CHECK(web.nginx.connections(5) == 4);
}

TEST_CASE_FIXTURE(FaultyServer, "a kept connection that fails before the reply is replaced, unseen") {
    std::string const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for (auto const end : {Then::goodbye, Then::cut, Then::reset}) {
        CAPTURE(static_cast<int>(end));
        connections = 0;
        serve_all({hello, ""}, end);   // takes the second request and closes
        serve_all({hello}, Then::silence);
        get();
        CHECK(body == "hello");
        clock.settle();
        get();
        CHECK(!failed);
        CHECK(body == "hello");
        CHECK(connections == 2);
        clock.advance(16s);
    }
}

TEST_CASE_FIXTURE(FaultyServer, "a fresh connection that fails is not replaced once more") {
    serve_all({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", ""}, Then::goodbye);
    serve_all({""}, Then::goodbye);
    serve_all({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}, Then::goodbye);
    get();
    get();
    REQUIRE(failed);
    CHECK(failed->is(Errc::unreachable));
    CHECK(connections == 2);
}

TEST_CASE_FIXTURE(FaultyServer, "a reply that has begun on a kept connection is not asked for again") {
    serve_all({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200"}, Then::goodbye);
    serve_all({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}, Then::goodbye);
    get();
    get();
    REQUIRE(failed);
    CHECK(failed->context.starts_with("the connection was lost before the reply was complete"));
    CHECK(connections == 1);
}

// Such bytes would be taken for the next reply: somebody else's, behind a careless proxy.
TEST_CASE_FIXTURE(FaultyServer, "a connection on which more came than was asked for is not used again") {
    std::string const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    serve_all({hello + hello, ""}, Then::silence);
    serve_all({hello}, Then::silence);
    get();
    CHECK(body == "hello");
    get();
    CHECK(body == "hello");
    CHECK(connections == 2);
}
