#pragma once
// The LAN interface's IPv4 address is this program's: up, with the wanted address and no other of global
// scope. Nobody else configures that interface (systemd-networkd leaves it unmanaged).
//
// The route to the LAN is in a table of its own that is asked before the main one: there a narrower route, or
// an address of the LAN's network, on the WAN would take hosts or all of the LAN away, and whoever answers
// the WAN's DHCP can bring both.

#include "net/link_event.hpp"

#include <vector>

namespace net {

struct AddressChange {
    enum class Kind { set_up, add, remove } kind;
    core::Cidr cidr{};   // not for set_up
    bool operator==(AddressChange const&) const = default;
};

// What to do, in order; nothing when the interface is as wanted. Pure.
//
// The wanted address is added before others go, and added again afterwards: where an old one of the same
// network goes, the kernel drops all later ones of that network with it (promote_secondaries is off by
// default).
std::vector<AddressChange> address_changes(LinkTable::Entry const& lan, core::Cidr wanted);

class LanAddress {
public:
    explicit LanAddress(core::Cidr wanted) : wanted_{wanted} {}

    // Idempotent, and makes no event where all is as wanted; does not wait. Errors: errno's, with the change
    // that the kernel refused.
    Result<void> ensure(LinkTable::Entry const& lan) const;
    core::Cidr wanted() const noexcept { return wanted_; }

private:
    core::Cidr wanted_;
};

}   // namespace net
