#include "net/firewall_ruleset.hpp"

#include "net/firewall_listing.hpp"
#include "net/network_namespace.hpp"
#include "net/nft.hpp"
#include "net/normal_listing.hpp"
#include "support/run_task.hpp"

#include <random>

namespace {

// Its own kernel, so to speak.
struct Kernel {
    test::NetworkNamespace space;
    core::asio::io_context io{1};
    net::Nft nft;

    void apply(std::string const& commands) {
        auto const done = test::run_task(io, nft.apply(commands));
        REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().text()));
    }
    std::string listing() { return *test::run_task(io, nft.list_table("inet atomix")); }
};

// The same on every run.
struct Random {
    std::mt19937 numbers{20261101};

    unsigned below(unsigned most) { return static_cast<unsigned>(numbers() % most); }
    bool coin() { return below(2) == 1; }
    std::vector<std::uint16_t> ports() {
        std::vector<std::uint16_t> made(coin() ? 0 : below(40));
        for (auto& port : made) port = static_cast<std::uint16_t>(1 + below(coin() ? 100 : 65535));
        return made;
    }
    net::FirewallFacts facts() {
        constexpr char const* kWans[] = {"eth0", "wan", "br-wan.10", "enp1s0f0np0", "a", "in", "drop"};
        constexpr char const* kLans[] = {"eth1", "lan", "usb0:1", "wlx001122334455", "accept", "123", "-x"};
        return {.wan = kWans[below(std::size(kWans))],
                .lan = kLans[below(std::size(kLans))],
                .wanted_on_wan = {.tcp = ports(), .udp = ports()},
                .wanted_on_lan = {.tcp = ports(), .udp = ports()},
                .is_provisioned = coin(),
                .bootstrap_on_wan = coin()};
    }
    core::Flags flags() { return coin() ? core::Flags{"ssh-wan-enabled"} : core::Flags{}; }
};

