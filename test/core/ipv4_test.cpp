#include "core/ipv4.hpp"

#include <doctest/doctest.h>

using core::Cidr;
using core::Ipv4;

TEST_CASE("an address is four decimal numbers and nothing else") {
    struct {
        char const* text;
        std::optional<Ipv4> want;
    } const cases[] = {
        {"172.20.30.1", Ipv4{0xac141e01}},
        {"0.0.0.0", Ipv4{0}},
        {"255.255.255.255", Ipv4{0xffffffff}},
        {"", {}},
        {"1.2.3", {}},
        {"1.2.3.", {}},
        {"1.2.3.4.5", {}},
        {"1.2.3.4 ", {}},
        {" 1.2.3.4", {}},
        {"1.2.3.256", {}},
        {"1.2.3.99999999999", {}},
        {"1.2.3.04", {}},   // octal elsewhere
        {"1.2.3.-4", {}},
        {"1.2.3.+4", {}},
        {"1..3.4", {}},
        {"0x1.2.3.4", {}},
        {"1,2,3,4", {}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        CHECK(core::parse_ipv4(c.text) == c.want);
        if (c.want) CHECK(print(*c.want) == c.text);
    }
}

TEST_CASE("an address with a prefix length is read and printed") {
    struct {
        char const* text;
        bool good;
    } const cases[] = {
        {"172.20.30.1/24", true}, {"0.0.0.0/0", true},      {"10.0.0.1/32", true},   {"10.0.0.1/33", false},
        {"10.0.0.1", false},      {"10.0.0.1/", false},     {"10.0.0.1/024", false}, {"10.0.0/8", false},
        {"/24", false},           {"10.0.0.1/24/1", false}, {"10.0.0.1/-1", false},  {"10.0.0.1/24 ", false},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        auto const cidr = core::parse_cidr(c.text);
        CHECK(cidr.has_value() == c.good);
        if (cidr) CHECK(print(*cidr) == c.text);
    }
}

TEST_CASE("a network contains its own addresses only, from /0 to /32") {
    struct {
        char const* network;
        char const* address;
        bool inside;
    } const cases[] = {
        {"172.20.30.1/24", "172.20.30.0", true},  {"172.20.30.1/24", "172.20.30.255", true},
        {"172.20.30.1/24", "172.20.31.0", false}, {"172.20.30.1/32", "172.20.30.1", true},
        {"172.20.30.1/32", "172.20.30.2", false}, {"172.20.30.1/0", "8.8.8.8", true},
        {"10.0.0.0/9", "10.127.255.255", true},   {"10.0.0.0/9", "10.128.0.0", false},
    };
    for (auto const& c : cases) {
        CAPTURE(c.network);
        CAPTURE(c.address);
        CHECK(core::parse_cidr(c.network)->contains(*core::parse_ipv4(c.address)) == c.inside);
    }
    CHECK(print(core::parse_cidr("172.20.30.1/20")->netmask()) == "255.255.240.0");
    CHECK(print(core::parse_cidr("172.20.30.1/20")->network()) == "172.20.16.0");
    CHECK(print(core::parse_cidr("172.20.30.1/0")->netmask()) == "0.0.0.0");
}
