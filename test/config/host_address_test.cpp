#include "config/host_address.hpp"

#include <doctest/doctest.h>

namespace {

config::Node node(std::string text) {
    return {.kind = config::Node::Kind::scalar, .at = {}, .text = std::move(text)};
}

template <class T> std::string said(core::Result<T> const& result) {
    return result ? "" : result.error().context;
}

}   // namespace

TEST_CASE("an address in its network is one that a host can have") {
    auto const cidr = [](char const* text) { return config::as_host_cidr(node(text), 8, 31); };
    for (auto const* good :
         {"10.0.0.1/8", "192.0.2.254/24", "192.0.2.2/30", "192.0.2.2/31", "192.0.2.3/31"}) {
        CAPTURE(good);
        CHECK(core::print(*cidr(good)) == good);
    }
    CHECK(said(cidr("192.0.2.0/24")) == "must be an address from 192.0.2.1 to 192.0.2.254");
    CHECK(said(cidr("192.0.2.255/24")) == "must be an address from 192.0.2.1 to 192.0.2.254");
    CHECK(said(cidr("192.0.2.1/32")) == "must have a prefix from /8 to /31");
    CHECK(said(cidr("10.0.0.1/7")) == "must have a prefix from /8 to /31");
    CHECK(said(cidr("127.0.0.1/8")) == "must be an address that a host can have, which 127.0.0.1 is not");
    CHECK(said(cidr("224.0.0.1/24")) == "must be an address that a host can have, which 224.0.0.1 is not");
    CHECK(said(cidr("0.1.2.3/8")) == "must be an address that a host can have, which 0.1.2.3 is not");
    CHECK(said(cidr("192.0.2.1")).starts_with("expected an IPv4 address with its prefix length"));
}

TEST_CASE("a host's address is IPv4 or IPv6, and of no group and not this host") {
    CHECK(*config::as_host_ip(node("192.0.2.53")) == "192.0.2.53");
    CHECK(*config::as_host_ip(node("2001:DB8::53")) == "2001:db8::53");
    for (auto const* bad :
         {"0.0.0.0", "127.0.0.53", "239.1.1.1", "255.255.255.255", "::", "::1", "ff02::fb"}) {
        CAPTURE(bad);
        CHECK(said(config::as_host_ip(node(bad))) ==
              "must be an address that a host can have, which " + std::string{bad} + " is not");
    }
    for (auto const* bad : {"dns.example", "1.1.1", "1.1.1.1%eth0", "fe80::1%eth0", "[2001:db8::1]", ""}) {
        CAPTURE(bad);
        CHECK(said(config::as_host_ip(node(bad))).starts_with("expected "));
    }
    CHECK(said(config::as_host_ipv4(node("127.0.0.1"))).starts_with("must be an address that a host"));
    CHECK(said(config::as_host_ipv4(node("2001:db8::1"))).starts_with("expected an IPv4 address"));
}

TEST_CASE("networks overlap when one holds the other") {
    auto const overlap = [](char const* a, char const* b) {
        return config::overlap(*core::parse_cidr(a), *core::parse_cidr(b));
    };
    CHECK(overlap("10.0.0.1/24", "10.0.0.200/24"));
    CHECK(overlap("10.0.0.1/8", "10.200.0.1/16"));
    CHECK(overlap("10.200.0.1/16", "10.0.0.1/8"));
    CHECK_FALSE(overlap("10.0.0.1/24", "10.0.1.1/24"));
    CHECK_FALSE(overlap("192.0.2.0/31", "192.0.2.2/31"));
}
