#include "config/interfaces.hpp"

#include "config/documents.hpp"

namespace {

// Under "network:", which is line 2; the body begins in line 3, column 3.
std::string network(std::string const& body) {
    return "version: 1\nnetwork:\n  " + body + "\n";
}
std::string interfaces(std::string const& body) {
    return network("interfaces:\n    " + body);
}

auto parse(std::string const& text, config::DeviceNames const& device = {}) {
    return config::parse_operator_document(text, "atomix.yaml", device);
}

config::OperatorDocument accepted(std::string const& text, config::DeviceNames const& device = {}) {
    auto const parsed = parse(text, device);
    REQUIRE(test::problem_in(parsed) == "");
    return std::get<config::OperatorDocument>(parsed);
}

// "static 192.0.2.10/24 via 192.0.2.1 dns 1.1.1.1 search lab", without what there is not.
std::string print(config::InterfaceWish const& wish) {
    auto text = wish.name + (*wish.address ? " static " + core::print(**wish.address) : " dhcp");
    if (*wish.gateway) text += " via " + core::print(**wish.gateway);
    for (auto const& server : *wish.dns_servers) text += " dns " + server;
    for (auto const& domain : *wish.search_domains) text += " search " + domain;
    return text;
}

}   // namespace

TEST_CASE("without a wish the WAN is a DHCP client, and there is no further interface") {
    auto const document = accepted("version: 1\n");
    CHECK(print(document.wan) == "eth0 dhcp");
    CHECK(document.further.empty());
    CHECK(print(accepted(network("interfaces: {}")).wan) == "eth0 dhcp");
    CHECK(print(config::OperatorDocument{}.wan) == "eth0 dhcp");
}

TEST_CASE("what stands above the interfaces is the WAN's, and what the WAN has of its own replaces it") {
    auto const above = std::string{"dns_servers: [1.1.1.1, 2001:DB8::53, 1.1.1.1]\n"
                                   "  dns_search_domains: [Lab.Example., lab.example]\n"
                                   "  default_gateway: 192.0.2.1\n"};
    CHECK(print(accepted(network(above)).wan) ==
          "eth0 dhcp via 192.0.2.1 dns 1.1.1.1 dns 2001:db8::53 search lab.example");

    auto const replaced = accepted(network(
        above + "  interfaces:\n    eth0: {mode: static, address: 192.0.2.10/24, dns_servers: [9.9.9.9]}\n"
                "    eth2: {mode: dhcp}"));
    CHECK(print(replaced.wan) == "eth0 static 192.0.2.10/24 via 192.0.2.1 dns 9.9.9.9 search lab.example");
    REQUIRE(replaced.further.size() == 1);
    CHECK(print(replaced.further[0]) == "eth2 dhcp");

    CHECK(print(accepted(network(above + "  interfaces:\n    eth0: {mode: dhcp, gateway: 192.0.2.9, "
                                         "dns_search_domains: [b]}"))
                    .wan) == "eth0 dhcp via 192.0.2.9 dns 1.1.1.1 dns 2001:db8::53 search b");
}

TEST_CASE("a further interface has its own address, gateway and servers") {
    auto const document = accepted(interfaces("eth10: {mode: static, address: 198.51.100.2/31}\n"
                                              "    eth2: {mode: static, address: 10.9.0.2/16, gateway: "
                                              "10.9.0.1, dns_servers: [10.9.0.1], dns_search_domains: [x]}"));
    REQUIRE(document.further.size() == 2);
    CHECK(print(document.further[0]) == "eth10 static 198.51.100.2/31");
    CHECK(print(document.further[1]) == "eth2 static 10.9.0.2/16 via 10.9.0.1 dns 10.9.0.1 search x");
}

TEST_CASE("the LAN's address may be written as the interface's, and the DHCP range follows") {
    auto const document = accepted(interfaces("eth1: {mode: static, address: 10.44.0.1/24}"));
    CHECK(core::print(*document.lan) == "10.44.0.1/24");
    CHECK(core::print(*document.dhcp_start) == "10.44.0.10");
    CHECK(document.lan.at == config::Place{"atomix.yaml", 4, 35});
    auto const both =
        accepted(network("dnsmasq: {gateway_cidr: 10.44.0.1/24}\n  interfaces:\n    eth1: {mode: static, "
                         "address: 10.44.0.1/24}"));
    CHECK(core::print(*both.lan) == "10.44.0.1/24");
}

