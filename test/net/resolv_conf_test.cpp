#include "net/resolv_conf.hpp"

#include <doctest/doctest.h>

using Texts = std::vector<std::string>;

TEST_CASE("resolv.conf says whom this device asks, and for which domains") {
    auto const resolver = net::parse_resolv_conf("# a comment\n"
                                                 "nameserver 1.1.1.1\n"
                                                 "\tnameserver\t2001:DB8::53 # not a comment for glibc\r\n"
                                                 "nameserver fe80::1%eth0\n"
                                                 "search Lab.Example. b\n"
                                                 "options edns0\n");
    CHECK(resolver.servers == Texts{"1.1.1.1", "2001:DB8::53", "fe80::1%eth0"});
    CHECK(resolver.search == Texts{"lab.example", "b"});
}

TEST_CASE("the last of search and domain counts") {
    CHECK(net::parse_resolv_conf("search a b\ndomain c").search == Texts{"c"});
    CHECK(net::parse_resolv_conf("domain c\nsearch a b\n").search == Texts{"a", "b"});
}

TEST_CASE("what is no address and no domain is left out, and whatever else it is does no harm") {
    CHECK(net::parse_resolv_conf("nameserver dns.example\nnameserver\nnameserver 1.1.1\nsearch a_b ../x\n") ==
          core::Resolver{});
    CHECK(net::parse_resolv_conf("") == core::Resolver{});
    CHECK(net::parse_resolv_conf("\n\n\r\n \0x") == core::Resolver{});
    std::string many;
    for (int i = 1; i < 100; ++i) many += "nameserver 10.0.0." + std::to_string(i) + "\n";
    CHECK(net::parse_resolv_conf(many).servers.size() == 32);
    auto const whole = std::string{"nameserver 1.1.1.1\nsearch a.b c\n"};
    for (std::size_t size = 0; size <= whole.size(); ++size)
        CHECK(net::parse_resolv_conf(whole.substr(0, size)).servers.size() <= 1);
}
