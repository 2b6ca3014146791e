#include "config/dhcp_range.hpp"

#include <doctest/doctest.h>

namespace {

std::optional<core::Ipv4> address(char const* text) {
    return core::parse_ipv4(text);
}
std::string print(config::DhcpRange range) {
    return core::print(range.start) + '-' + core::print(range.end);
}

}   // namespace

TEST_CASE("the DHCP range follows the gateway") {
    struct {
        std::string name;
        char const* gateway;
        char const* start;   // "": not given
        char const* end;
        std::string want;
    } const cases[] = {
        {"the default LAN", "172.20.30.1/24", "", "", "172.20.30.10-172.20.30.254"},
        {"another /24", "10.44.0.1/24", "", "", "10.44.0.10-10.44.0.254"},
        {"gateway at the top", "10.44.0.254/24", "", "", "10.44.0.10-10.44.0.253"},
        {"gateway in the middle", "10.44.0.128/24", "", "", "10.44.0.10-10.44.0.127"},
        {"gateway below the middle", "10.44.0.100/24", "", "", "10.44.0.101-10.44.0.254"},
        {"gateway among the lowest", "10.44.0.20/24", "", "", "10.44.0.21-10.44.0.254"},
        {"largest", "10.44.0.1/16", "", "", "10.44.0.10-10.44.255.254"},
        {"small: nothing is kept free", "10.44.0.17/28", "", "", "10.44.0.18-10.44.0.30"},
        {"smallest, gateway first", "10.44.0.5/30", "", "", "10.44.0.6-10.44.0.6"},
        {"smallest, gateway last", "10.44.0.6/30", "", "", "10.44.0.5-10.44.0.5"},
        {"start given", "10.44.0.1/24", "10.44.0.100", "", "10.44.0.100-10.44.0.254"},
        {"start given below the gateway", "10.44.0.50/24", "10.44.0.30", "", "10.44.0.30-10.44.0.49"},
        {"end given", "10.44.0.1/24", "", "10.44.0.99", "10.44.0.10-10.44.0.99"},
        {"low end given", "10.44.0.1/24", "", "10.44.0.5", "10.44.0.2-10.44.0.5"},
        {"end given below the gateway", "10.44.0.200/24", "", "10.44.0.99", "10.44.0.10-10.44.0.99"},
        {"both given", "10.44.0.1/24", "10.44.0.7", "10.44.0.9", "10.44.0.7-10.44.0.9"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(print(config::derive_range(*core::parse_cidr(c.gateway), address(c.start), address(c.end))) ==
              c.want);
    }
}

TEST_CASE("a derived range is never empty, stays among the hosts and leaves the gateway out") {
    for (int prefix = 22; prefix <= 30; ++prefix) {
        core::Cidr lan{*core::parse_ipv4("10.1.0.0"), prefix};
        auto const hosts = config::hosts_of(lan);
        for (auto bits = hosts.start.bits; bits <= hosts.end.bits; ++bits) {
            lan.address.bits = bits;
            auto const range = config::derive_range(lan, {}, {});
            CAPTURE(core::print(lan));
            bool const sound = range.start <= range.end && range.start >= hosts.start &&
                               range.end <= hosts.end &&
                               (lan.address < range.start || lan.address > range.end);
            REQUIRE(sound);
        }
    }
}
