#pragma once
// A server that nginx would never be: TLS is right, what it carries is not. With a client for it.

#include "core/task_group.hpp"
#include "net/https_web.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace test {

namespace asio = core::asio;
using asio::ip::tcp;
using core::Task;

enum class Then { goodbye, cut, reset, silence, drip, endless };

struct FaultyServer {
    TemporaryDirectory directory;
    Certificates certificates = make_certificates(directory.path());
    asio::io_context io;
    FakeClock clock{io};
    tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    core::TaskGroup servers{io.get_executor()};
    asio::cancellation_signal stop;
    net::HttpsClient client{clock, certificates.ca, "atomixd/test", {{}, no_environment}};

    ~FaultyServer() {
        bool done = false;
        asio::co_spawn(io, servers.end_all(), [&](std::exception_ptr) { done = true; });
        run_until([&] { return done; });
    }

    template <class Condition> void run_until(Condition is_true) {
        io.restart();
        while (!is_true()) io.run_one();
    }

    int connections = 0;
    std::string requests;   // one after another

    // One connection: a reply to each request, then the end.
    Task<void> answer(std::vector<std::string> replies, Then then) {
        asio::ssl::context context{asio::ssl::context::tls_server};
        context.use_certificate_file(certificates.server.string(), asio::ssl::context::pem);
        context.use_private_key_file(certificates.server_key.string(), asio::ssl::context::pem);
        asio::ssl::stream<tcp::socket> stream{co_await acceptor.async_accept(asio::use_awaitable), context};
        ++connections;
        co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
        std::string received;
        for (auto const& reply : replies) {
            auto const size = co_await asio::async_read_until(stream, asio::dynamic_buffer(received),
                                                              "\r\n\r\n", asio::use_awaitable);
            requests += received.substr(0, size);
            received.erase(0, size);
            co_await asio::async_write(stream, asio::buffer(reply), asio::as_tuple(asio::use_awaitable));
        }
        if (then == Then::goodbye) co_await stream.async_shutdown(asio::as_tuple(asio::use_awaitable));
        if (then == Then::reset) stream.next_layer().set_option(tcp::socket::linger{true, 0});
        while (then == Then::drip) {
            co_await clock.sleep_for(std::chrono::seconds{20});
            co_await asio::async_write(stream, asio::buffer("x", 1), asio::use_awaitable);
        }
        std::string const more(16'384, 'x');
        while (then == Then::endless)
            co_await asio::async_write(stream, asio::buffer(more), asio::use_awaitable);
        if (then == Then::silence) co_await clock.sleep_for(std::chrono::hours{24});
    }
    void serve_all(std::vector<std::string> replies, Then then) {
        servers.start(answer(std::move(replies), then));
    }
    void serve(std::string reply, Then then) { serve_all(std::vector{std::move(reply)}, then); }

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
        ended = false;
        asio::co_spawn(io, fetch(),
                       asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr thrown) {
                           ended = true;
                           cancelled = thrown != nullptr;
                       }));
    }
    void get() {
        body.clear();
        start();
        run_until([&] { return ended; });
    }
    void get(std::string reply, Then then) {
        serve(std::move(reply), then);
        get();
    }
};

}   // namespace test
