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

}   // namespace net
