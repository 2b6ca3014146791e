#include "health/dhcp_message.hpp"

#include "health/probes.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <random>

using namespace std::chrono_literals;

namespace {

using health::Datagram;

constexpr std::uint32_t kTransaction = 0x01020304;
constexpr core::Ipv4 kRelay{0xac141e01}, kOffered{0xac141e96};
constexpr core::Cidr kLan{kRelay, 24};
constexpr std::size_t kOptions = 240;

// dnsmasq 2.90's: message type, server, lease time, end.
Datagram offer() {
    auto message = health::dhcp_discover(kTransaction, kRelay);
    message[0] = 2;
    message.at(16) = 0xac, message.at(17) = 0x14, message.at(18) = 0x1e, message.at(19) = 0x96;
    Datagram const options{53, 1, 2, 54, 4, 0xac, 0x14, 0x1e, 0x01, 51, 4, 0, 1, 0x51, 0x80, 255};
    std::ranges::copy(options, message.begin() + kOptions);
    return message;
}

Datagram with_options(Datagram const& options) {
    auto message = offer();
    message.resize(kOptions);
    message.insert(message.end(), options.begin(), options.end());
    return message;
}

}   // namespace

TEST_CASE("the probe's discover is a relayed one from a client that does not exist") {
    auto const message = health::dhcp_discover(kTransaction, kRelay);
    REQUIRE(message.size() == 300);
    CHECK(Datagram(message.begin(), message.begin() + 16) ==
          Datagram{1, 1, 6, 1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(Datagram(message.begin() + 16, message.begin() + 34) ==
          Datagram{0, 0, 0, 0, 0, 0, 0, 0, 0xac, 0x14, 0x1e, 0x01, 0x02, 0x41, 0x74, 0x6f, 0x6d, 0x01});
    CHECK(Datagram(message.begin() + 236, message.begin() + 245) ==
          Datagram{0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255, 0});
}

TEST_CASE("an offer is the address in it") {
    auto const got = health::parse_dhcp_offer(offer(), kTransaction);
    REQUIRE(got.has_value());
    CHECK(*got == kOffered);
    auto const padded =
        health::parse_dhcp_offer(with_options({0, 0, 12, 2, 'g', 'w', 53, 1, 2}), kTransaction);
    CHECK(padded.has_value());   // no end, as good as one at the end
}

TEST_CASE("what is no offer to the question is refused with the reason") {
    auto const changed = [](std::size_t at, std::uint8_t value) {
        auto message = offer();
        message.at(at) = value;
        return message;
    };
    auto const no_address = [] {
        auto message = offer();
        std::fill_n(message.begin() + 16, 4, 0);
        return message;
    };
    auto const shortened = [](std::size_t size) {
        auto message = offer();
        message.resize(size);
        return message;
    };
    struct {
        char const* name;
        Datagram answer;
        char const* want;
    } const cases[] = {
        {"nothing", {}, "the answer is not a DHCP message"},
        {"cut before the cookie", shortened(239), "the answer is not a DHCP message"},
        {"BOOTP", changed(236, 0), "the answer is not a DHCP message"},
        {"a question", changed(0, 1), "the answer is not one to the question"},
        {"another hardware", changed(1, 6), "the answer is not one to the question"},
        {"a long hardware address", changed(2, 255), "the answer is not one to the question"},
        {"another transaction", changed(7, 5), "the answer is not one to the question"},
        {"another client", changed(33, 2), "the answer is not one to the question"},
        {"no options", shortened(240), "the answer has no message type"},
        {"only padding", with_options({0, 0, 0}), "the answer has no message type"},
        {"cut in an option's head", with_options({53}), "the answer has no message type"},
        {"cut in an option", with_options({53, 1}), "the answer has no message type"},
        {"an option longer than the rest", with_options({12, 255, 53, 1, 2}),
         "the answer has no message type"},
        {"type of no byte", with_options({53, 0, 2, 255}), "the answer has no message type"},
        {"type of two bytes", with_options({53, 2, 2, 2, 255}), "the answer has no message type"},
        {"type behind the end", with_options({255, 53, 1, 2}), "the answer has no message type"},
        {"NAK", with_options({53, 1, 6, 255}), "the answer is no offer, its message type is 6"},
        {"no address", no_address(), "the answer offers no address"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const got = health::parse_dhcp_offer(c.answer, kTransaction);
        REQUIRE(!got);
        CHECK(got.error().is(core::Errc::bad_input));
        CHECK(got.error().context == c.want);
    }
}

TEST_CASE("an offer cut or altered anywhere is read within its bounds") {
    auto const good = offer();
    for (std::size_t size = 0; size <= good.size(); ++size)
        (void)health::parse_dhcp_offer(
            Datagram(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)), kTransaction);
    std::mt19937 random{20261101};
    for (int round = 0; round < 20'000; ++round) {
        Datagram message(good);
        message.resize(kOptions + random() % 60);
        for (auto at = kOptions; at < message.size(); ++at)
            if (random() % 2)
                message[at] = static_cast<std::uint8_t>(random() % 8 ? random() % 60 : random());
        auto const got = health::parse_dhcp_offer(message, kTransaction);
        CHECK((got.has_value() || !got.error().context.empty()));
    }
}

TEST_CASE("the reading names the address and the time, or what is wrong") {
    auto const read = [](core::Result<Datagram> const& answer, core::Cidr lan) {
        return health::offer_reading(answer, kTransaction, lan, 12ms);
    };
    CHECK(read(offer(), kLan) == core::Reading{.probe = "dhcp",
                                               .good = true,
                                               .detail = "172.20.30.1 offered 172.20.30.150 in 12 ms",
                                               .value = 12,
                                               .unit = "ms"});
    auto const elsewhere = read(offer(), {{0x0a000001}, 8});
    CHECK(!elsewhere.good);
    CHECK(elsewhere.detail == "10.0.0.1: offered 172.20.30.150, which is not in the LAN");
    CHECK(read(Datagram{}, kLan).detail == "172.20.30.1: the answer is not a DHCP message");
    auto const silent = read(core::fail(core::Errc::timed_out, "no answer within 8000 ms"), kLan);
    CHECK(silent ==
          core::Reading{.probe = "dhcp", .good = false, .detail = "172.20.30.1: no answer within 8000 ms"});
}
