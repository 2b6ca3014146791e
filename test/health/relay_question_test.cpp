#include "health/relay_question.hpp"

#include "core/race.hpp"
#include "support/run_task.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

namespace asio = core::asio;
using asio::ip::udp;
using health::Datagram;

struct World {
    asio::io_context io;
    core::SystemClock clock;
    udp::socket server{io, udp::v4()};
    core::Ipv4 const loopback{0x7f000001};
    std::vector<Datagram> asked;
    std::uint16_t port = 0;

    // As dnsmasq does with bind-dynamic: on all addresses, and shared.
    World() {
        server.set_option(udp::socket::reuse_address{true});
        server.bind({udp::v4(), 0});
        port = server.local_endpoint().port();
    }

    // Answers at the relay's address and port, wherever the question came from.
    core::Task<void> serve() {
        for (;;) {
            Datagram question(1500);
            auto const size = co_await server.async_receive(asio::buffer(question), asio::use_awaitable);
            question.resize(size);
            asked.push_back(question);
            question.push_back(9);
            udp::endpoint const relay{asio::ip::address_v4{loopback.bits}, port};
            server.send_to(asio::buffer(question), relay);
        }
    }
    core::Result<Datagram> ask(core::Duration limit) {
        return test::run_task(io, health::ask_as_relay(clock, loopback, port, {1, 2}, limit));
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a relay's question reaches the server on its port, and the answer the relay") {
    core::Result<Datagram> got{core::fail(core::Errc::io, "not asked")};
    auto question = [&]() -> core::Task<void> {
        Datagram words{1, 2, 3};
        got = co_await health::ask_as_relay(clock, loopback, port, std::move(words), 5s);
    };
    for (int round = 0; round < 2; ++round) {
        test::run_task(io, core::ends_before(question(), serve()));
        REQUIRE(got.has_value());
        CHECK(*got == Datagram{1, 2, 3, 9});
    }
    CHECK(asked.size() == 2);
}

TEST_CASE_FIXTURE(World, "what others send to the server's port meanwhile still reaches the server") {
    core::Result<Datagram> got{core::fail(core::Errc::io, "not asked")};
    auto question = [&]() -> core::Task<void> {
        Datagram words{1, 2, 3};
        got = co_await health::ask_as_relay(clock, loopback, port, std::move(words), 200ms);
    };
    auto client = [&]() -> core::Task<void> {
        udp::socket other(io, udp::v4());
        udp::endpoint const there{asio::ip::address_v4{loopback.bits}, port};
        Datagram const renewal{7};
        asio::steady_timer pause(io);
        for (;;) {
            other.send_to(asio::buffer(renewal), there);
            pause.expires_after(10ms);
            co_await pause.async_wait(asio::use_awaitable);
        }
    };
    test::run_task(io, core::ends_before(question(), client()));
    REQUIRE(!got);
    CHECK(got.error().is(core::Errc::timed_out));
    CHECK(server.available() > 0);
}

TEST_CASE_FIXTURE(
    World,
    "a relay's question is silence when the server says nothing, and an error when there is none") {
    auto const silent = ask(20ms);
    REQUIRE(!silent);
    CHECK(silent.error().is(core::Errc::timed_out));
    server.close();
    auto const none = ask(60s);
    REQUIRE(!none);
    CHECK(none.error().is(core::Errc::unreachable));
}

TEST_CASE_FIXTURE(World, "a port that its server does not share is said to be so") {
    server.close();
    server.open(udp::v4());
    server.bind({udp::v4(), port});
    auto const got = ask(60s);
    REQUIRE(!got);
    CHECK(got.error().context.starts_with("cannot listen on port "));
}