// clang-format off
constexpr char kGolden[] = R"(add table inet atomix
delete table inet atomix
table inet atomix {
    counter weak_host {
        comment "for an address of another interface"
    }
    counter spoofed {
        comment "from an address of another interface"
    }
    counter invalid {
        comment "belongs to no connection"
    }
    counter ssh_flood {
        comment "too many new SSH connections of one source"
    }
    counter echo_flood {
        comment "too many echo requests"
    }
    counter wan_closed {
        comment "not open on the WAN"
    }
    counter lan_closed {
        comment "not open on the LAN"
    }
    counter vpn_closed {
        comment "not open on the VPN"
    }
    counter stranger {
        comment "from an unknown interface"
    }
    counter forwarded {
        comment "for another host"
    }
    counter ssh_closed {
        comment "SSH on the WAN without its flag"
    }
    set wan_tcp {
        type inet_service
    }
    set wan_udp {
        type inet_service
    }
    set lan_tcp {
        type inet_service
        elements = { 22, 53, 8080, 8443 }
    }
    set lan_udp {
        type inet_service
        elements = { 53, 123 }
    }

    set ssh_sources {
        type ipv4_addr
        size 4096
        flags dynamic
        timeout 5m
    }

    set ssh_sources6 {
        type ipv6_addr
        size 4096
        flags dynamic
        timeout 5m
    }

    chain drop_weak_host {
        limit rate 6/minute burst 10 packets log prefix "atomix drop weak_host: "
        counter name "weak_host" drop
    }

    chain drop_spoofed {
        limit rate 6/minute burst 10 packets log prefix "atomix drop spoofed: "
        counter name "spoofed" drop
    }

    chain drop_invalid {
        limit rate 6/minute burst 10 packets log prefix "atomix drop invalid: "
        counter name "invalid" drop
    }

    chain drop_ssh_flood {
        limit rate 6/minute burst 10 packets log prefix "atomix drop ssh_flood: "
        counter name "ssh_flood" drop
    }

    chain drop_echo_flood {
        limit rate 6/minute burst 10 packets log prefix "atomix drop echo_flood: "
        counter name "echo_flood" drop
    }

    chain drop_wan_closed {
        limit rate 6/minute burst 10 packets log prefix "atomix drop wan_closed: "
        counter name "wan_closed" drop
    }

    chain drop_lan_closed {
        limit rate 6/minute burst 10 packets log prefix "atomix drop lan_closed: "
        counter name "lan_closed" drop
    }

    chain drop_vpn_closed {
        limit rate 6/minute burst 10 packets log prefix "atomix drop vpn_closed: "
        counter name "vpn_closed" drop
    }

    chain drop_stranger {
        limit rate 6/minute burst 10 packets log prefix "atomix drop stranger: "
        counter name "stranger" drop
    }

    chain drop_forwarded {
        limit rate 6/minute burst 10 packets log prefix "atomix drop forwarded: "
        counter name "forwarded" drop
    }

    chain ssh_on_wan {
        counter name "ssh_closed" drop
    }

    chain echo {
        iifname "eth0" limit rate 10/second burst 20 packets accept
        iifname "eth1" limit rate 10/second burst 20 packets accept
        goto drop_echo_flood
    }

    chain from_wan {
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
        meta nfproto ipv4 udp sport 67 udp dport 68 accept
        tcp dport @wan_tcp accept
        udp dport @wan_udp accept
        goto drop_wan_closed
    }

    chain from_lan {
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
        meta nfproto ipv4 udp sport 68 udp dport 67 accept
        tcp dport @lan_tcp accept
        udp dport @lan_udp accept
        goto drop_lan_closed
    }

    chain from_vpn {
        tcp dport 22 accept
        goto drop_vpn_closed
    }

    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        iifname { "eth0", "eth1", "tun0" } fib daddr . iif type != { local, broadcast, multicast } goto drop_weak_host
        iifname "eth1" ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
        iifname { "eth0", "eth1" } ip6 saddr :: icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept
        iifname { "eth0", "eth1", "tun0" } fib saddr . iif oif missing goto drop_spoofed
        ct state invalid goto drop_invalid
        iifname "eth0" tcp dport 22 ct state new update @ssh_sources { ip saddr limit rate over 12/minute burst 12 packets } goto drop_ssh_flood
        iifname "eth0" tcp dport 22 ct state new update @ssh_sources6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 12/minute burst 12 packets } goto drop_ssh_flood
        iifname "eth0" tcp dport 22 jump ssh_on_wan
        iifname { "eth0", "eth1" } icmp type echo-request jump echo
        iifname { "eth0", "eth1" } icmpv6 type echo-request jump echo
        ct state established,related accept
        iifname "eth0" jump from_wan
        iifname "eth1" jump from_lan
        iifname "tun0" jump from_vpn
        goto drop_stranger
    }

    chain output {
        type filter hook output priority filter; policy accept;
        oifname "eth0" tcp sport 22 jump ssh_on_wan
    }

    chain forward {
        type filter hook forward priority filter; policy drop;
        goto drop_forwarded
    }
}
)";
// clang-format on

}   // namespace

TEST_CASE("the table of a device as it comes is this text") {
    CHECK(net::render(*net::policy({.wan = "eth0", .lan = "eth1"}, {})) == kGolden);
}

TEST_CASE_FIXTURE(Kernel,
                  "whatever the documents and flags say, the kernel takes it and lists it as wanted") {
    Random random;
    for (int round = 0; round < 100; ++round) {
        CAPTURE(round);
        auto const facts = random.facts();
        auto const first = *net::policy(facts, random.flags());
        apply(net::render(first));
        auto const listed = listing();
        auto checked = net::check_listing(listed, first);
        REQUIRE_MESSAGE(checked.has_value(), (checked ? "" : checked.error().text()));

        auto const second = *net::policy(facts, random.flags());
        REQUIRE(test::run_task(io, nft.set(net::ssh_rule(second))).has_value());
        auto const changed = listing();
        checked = net::check_listing(changed, second);
        REQUIRE_MESSAGE(checked.has_value(), (checked ? "" : checked.error().text()));
        CHECK(net::first_difference(*net::normal_listing(listed, net::kSshChain),
                                    *net::normal_listing(changed, net::kSshChain)) == "");
        CHECK(net::check_listing(listed, second).has_value() == (first == second));
    }
}
