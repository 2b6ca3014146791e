#include "health/probes.hpp"

#include "core/race.hpp"
#include "health/udp_question.hpp"
#include "support/run_task.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <functional>

using namespace std::chrono_literals;

namespace {

namespace asio = core::asio;
using health::Datagram;

// Answers every datagram with what `answer` makes of it, on a loopback address of its own.
core::Task<void> serve(asio::ip::udp::socket& socket, std::function<Datagram(Datagram)> answer) {
    for (;;) {
        Datagram question(1500);
        asio::ip::udp::endpoint peer;
        auto const size =
            co_await socket.async_receive_from(asio::buffer(question), peer, asio::use_awaitable);
        question.resize(size);
        auto const reply = answer(std::move(question));
        socket.send_to(asio::buffer(reply), peer);
    }
}

struct World {
    asio::io_context io;
    core::SystemClock clock;
    core::Ipv4 const loopback{0x7f000001};

    core::Result<Datagram>
    ask(asio::ip::udp::socket& server, std::function<Datagram(Datagram)> answer, core::Duration limit) {
        auto const port = server.local_endpoint().port();
        core::Result<Datagram> got{core::fail(core::Errc::io, "not asked")};
        auto question = [&]() -> core::Task<void> {
            Datagram words{1, 2, 3};
            got = co_await health::ask_by_udp(clock, loopback, port, std::move(words), limit);
        };
        test::run_task(io, core::ends_before(question(), serve(server, std::move(answer))));
        return got;
    }
};

asio::ip::udp::socket loopback_socket(asio::io_context& io) {
    return {io, asio::ip::udp::endpoint{asio::ip::address_v4::loopback(), 0}};
}

}   // namespace

TEST_CASE_FIXTURE(World, "a question by UDP brings the answer back") {
    auto server = loopback_socket(io);
    auto const got = ask(
        server,
        [](Datagram question) {
            question.push_back(4);
            return question;
        },
        5s);
    REQUIRE(got.has_value());
    CHECK(*got == Datagram{1, 2, 3, 4});
}

TEST_CASE_FIXTURE(World, "a port where nobody listens is an error at once, not after the limit") {
    std::uint16_t port = 0;
    {
        auto const closed = loopback_socket(io);
        port = closed.local_endpoint().port();
    }
    auto const got = test::run_task(io, health::ask_by_udp(clock, loopback, port, {1}, 60s));
    REQUIRE(!got);
    CHECK(got.error().is(core::Errc::unreachable));
}

TEST_CASE_FIXTURE(World, "silence is an error that names the limit") {
    auto const silent = loopback_socket(io);
    auto const got =
        test::run_task(io, health::ask_by_udp(clock, loopback, silent.local_endpoint().port(), {1}, 20ms));
    REQUIRE(!got);
    CHECK(got.error().is(core::Errc::timed_out));
    CHECK(got.error().context == "no answer within 20 ms");
}

TEST_CASE("a service's reading says why it is not good") {
    core::Services const services{{"dnsmasq", {.running = true, .pid = 12, .starts = 1}},
                                  {"chronyd", {.running = false, .error = "ended with status 1"}}};
    CHECK(health::service_reading(services, "dnsmasq").good);
    CHECK(health::service_reading(services, "chronyd").detail == "ended with status 1");
    CHECK(health::service_reading(services, "sshd").detail == "not started");
}

TEST_CASE("a required unit is good while it is active, and says why it is not") {
    core::Services const services{{"unit:a.service", {.running = true, .pid = 12}},
                                  {"unit:b.service", {.running = true}},
                                  {"unit:c.service", {.error = "ended with status 1"}},
                                  {"d.service", {.running = true}}};
    CHECK(health::unit_reading(services, "a.service").good);
    CHECK(health::unit_reading(services, "a.service").probe == "unit:a.service");
    CHECK(health::unit_reading(services, "a.service").detail == "active, pid 12");
    CHECK(health::unit_reading(services, "b.service").detail == "active");
    CHECK(!health::unit_reading(services, "c.service").good);
    CHECK(health::unit_reading(services, "c.service").detail == "ended with status 1");
    CHECK(!health::unit_reading(services, "d.service").good);
    CHECK(health::unit_reading(services, "d.service").detail == "not looked at yet");
}

TEST_CASE("the LAN address must be exactly the wanted one") {
    auto const wanted = *core::parse_cidr("172.20.30.1/24");
    CHECK(health::lan_address_reading({.name = "eth1", .addresses = {"172.20.30.1/24"}}, wanted).good);
    CHECK(!health::lan_address_reading({.name = "eth1", .addresses = {"172.20.30.1/16"}}, wanted).good);
    auto const missing = health::lan_address_reading({.name = "eth1", .error = "no such device"}, wanted);
    CHECK(missing.detail == "eth1 has no 172.20.30.1/24: no such device");
}

TEST_CASE("a WAN without an address and a firewall that was not read back are not good") {
    CHECK(!health::wan_lease_reading({.name = "eth0"}).good);
    CHECK(health::wan_lease_reading({.name = "eth0", .addresses = {"10.99.0.57/24"}}).good);
    CHECK(!health::firewall_reading({}).good);
    CHECK(health::firewall_reading({.error = "syntax error"}).detail == "syntax error");
}

TEST_CASE("only an interface that is there and switched on can lack nothing but a cable") {
    struct {
        char const* name;
        core::Link link;
        bool good;
        bool cable_out;
        char const* detail;
    } const rows[] = {
        {"carrier",
         {.name = "eth1", .present = true, .carrier = true, .up = true},
         true,
         false,
         "eth1 has a carrier"},
        {"no cable",
         {.name = "eth1", .present = true, .up = true},
         false,
         true,
         "eth1 has no carrier: no cable"},
        {"switched off", {.name = "eth1", .present = true}, false, false, "eth1 is switched off"},
        {"no driver", {.name = "eth1"}, false, false, "eth1 is not there"},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        auto const reading = health::lan_link_reading(row.link);
        CHECK(reading.good == row.good);
        CHECK(reading.cable_out == row.cable_out);
        CHECK(reading.detail == row.detail);
        CHECK(health::wan_lease_reading(row.link).cable_out == row.cable_out);
    }
    core::Link const leased{.name = "eth0", .present = true, .addresses = {"10.0.0.2/24"}, .up = true};
    CHECK(health::wan_lease_reading(leased).good);   // a lease outlives a short cut
    CHECK(!health::wan_lease_reading(leased).cable_out);
}

TEST_CASE("forwarding must have been read as off") {
    CHECK(health::forwarding_reading({.off = true}).good);
    CHECK(!health::forwarding_reading({}).good);
    CHECK(health::forwarding_reading({}).detail == "not read yet");
    CHECK(health::forwarding_reading({.error = "eth0: still on"}).detail == "eth0: still on");
}

TEST_CASE_FIXTURE(World, "DNS and NTP that nobody serves are bad") {
    core::Ipv4 const nobody{127u << 24 | 77u << 16 | 1};
    auto const dns = test::run_task(io, health::dns_reading(clock, nobody, "gateway.local"));
    CHECK(!dns.good);
    CHECK(dns.detail.starts_with("127.77.0.1: "));
    CHECK(!test::run_task(io, health::ntp_reading(clock, nobody)).good);
}
