#include "net/dnsmasq_config.hpp"

#include <doctest/doctest.h>

namespace {

// The worked example of the reference: LAN 10.44.0.1/24, domain lab, two aliases, names after the MAC.
config::OperatorDocument lab() {
    config::OperatorDocument document;
    document.lan.value = *core::parse_cidr("10.44.0.1/24");
    document.dhcp_start.value = *core::parse_ipv4("10.44.0.10");
    document.dhcp_end.value = *core::parse_ipv4("10.44.0.200");
    document.domain.value = "lab";
    document.gateway_aliases.value = {"atomixos", "gateway.lab"};
    document.hostname_pattern.value = "gateway-{mac}";
    return document;
}

}   // namespace

TEST_CASE("dnsmasq serves the LAN interface only, and forwards nothing") {
    CHECK(net::dnsmasq_config(lab(),
                              {.interface = "eth1", .hosts = "/run/a/hosts", .leases = "/data/lan/leases"}) ==
          R"(# Written by atomixd; changes here are lost.
interface=eth1
except-interface=lo
bind-dynamic
local-service
no-resolv
no-hosts
user=root
pid-file=
log-facility=-
dhcp-authoritative
dhcp-leasefile=/data/lan/leases
dhcp-range=10.44.0.10,10.44.0.200,255.255.255.0,24h
dhcp-option=3,10.44.0.1
dhcp-option=6,10.44.0.1
dhcp-option=42,10.44.0.1
domain=lab
expand-hosts
addn-hosts=/run/a/hosts
local=/lab/
log-dhcp
)");
}

TEST_CASE("the gateway's names are one line each, with the domain where they have no dot") {
    CHECK(net::dnsmasq_hosts(lab(), "00:11:22:33:44:55") ==
          "10.44.0.1 gateway-001122334455 gateway-001122334455.lab\n"
          "10.44.0.1 atomixos atomixos.lab\n"
          "10.44.0.1 gateway.lab\n");
}

TEST_CASE("a reserved host has its address, and its name whether it is there or not") {
    auto document = lab();
    document.reservations.value = {{"02:00:00:00:00:01", *core::parse_ipv4("10.44.0.5"), "tv"},
                                   {"02:00:00:00:00:02", *core::parse_ipv4("10.44.0.50"), ""}};
    auto const text = net::dnsmasq_config(
        document, {.interface = "eth1", .hosts = "/run/a/hosts", .leases = "/data/lan/leases"});
    CHECK(text.find("dhcp-range=10.44.0.10,10.44.0.200,255.255.255.0,24h\n"
                    "dhcp-host=02:00:00:00:00:01,10.44.0.5,tv\n"
                    "dhcp-host=02:00:00:00:00:02,10.44.0.50\n"
                    "dhcp-option=3,10.44.0.1\n") != std::string::npos);
    CHECK(net::dnsmasq_hosts(document, "").ends_with("10.44.0.1 gateway.lab\n10.44.0.5 tv tv.lab\n"));
}

TEST_CASE("without a MAC there is no name after it, and no name comes twice") {
    auto document = lab();
    document.gateway_aliases.value = {"atomixos", "atomixos"};
    CHECK(net::dnsmasq_hosts(document, "") == "10.44.0.1 atomixos atomixos.lab\n");
    document.hostname_pattern.value = "";
    CHECK(net::dnsmasq_hosts(document, "00:11:22:33:44:55") == "10.44.0.1 atomixos atomixos.lab\n");
}

TEST_CASE("a pattern that names the MAC twice is filled in twice") {
    auto document = lab();
    document.hostname_pattern.value = "{mac}.gw-{mac}";
    document.gateway_aliases.value = {};
    CHECK(net::dnsmasq_hosts(document, "00:11:22:33:44:55") == "10.44.0.1 001122334455.gw-001122334455\n");
}
