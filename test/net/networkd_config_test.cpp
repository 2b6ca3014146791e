#include "net/networkd_config.hpp"

#include "core/files.hpp"

#include <doctest/doctest.h>

namespace {

using Texts = std::vector<std::string>;

config::InterfaceWish
wish(char const* name, char const* address, char const* gateway, Texts dns, Texts search) {
    config::InterfaceWish made{.name = name};
    if (address) made.address.value = *core::parse_cidr(address);
    if (gateway) made.gateway.value = *core::parse_ipv4(gateway);
    made.dns_servers.value = std::move(dns);
    made.search_domains.value = std::move(search);
    return made;
}

std::string wan_file(config::InterfaceWish wan) {
    config::OperatorDocument document;
    document.wan = std::move(wan);
    return net::networkd_config(document, {}).at(0).text;
}

constexpr auto kHead = "# Written by atomixd; changes here are lost.\n[Match]\nName=eth0\n\n";

}   // namespace

TEST_CASE("without a wish the WAN is a DHCP client known by its MAC, and the LAN is nobody else's") {
    auto const files = net::networkd_config({}, {});
    REQUIRE(files.size() == 2);
    CHECK(files[0] == net::NetworkFile{"05-atomix-eth0.network", std::string{kHead} + R"([Network]
DHCP=ipv4
IPv6AcceptRA=false

[DHCPv4]
ClientIdentifier=mac
UseHostname=false
UseNTP=false
)"});
    CHECK(files[1] ==
          net::NetworkFile{"05-atomix-eth1.network", R"(# Written by atomixd; changes here are lost.
[Match]
Name=eth1

[Link]
Unmanaged=true
)"});
}

TEST_CASE(
    "an image's own files, for the boot without this program, say what this program says without a wish") {
    for (auto const& [ours, images] : {std::pair{0, "10-wan.network"}, std::pair{1, "20-lan.network"}}) {
        auto const text = core::read_file(std::string{SOURCE_DIRECTORY "/deploy/systemd/"} + images, 10'000);
        REQUIRE(text.has_value());
        auto const rendered = net::networkd_config({}, {}).at(static_cast<std::size_t>(ours)).text;
        CHECK(rendered == "# Written by atomixd; changes here are lost.\n" + *text);
    }
}

TEST_CASE("DHCP with a gateway and servers of the operator takes neither from the lease") {
    CHECK(wan_file(wish("eth0", nullptr, "192.0.2.1", {"1.1.1.1"}, {"lan.example"})) ==
          std::string{kHead} + R"([Network]
DHCP=ipv4
IPv6AcceptRA=false
Gateway=192.0.2.1
DNS=1.1.1.1
Domains=lan.example

[DHCPv4]
UseRoutes=false
UseDNS=false
ClientIdentifier=mac
UseHostname=false
UseNTP=false
)");
}

TEST_CASE("a static WAN has its address and no DHCP") {
    CHECK(wan_file(wish("eth0", "192.0.2.10/24", nullptr, {}, {})) == std::string{kHead} + R"([Network]
Address=192.0.2.10/24
DHCP=no
IPv6AcceptRA=false
)");
    CHECK(wan_file(wish("eth0", "192.0.2.10/24", "192.0.2.1", {"1.1.1.1", "2001:db8::53"}, {"a", "b.c"})) ==
          std::string{kHead} + R"([Network]
Address=192.0.2.10/24
DHCP=no
IPv6AcceptRA=false
Gateway=192.0.2.1
DNS=1.1.1.1
DNS=2001:db8::53
Domains=a b.c
)");
}

TEST_CASE("no route of a further interface comes before the WAN's, and nobody waits for one") {
    config::OperatorDocument document;
    document.further = {wish("eth2", "198.51.100.10/24", "198.51.100.1", {"198.51.100.53"}, {}),
                        wish("eth3", nullptr, nullptr, {}, {})};
    auto const files = net::networkd_config(document, {});
    REQUIRE(files.size() == 4);
    CHECK(files[2] ==
          net::NetworkFile{"05-atomix-eth2.network", R"(# Written by atomixd; changes here are lost.
[Match]
Name=eth2

[Link]
RequiredForOnline=no

[Network]
Address=198.51.100.10/24
DHCP=no
IPv6AcceptRA=false
DNS=198.51.100.53

[Route]
Gateway=198.51.100.1
Metric=2048
)"});
    CHECK(files[3] ==
          net::NetworkFile{"05-atomix-eth3.network", R"(# Written by atomixd; changes here are lost.
[Match]
Name=eth3

[Link]
RequiredForOnline=no

[Network]
DHCP=ipv4
IPv6AcceptRA=false

[DHCPv4]
ClientIdentifier=mac
UseHostname=false
UseNTP=false
UseRoutes=false
UseGateway=true
RouteMetric=2049
)"});
}

TEST_CASE("the files are for what the device calls its two sides") {
    auto const files = net::networkd_config({}, {.wan = "end0", .lan = "enx1"});
    CHECK(files.at(0).name == "05-atomix-end0.network");
    CHECK(files.at(0).text.find("\nName=end0\n") != std::string::npos);
    CHECK(files.at(1).name == "05-atomix-enx1.network");
    CHECK(files.at(1).text.find("\nName=enx1\n") != std::string::npos);
}
