#pragma once
// What may reach the gateway, as a value. Pure; as nft's text: net/firewall_ruleset.hpp.
// What is open where: docs/decisions/0011.

#include "config/accepted.hpp"
#include "core/device_state.hpp"
#include "core/result.hpp"

#include <string>

namespace net {

using core::Errc;
using core::fail;
using core::Result;

// What the policy is made of, but for the flags.
struct FirewallFacts {
    std::string wan;
    std::string lan;
    config::Ports wanted_on_wan;   // as the operator wrote them
    config::Ports wanted_on_lan;
    bool is_provisioned = false;     // an operator's document is in force, not the built-in default
    bool bootstrap_on_wan = false;   // the image allows it, while not provisioned
};
FirewallFacts firewall_facts(config::DeviceDocument const& device, config::InForce const& in_force);

constexpr std::string_view kVpn = "tun0";
constexpr std::uint16_t kBootstrapPort = 8080;

struct FirewallPolicy {
    std::string wan;
    std::string lan;
    config::Ports open_on_wan;   // sorted, each once; the bootstrap port is among them
    config::Ports open_on_lan;   // the gateway's own services included; empty when all of the LAN is open
    core::LanAccess lan_access = core::LanAccess::required;
    bool bootstrap_on_wan = false;
    bool ssh_on_wan = false;
    bool operator==(FirewallPolicy const&) const = default;
};

// Errors: bad_input (an interface name that the kernel or nft would not take, or the VPN's).
Result<FirewallPolicy> policy(FirewallFacts const& facts, core::Flags const& flags);

}   // namespace net
