#include "net/firewall_ruleset.hpp"

namespace net {
namespace {

// Why a packet is dropped: the counter's name, and what it means.
struct Reason {
    char const* name;
    char const* meaning;
};
constexpr Reason kReasons[] = {
    {"weak_host", "for an address of another interface"},
    {"spoofed", "from an address of another interface"},
    {"invalid", "belongs to no connection"},
    {"ssh_flood", "too many new SSH connections of one source"},
    {"echo_flood", "too many echo requests"},
    {"wan_closed", "not open on the WAN"},
    {"lan_closed", "not open on the LAN"},
    {"vpn_closed", "not open on the VPN"},
    {"stranger", "from an unknown interface"},
    {"forwarded", "for another host"},
};

constexpr char kSshClosed[] =
    "ssh_closed";   // no chain: the flag's rule itself counts and drops, and is not logged

constexpr char kSources[] = R"(
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
)";

constexpr char kListedPorts[] = R"(meta nfproto ipv4 udp sport 68 udp dport 67 accept
        tcp dport @lan_tcp accept
        udp dport @lan_udp accept
        goto drop_lan_closed)";

constexpr char kAllPorts[] = R"(meta l4proto { icmp, ipv6-icmp } goto drop_lan_closed
        accept)";

constexpr char kChains[] = R"(
    chain ssh_on_wan {
        $SSH
    }

    chain echo {
        iifname "$WAN" limit rate 10/second burst 20 packets accept
        iifname "$LAN" limit rate 10/second burst 20 packets accept
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
        $PORTS
    }

    chain from_vpn {
        tcp dport 22 accept
        goto drop_vpn_closed
    }

    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        iifname { "$WAN", "$LAN", "$VPN" } fib daddr . iif type != { local, broadcast, multicast } goto drop_weak_host
        iifname "$LAN" ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
        iifname { "$WAN", "$LAN" } ip6 saddr :: icmpv6 type nd-neighbor-solicit ip6 hoplimit 255 accept
        iifname { "$WAN", "$LAN", "$VPN" } fib saddr . iif oif missing goto drop_spoofed
        ct state invalid goto drop_invalid
        iifname "$WAN" tcp dport 22 ct state new update @ssh_sources { ip saddr limit rate over 12/minute burst 12 packets } goto drop_ssh_flood
        iifname "$WAN" tcp dport 22 ct state new update @ssh_sources6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over 12/minute burst 12 packets } goto drop_ssh_flood
        iifname "$WAN" tcp dport 22 jump ssh_on_wan
        iifname { "$WAN", "$LAN" } icmp type echo-request jump echo
        iifname { "$WAN", "$LAN" } icmpv6 type echo-request jump echo
        ct state established,related accept
        iifname "$WAN" jump from_wan
        iifname "$LAN" jump from_lan
        iifname "$VPN" jump from_vpn
        goto drop_stranger
    }

    chain output {
        type filter hook output priority filter; policy accept;
        oifname "$WAN" tcp sport 22 jump ssh_on_wan
    }

    chain forward {
        type filter hook forward priority filter; policy drop;
        goto drop_forwarded
    }
}
)";

std::string render_set(std::string const& name, std::vector<std::uint16_t> const& ports) {
    auto text = "    set " + name + " {\n        type inet_service\n";
    if (!ports.empty()) {
        text += "        elements = { ";
        for (auto const port : ports) text += (port == ports.front() ? "" : ", ") + std::to_string(port);
        text += " }\n";
    }
    return text + "    }\n";
}

std::string render_counter(Reason const& reason) {
    return std::string{"    counter "} + reason.name + " {\n        comment \"" + reason.meaning +
           "\"\n    }\n";
}

std::string render_drop(Reason const& reason) {
    return std::string{"\n    chain drop_"} + reason.name +
           " {\n        limit rate 6/minute burst 10 packets log prefix \"atomix drop " + reason.name +
           ": \"\n        counter name \"" + reason.name + "\" drop\n    }\n";
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

std::string render_chains(FirewallPolicy const& policy) {
    auto text = replaced(kChains, "$SSH", text_of(ssh_rule(policy)));
    text = replaced(std::move(text), "$PORTS",
                    policy.lan_access == core::LanAccess::open ? kAllPorts : kListedPorts);
    text = replaced(std::move(text), "$WAN", policy.wan);
    text = replaced(std::move(text), "$LAN", policy.lan);
    return replaced(std::move(text), "$VPN", kVpn);
}

}   // namespace

std::string render(FirewallPolicy const& policy) {
    std::string text = "add table inet atomix\ndelete table inet atomix\ntable inet atomix {\n";
    for (auto const& reason : kReasons) text += render_counter(reason);
    text += render_counter({kSshClosed, "SSH on the WAN without its flag"});
    text += render_set("wan_tcp", policy.open_on_wan.tcp) + render_set("wan_udp", policy.open_on_wan.udp);
    text += render_set("lan_tcp", policy.open_on_lan.tcp) + render_set("lan_udp", policy.open_on_lan.udp);
    text += kSources;
    for (auto const& reason : kReasons) text += render_drop(reason);
    return text + render_chains(policy);
}

OnlyRule ssh_rule(FirewallPolicy const& policy) {
    return {.chain = std::string{kSshChain},
            .counter = policy.ssh_on_wan ? "" : kSshClosed,
            .accept = policy.ssh_on_wan};
}

}   // namespace net