TEST_CASE("eth0 and eth1 are roles, whatever the device calls its two sides") {
    config::DeviceNames const device{.wan = "end0", .lan = "eth2"};
    auto const document = accepted(interfaces("eth0: {mode: static, address: 192.0.2.10/24}\n"
                                              "    eth1: {mode: static, address: 10.44.0.1/24}"),
                                   device);
    CHECK(print(document.wan) == "eth0 static 192.0.2.10/24");
    CHECK(core::print(*document.lan) == "10.44.0.1/24");
    CHECK(test::problem_in(parse(interfaces("eth2: {mode: dhcp}"), device)) ==
          "atomix.yaml:4:5: network.interfaces.eth2: is this device's LAN, which is written as eth1");
    CHECK(test::problem_in(parse(interfaces("eth3: {mode: dhcp}"), {.wan = "eth3", .lan = "eth4"})) ==
          "atomix.yaml:4:5: network.interfaces.eth3: is this device's WAN, which is written as eth0");
}

TEST_CASE("each rule of the interfaces has its sentence") {
    static constexpr auto kName =
        ": must be eth and a number, such as eth0 (the WAN), eth1 (the LAN) or eth2";
    static constexpr auto kLan = " has no meaning on the LAN, whose gateway and name server is this device";
    struct {
        std::string name;
        std::string text;
        std::string want;   // after "atomix.yaml:"
    } const cases[] = {
        {"no servers", network("dns_servers: []"),
         "3:16: network.dns_servers: must name at least one server"},
        {"servers as a text", network("dns_servers: 1.1.1.1"),
         "3:16: network.dns_servers: expected a list, not \"1.1.1.1\""},
        {"a server by name", network("dns_servers: [1.1.1.1, dns.example]"),
         "3:26: network.dns_servers: expected an IP address such as 192.0.2.53 or 2001:db8::53, not "
         "\"dns.example\""},
        {"a second line", network("dns_servers: [\"1.1.1.1\\nGateway=6.6.6.6\"]"),
         "3:17: network.dns_servers: must be printable ASCII, which \"1.1.1.1?Gateway=6.6.6.6\" is not"},
        {"no domains", network("dns_search_domains: []"),
         "3:23: network.dns_search_domains: must name at least one domain"},
        {"a domain that is none", network("dns_search_domains: [a_b]"),
         "3:24: network.dns_search_domains: expected a DNS name, not \"a_b\""},
        {"an empty gateway", network("default_gateway: \"\""),
         "3:20: network.default_gateway: expected an IPv4 address such as 172.20.30.10, not the text \"\""},
        {"a gateway that no host can be", network("default_gateway: 224.0.0.1"),
         "3:20: network.default_gateway: must be an address that a host can have, which 224.0.0.1 is not"},
        {"a gateway in the LAN", network("default_gateway: 172.20.30.9"),
         "3:20: network.default_gateway: must not be in the LAN 172.20.30.0/24"},

        {"another kind of name", interfaces("wlan0: {mode: dhcp}"),
         std::string{"4:5: network.interfaces.wlan0"} + kName},
        {"a name without a number", interfaces("eth: {mode: dhcp}"),
         std::string{"4:5: network.interfaces.eth"} + kName},
        {"a number with a zero before it", interfaces("eth01: {mode: dhcp}"),
         std::string{"4:5: network.interfaces.eth01"} + kName},
        {"a name too long for the kernel", interfaces("eth1234567890123: {mode: dhcp}"),
         std::string{"4:5: network.interfaces.eth1234567890123"} + kName},
        {"a list", network("interfaces: [eth0]"), "3:15: network.interfaces: expected a mapping, not a list"},
        {"no mode", interfaces("eth2: {}"), "4:5: network.interfaces.eth2.mode: is required"},
        {"another mode", interfaces("eth2: {mode: auto}"),
         "4:18: network.interfaces.eth2.mode: expected dhcp or static, not \"auto\""},
        {"static without an address", interfaces("eth0: {mode: static}"),
         "4:18: network.interfaces.eth0.address: is required where the mode is static"},
        {"DHCP with an address", interfaces("eth0: {mode: dhcp, address: 192.0.2.10/24}"),
         "4:33: network.interfaces.eth0.address: must not be written where the mode is dhcp"},
        {"a network's address", interfaces("eth0: {mode: static, address: 192.0.2.0/24}"),
         "4:35: network.interfaces.eth0.address: must be an address from 192.0.2.1 to 192.0.2.254"},
        {"a broadcast address", interfaces("eth2: {mode: static, address: 192.0.2.255/24}"),
         "4:35: network.interfaces.eth2.address: must be an address from 192.0.2.1 to 192.0.2.254"},
        {"a gateway outside", interfaces("eth0: {mode: static, address: 192.0.2.10/24, gateway: 192.0.3.1}"),
         "4:59: network.interfaces.eth0.gateway: must be in the subnet of 192.0.2.10/24, from 192.0.2.1 to "
         "192.0.2.254"},
        {"a gateway that is the broadcast",
         interfaces("eth0: {mode: static, address: 192.0.2.10/24, gateway: 192.0.2.255}"),
         "4:59: network.interfaces.eth0.gateway: must be in the subnet of 192.0.2.10/24, from 192.0.2.1 to "
         "192.0.2.254"},
        {"a gateway that is this device",
         interfaces("eth2: {mode: static, address: 192.0.2.10/24, gateway: 192.0.2.10}"),
         "4:59: network.interfaces.eth2.gateway: is this device's own address"},
        {"a gateway above that does not fit the WAN",
         network(
             "default_gateway: 192.0.3.1\n  interfaces:\n    eth0: {mode: static, address: 192.0.2.10/24}"),
         "3:20: network.default_gateway: must be in the subnet of 192.0.2.10/24, from 192.0.2.1 to "
         "192.0.2.254"},
        {"the WAN in the LAN", interfaces("eth0: {mode: static, address: 172.20.30.9/28}"),
         "4:35: network.interfaces.eth0.address: must not overlap the LAN 172.20.30.0/24"},
        {"the LAN in the WAN", interfaces("eth0: {mode: static, address: 172.16.0.1/12}"),
         "4:35: network.interfaces.eth0.address: must not overlap the LAN 172.20.30.0/24"},
        {"the LAN as it is written",
         network("dnsmasq: {gateway_cidr: 10.44.0.1/24}\n  interfaces:\n    eth2: "
                 "{mode: static, address: 10.44.0.9/16}"),
         "5:35: network.interfaces.eth2.address: must not overlap the LAN 10.44.0.0/24"},
        {"two in one network",
         interfaces("eth0: {mode: static, address: 192.0.2.10/24}\n    eth2: {mode: "
                    "static, address: 192.0.2.130/25}"),
         "5:35: network.interfaces.eth2.address: must not overlap the subnet of eth0 192.0.2.0/24"},
        {"an unknown key", interfaces("eth0: {mode: dhcp, mtu: 1400}"),
         "4:24: network.interfaces.eth0.mtu: is not a known key here; known are mode, address, gateway, "
         "dns_servers, dns_search_domains"},

        {"the LAN by DHCP", interfaces("eth1: {mode: dhcp}"),
         "4:18: network.interfaces.eth1.mode: must be static, because this device is the LAN's DHCP server"},
        {"a LAN too small", interfaces("eth1: {mode: static, address: 10.44.0.1/31}"),
         "4:35: network.interfaces.eth1.address: must have a prefix from /16 to /30"},
        {"a gateway of the LAN",
         interfaces("eth1: {mode: static, address: 10.44.0.1/24, gateway: 10.44.0.254}"),
         std::string{"4:49: network.interfaces.eth1.gateway:"} + kLan},
        {"two addresses of the LAN",
         network("dnsmasq: {gateway_cidr: 10.44.0.1/24}\n  interfaces:\n    eth1: "
                 "{mode: static, address: 10.44.0.2/24}"),
         "3:27: network.dnsmasq.gateway_cidr: must equal network.interfaces.eth1.address in line 5, which is "
         "10.44.0.2/24"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(test::problem_in(parse(c.text)) == "atomix.yaml:" + c.want);
    }
}

TEST_CASE("every problem of the interfaces is told at once, and a wrong LAN is told once") {
    auto const lines = test::texts(
        parse(interfaces("eth0: {mode: static}\n    eth1: {mode: static, address: 10.44.0.0/24, dns_servers: "
                         "[1.1.1.1]}\n    eth2: {mode: static, address: 172.20.30.7/24, gateway: x}")));
    CHECK(lines.size() == 4);   // nothing about the LAN that is not known: eth2 may or may not overlap it
}
