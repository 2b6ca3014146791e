#pragma once
// The firewall's policy as nft's text. Pure.
//
// One table, `inet atomix`; nothing is ever forwarded. Judged in this order: loopback; DHCP; packets for an
// address of another interface (weak host model) and with a source that belongs elsewhere: dropped; SSH on
// the WAN by its flag, before what is established, and in both directions, so that open sessions end with the
// flag; echo, before what is established as well, so that its limit holds within one ping; then the rest.
// Errors and path MTU are `related`.
//
// Every reason to drop has a chain of its own with a counter of its name, and a limited log. The counters
// begin anew whenever the whole table is replaced.

#include "net/firewall_policy.hpp"
#include "net/only_rule.hpp"

namespace net {

constexpr std::string_view kSshChain = "ssh_on_wan";   // the only one that changes without the others

// The whole table, replaced in one transaction whether or not it was there (`destroy` needs nft 1.0.7).
std::string render(FirewallPolicy const& policy);

// All that follows the flag: the rule of kSshChain.
OnlyRule ssh_rule(FirewallPolicy const& policy);

}   // namespace net
