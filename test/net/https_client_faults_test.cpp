// The client against a server that nginx would never be: TLS is right, what it carries is not.

#include "net/https_client.hpp"

#include "core/task_group.hpp"
#include "support/certificates.hpp"
#include "support/fake_clock.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
namespace asio = core::asio;
using asio::ip::tcp;
using core::Errc;
using core::Task;

namespace {

enum class Then { goodbye, cut, silence, drip };

struct World {
    test::TemporaryDirectory directory;
    test::Certificates certificates = test::make_certificates(directory.path());
    asio::io_context io;
    test::FakeClock clock{io};
    tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    core::TaskGroup servers{io.get_executor()};
    asio::cancellation_signal stop;
    net::HttpsClient client{clock, certificates.ca, "atomixd/test"};

    ~World() {
        bool done = false;
        asio::co_spawn(io, servers.end_all(), [&](std::exception_ptr) { done = true; });
        run_until([&] { return done; });
    }

    template <class Condition> void run_until(Condition is_true) {
        io.restart();
        while (!is_true()) io.run_one();
    }

    Task<void> answer_once(std::string reply, Then then) {
        asio::ssl::context context{asio::ssl::context::tls_server};
        context.use_certificate_file(certificates.server.string(), asio::ssl::context::pem);
        context.use_private_key_file(certificates.server_key.string(), asio::ssl::context::pem);
        asio::ssl::stream<tcp::socket> stream{co_await acceptor.async_accept(asio::use_awaitable), context};
        co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
        std::string request;
        co_await asio::async_read_until(stream, asio::dynamic_buffer(request), "\r\n\r\n",
                                        asio::use_awaitable);
        co_await asio::async_write(stream, asio::buffer(reply), asio::as_tuple(asio::use_awaitable));
        if (then == Then::goodbye) co_await stream.async_shutdown(asio::as_tuple(asio::use_awaitable));
        while (then == Then::drip) {
            co_await clock.sleep_for(20s);
            co_await asio::async_write(stream, asio::buffer("x", 1), asio::use_awaitable);
        }
        if (then == Then::silence) co_await clock.sleep_for(24h);
    }
    void serve(std::string reply, Then then) { servers.start(answer_once(std::move(reply), then)); }

    std::string peer() { return "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()); }

    // Everything the client makes of it: the body, or how far it came and why it ended.
    std::string body;
    std::optional<core::Error> failed;
    bool ended = false;
    bool cancelled = false;

    Task<void> fetch() {
        core::HttpRequest request;
        request.url = "https://" + peer() + "/";
        request.judge_at = clock.wall_now();
        auto const stream = co_await client.open(std::move(request));
        if (!stream) failed = stream.error();
        std::vector<std::byte> piece(1000);
        std::span<std::byte> const room{piece};
        while (!failed) {
            auto const got = co_await (*stream)->read(room);
            if (!got) failed = got.error();
            if (!got || *got == 0) break;
            body.append(reinterpret_cast<char const*>(piece.data()), *got);
        }
    }
    void start() {
        asio::co_spawn(io, fetch(),
                       asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr thrown) {
                           ended = true;
                           cancelled = thrown != nullptr;
                       }));
    }
    void get(std::string reply, Then then) {
        serve(std::move(reply), then);
        start();
        run_until([&] { return ended; });
    }
};

}   // namespace

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
