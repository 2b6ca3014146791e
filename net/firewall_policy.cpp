#include "net/firewall_policy.hpp"

#include "config/flag_watcher.hpp"

#include <algorithm>

namespace net {
namespace {

constexpr std::uint16_t kLanTcp[] = {22, 53, 8080, 8443};   // SSH, DNS, status page, API
constexpr std::uint16_t kLanUdp[] = {53, 123};              // DNS, NTP; DHCP has a rule of its own

// linux/if.h: IFNAMSIZ is 16 with the terminator. A quote or a `*` would mean something to nft.
bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() < 16 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-") ==
               std::string_view::npos;
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
        tcp dport @lan_tcp accept
        udp dport @lan_udp accept
        counter drop comment "not open on the LAN"
    }

    chain input {
        type filter hook input priority filter; policy drop;
        iifname "lo" accept
        iifname "@WAN@" udp sport 67 udp dport 68 accept
        iifname "@LAN@" udp sport 68 udp dport 67 accept
        iifname { "@WAN@", "@LAN@" } fib daddr . iif type != { local, broadcast, multicast } counter drop comment "for an address of another interface"
        iifname { "@WAN@", "@LAN@" } meta nfproto ipv4 fib saddr . iif oif missing counter drop comment "from an address of another interface"
        iifname "@WAN@" tcp dport 22 jump ssh_on_wan
        ct state invalid counter drop comment "invalid"
        ct state established,related accept
        iifname "@WAN@" jump from_wan
        iifname "@LAN@" jump from_lan
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

Result<FirewallPolicy>
policy(config::OperatorDocument const& document, std::string wan, std::string lan, core::Flags const& flags) {
    for (auto const& name : {wan, lan})
        if (!is_interface_name(name))
            return fail(Errc::bad_input, "\"" + name + "\" cannot be the name of a network interface");
    if (wan == lan) return fail(Errc::bad_input, "WAN and LAN cannot both be interface " + wan);
    FirewallPolicy made{.wan = std::move(wan),
                        .lan = std::move(lan),
                        .open_on_wan = *document.open_on_wan,
                        .open_on_lan = *document.open_on_lan,
                        .ssh_on_wan = flags.contains(std::string{config::kSshWanEnabled})};
    made.open_on_lan.tcp.insert(made.open_on_lan.tcp.end(), std::begin(kLanTcp), std::end(kLanTcp));
    made.open_on_lan.udp.insert(made.open_on_lan.udp.end(), std::begin(kLanUdp), std::end(kLanUdp));
    for (auto* ports : {&made.open_on_wan, &made.open_on_lan}) {
        tidy(ports->tcp);
        tidy(ports->udp);
    }
    return made;
}

std::string render(FirewallPolicy const& policy) {
    auto chains = replaced(kChains, "@SSH@", ssh_verdict(policy));
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
