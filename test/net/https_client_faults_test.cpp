// The client against a server that nginx would never be: TLS is right, what it carries is not.

#include "net/https_client.hpp"

#include "net/faulty_server.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
namespace asio = core::asio;
using asio::ip::tcp;
using core::Errc;
using test::Then;
using World = test::FaultyServer;

TEST_CASE_FIXTURE(World, "a complete body is good even when the server forgets to say goodbye") {
    get("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Then::cut);
    CHECK(!failed);
    CHECK(body == "hello");
}

TEST_CASE_FIXTURE(World, "a body that ends with the connection needs the goodbye") {
    get("HTTP/1.1 200 OK\r\n\r\nhello", Then::goodbye);
    CHECK(!failed);
    CHECK(body == "hello");
}

TEST_CASE_FIXTURE(World, "a body without length that is cut is not taken for complete") {
    get("HTTP/1.1 200 OK\r\n\r\nhello", Then::cut);
    CHECK(body == "hello");
    REQUIRE(failed);
    CHECK(failed->text() == "the connection was lost after 5 bytes: stream truncated [unreachable]");
}

TEST_CASE_FIXTURE(World, "a truncated body gives what came, and then says what is missing") {
    get("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", Then::goodbye);
    CHECK(body == "hello");
    REQUIRE(failed);
    CHECK(failed->text() ==
          "the connection was lost after 5 of 11 bytes: closed by the server [unreachable]");
}

TEST_CASE_FIXTURE(World, "a server that closes without an answer is named") {
    get("", Then::goodbye);
    REQUIRE(failed);
    CHECK(failed->text() ==
          "the connection was lost before the reply was complete: closed by the server; while waiting "
          "for the reply of " +
              peer() + " [unreachable]");
}

TEST_CASE_FIXTURE(World, "garbage instead of HTTP is bad input") {
    get("SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n", Then::goodbye);
    REQUIRE(failed);
    CHECK(failed->is(Errc::bad_input));
    CHECK(failed->context.starts_with("the reply is not HTTP: "));
}

// The sentence goes into the log and the status page's JSON, which must stay UTF-8.
TEST_CASE_FIXTURE(World, "an address that is not ASCII is shown without those bytes") {
    get("HTTP/1.1 302 Found\r\nLocation: https://x/\xff\x9b\r\nContent-Length: 0\r\n\r\n", Then::goodbye);
    REQUIRE(failed);
    CHECK(failed->context.starts_with("redirect to https://x/?? refused: "));
}

TEST_CASE_FIXTURE(World, "a head over 16 KiB is bad input") {
    get("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", Then::goodbye);
    REQUIRE(failed);
    CHECK(failed->text() == "the reply is not HTTP: header limit exceeded; while waiting for the reply of " +
                                peer() + " [bad input]");
}

TEST_CASE_FIXTURE(World, "a chunked body is put together, and a broken chunk ends it") {
    get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n", Then::goodbye);
    CHECK(body == "hello");
    REQUIRE(failed);
    CHECK(failed->is(Errc::bad_input));
}

TEST_CASE_FIXTURE(World, "a body that stalls is given up after 30 s, not before") {
    serve("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", Then::silence);
    start();
    run_until([&] { return body == "hello"; });
    clock.advance(29s);
    CHECK(!ended);
    clock.advance(1s);
    CHECK(ended);
    REQUIRE(failed);
    CHECK(failed->text() == "no data from " + peer() + " for 30 s [timed out]");
}

// Else one install would go on for years, and no other update would ever be looked for.
TEST_CASE_FIXTURE(World, "a body that drips in is given up once 30 s of waiting gave next to nothing") {
    serve("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhello", Then::drip);
    start();
    run_until([&] { return body == "hello"; });
    clock.advance(20s);
    run_until([&] { return body == "hellox"; });
    clock.settle();
    CHECK(!ended);
    clock.advance(10s);
    REQUIRE(ended);
    REQUIRE(failed);
    CHECK(failed->text() == "only 1 bytes from " + peer() + " in 30 s [timed out]");
}

TEST_CASE_FIXTURE(
    World,
    "a server that accepts and says nothing is given up after 10 s, with the step that it took") {
    bool connected = false;
    tcp::socket silent{io};
    acceptor.async_accept(silent, [&](boost::system::error_code) { connected = true; });
    start();
    run_until([&] { return connected; });
    clock.advance(9s);
    CHECK(!ended);
    clock.advance(1s);
    CHECK(ended);
    REQUIRE(failed);
    CHECK(failed->text() == "no answer from " + peer() + " within 10 s (TLS) [timed out]");
}

TEST_CASE_FIXTURE(World, "a server that is not TLS is told apart from a bad certificate") {
    tcp::socket plain{io};
    std::string const banner = "SSH-2.0-OpenSSH_9.2p1 Debian\r\n";
    acceptor.async_accept(plain,
                          [&](boost::system::error_code) { asio::write(plain, asio::buffer(banner)); });
    start();
    run_until([&] { return ended; });
    REQUIRE(failed);
    CHECK(failed->is(Errc::unreachable));
    CHECK(failed->context.starts_with("TLS with " + peer() + " failed: "));
    CHECK(failed->context.find("wrong version number") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "a cancellation in mid-stream leaves as an exception, not as a time-out") {
    serve("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", Then::silence);
    start();
    run_until([&] { return body == "hello"; });
    clock.settle();
    stop.emit(asio::cancellation_type::terminal);
    run_until([&] { return ended; });
    CHECK(cancelled);
    CHECK(!failed);
}

TEST_CASE_FIXTURE(World, "a connection that is reset in mid-stream says how far it came") {
    get("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", Then::reset);
    REQUIRE(failed);
    CHECK(failed->is(Errc::unreachable));
    CHECK(failed->context.starts_with("the connection was lost after "));
    CHECK(failed->context.find(" of 11 bytes: ") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "a body without end is left at the caller's limit, and the connection with it") {
    serve("HTTP/1.1 200 OK\r\n\r\n", Then::endless);
    core::HttpRequest request;
    request.url = "https://" + peer() + "/";
    request.judge_at = clock.wall_now();
    std::optional<core::Result<std::string>> got;
    auto const read = [&]() -> core::Task<void> {
        auto const stream = co_await client.open(std::move(request));
        got = co_await core::read_all(**stream, 100'000);
    };
    asio::co_spawn(io, read(), [](std::exception_ptr) {});
    run_until([&] { return got.has_value(); });
    REQUIRE(!*got);
    CHECK(got->error().is(Errc::too_large));
    run_until([&] { return servers.size() == 0; });   // its next write fails
}

TEST_CASE_FIXTURE(World, "a range that nobody could have meant is no range") {
    auto const range_of = [&](std::string const& fields) {
        serve("HTTP/1.1 206 Partial\r\n" + fields + "\r\nConnection: close\r\n\r\nhello", Then::cut);
        core::HttpRequest request;
        request.url = "https://" + peer() + "/";
        request.judge_at = clock.wall_now();
        return test::run_task(io, test::fetch(client, std::move(request))).head.content_range;
    };
    CHECK((range_of("Content-Range: bytes 5-9/10\r\nContent-Length: 5") == core::ContentRange{5, 9, 10}));
    CHECK(!range_of("Content-Range: bytes 5-9/9\r\nContent-Length: 5"));
    CHECK(!range_of("Content-Range: bytes 5-8/10\r\nContent-Length: 5"));
    CHECK(!range_of("Content-Length: 5"));
}
