#include "net/firewall_policy.hpp"

#include "config/flag_watcher.hpp"

#include <algorithm>
#include <span>

namespace net {
namespace {

using core::LanAccess;

constexpr std::uint16_t kLanTcp[] = {22, 53, kBootstrapPort, 8443};   // SSH, DNS, status page, API
constexpr std::uint16_t kLanUdp[] = {53, 123};                        // DNS, NTP; DHCP has a rule of its own

// linux/if.h: IFNAMSIZ is 16 with the terminator. A quote or a `*` would mean something to nft.
bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() < 16 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-") ==
               std::string_view::npos;
}

Result<void> check_interfaces(FirewallFacts const& facts) {
    for (auto const& name : {facts.wan, facts.lan}) {
        if (!is_interface_name(name))
            return fail(Errc::bad_input, "\"" + name + "\" cannot be the name of a network interface");
        if (name == kVpn)
            return fail(Errc::bad_input,
                        "interface " + name + " is the VPN's, and can be neither WAN nor LAN");
    }
    if (facts.wan == facts.lan)
        return fail(Errc::bad_input, "WAN and LAN cannot both be interface " + facts.wan);
    return {};
}

// Closed until the operator's wish is known.
LanAccess lan_access(FirewallFacts const& facts) {
    if (!facts.is_provisioned) return LanAccess::required;
    bool const lists = !facts.wanted_on_lan.tcp.empty() || !facts.wanted_on_lan.udp.empty();
    return lists ? LanAccess::listed : LanAccess::open;
}

void add(std::vector<std::uint16_t>& ports, std::span<std::uint16_t const> more) {
    ports.insert(ports.end(), more.begin(), more.end());
}

void tidy(std::vector<std::uint16_t>& ports) {
    std::ranges::sort(ports);
    ports.erase(std::ranges::unique(ports).begin(), ports.end());
}

std::string render_set(std::string const& name, std::vector<std::uint16_t> const& ports) {
    auto text = "    set " + name + " {\n        type inet_service\n";
    if (!ports.empty()) {
        text += "        elements = { ";
        for (auto const port : ports) text += (port == ports.front() ? "" : ", ") + std::to_string(port);
        text += " }\n";
    }
    return text + "    }\n";
}

std::string replaced(std::string text, std::string_view what, std::string const& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

constexpr char kListed[] = R"(tcp dport @lan_tcp accept
        udp dport @lan_udp accept
        counter drop comment "not open on the LAN")";

constexpr char kChains[] = R"(
    chain ssh_on_wan {
        @SSH@
    }

    chain from_wan {
        icmp type echo-request limit rate 10/second burst 20 packets accept
        tcp dport @wan_tcp accept
        udp dport @wan_udp accept
        counter drop comment "not open on the WAN"
    }

    chain from_lan {
        icmp type echo-request limit rate 10/second burst 20 packets accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
        @LAN_PORTS@
    }

    chain from_vpn {
        tcp dport 22 accept
        counter drop comment "not open on the VPN"
    }

    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        iifname "@WAN@" udp sport 67 udp dport 68 accept
        iifname "@LAN@" udp sport 68 udp dport 67 accept
        iifname { "@WAN@", "@LAN@", "@VPN@" } fib daddr . iif type != { local, broadcast, multicast } counter drop comment "for an address of another interface"
        iifname { "@WAN@", "@LAN@", "@VPN@" } meta nfproto ipv4 fib saddr . iif oif missing counter drop comment "from an address of another interface"
        iifname "@WAN@" tcp dport 22 jump ssh_on_wan
        ct state invalid counter drop comment "invalid"
        ct state established,related accept
        iifname "@WAN@" jump from_wan
        iifname "@LAN@" jump from_lan
        iifname "@VPN@" jump from_vpn
        counter drop comment "from an unknown interface"
    }

    chain output {
        type filter hook output priority filter; policy accept;
        oifname "@WAN@" tcp sport 22 jump ssh_on_wan
    }

    chain forward {
        type filter hook forward priority filter; policy drop;
    }
}
)";

}   // namespace

FirewallFacts firewall_facts(config::DeviceDocument const& device, config::InForce const& in_force) {
    return {.wan = *device.wan,
            .lan = *device.lan,
            .wanted_on_wan = *in_force.document.open_on_wan,
            .wanted_on_lan = *in_force.document.open_on_lan,
            .is_provisioned = in_force.state.source != core::ConfigState::Source::built_in,
            .bootstrap_on_wan = *device.bootstrap_on_wan};
}

Result<FirewallPolicy> policy(FirewallFacts const& facts, core::Flags const& flags) {
    if (auto ok = check_interfaces(facts); !ok) return ok.error();
    FirewallPolicy made{.wan = facts.wan,
                        .lan = facts.lan,
                        .open_on_wan = facts.wanted_on_wan,
                        .open_on_lan = facts.wanted_on_lan,
                        .lan_access = lan_access(facts),
                        .bootstrap_on_wan = facts.bootstrap_on_wan && !facts.is_provisioned,
                        .ssh_on_wan = flags.contains(std::string{config::kSshWanEnabled})};
    if (made.bootstrap_on_wan) made.open_on_wan.tcp.push_back(kBootstrapPort);
    if (made.lan_access != LanAccess::open) {
        add(made.open_on_lan.tcp, kLanTcp);
        add(made.open_on_lan.udp, kLanUdp);
    }
    for (auto* ports : {&made.open_on_wan, &made.open_on_lan}) {
        tidy(ports->tcp);
        tidy(ports->udp);
    }
    return made;
}

std::string render(FirewallPolicy const& policy) {
    auto chains = replaced(kChains, "@SSH@", ssh_verdict(policy));
    chains =
        replaced(std::move(chains), "@LAN_PORTS@", policy.lan_access == LanAccess::open ? "accept" : kListed);
    chains = replaced(std::move(chains), "@VPN@", std::string{kVpn});
    chains = replaced(std::move(chains), "@WAN@", policy.wan);
    chains = replaced(std::move(chains), "@LAN@", policy.lan);
    return "add table inet atomix\ndelete table inet atomix\ntable inet atomix {\n" +
           render_set("wan_tcp", policy.open_on_wan.tcp) + render_set("wan_udp", policy.open_on_wan.udp) +
           render_set("lan_tcp", policy.open_on_lan.tcp) + render_set("lan_udp", policy.open_on_lan.udp) +
           chains;
}

std::string ssh_verdict(FirewallPolicy const& policy) {
    return policy.ssh_on_wan ? "accept" : "drop";
}

std::string render_ssh_change(FirewallPolicy const& policy) {
    return "flush chain inet atomix ssh_on_wan\nadd rule inet atomix ssh_on_wan " + ssh_verdict(policy) +
           "\n";
}

}   // namespace net
