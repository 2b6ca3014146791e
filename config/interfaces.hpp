#pragma once
// network.interfaces of the operator's document, and the keys above it that mean the WAN: how the interfaces
// beside the LAN get their addresses.
//
// eth0 and eth1 are roles there, the WAN and the LAN, whatever the device calls them, so that one document
// serves different boards. Every other ethN is the kernel's own name: nothing is served there, and the packet
// filter lets nothing in.

#include "config/mapping.hpp"

#include <optional>
#include <string>
#include <vector>

namespace config {

// One interface. What is not written comes by DHCP, or is not there where the address is static.
struct InterfaceWish {
    std::string name;                           // "eth0": the WAN
    Field<std::optional<core::Cidr>> address;   // nothing: by DHCP
    Field<std::optional<core::Ipv4>> gateway;
    Field<std::vector<std::string>> dns_servers;      // IP addresses
    Field<std::vector<std::string>> search_domains;   // lower-cased, without a final dot
};

// What the device calls its two sides (device.yaml, interfaces), and what else of it an operator's document
// depends on.
struct DeviceNames {
    std::string wan = "eth0";
    std::string lan = "eth1";
    bool has_containers = true;   // containers.manager is not none
};

struct Interfaces {
    InterfaceWish wan{.name = "eth0"};
    std::vector<InterfaceWish> further;
    Field<std::optional<core::Cidr>> lan;   // network.interfaces.eth1.address
    bool lan_is_good = true;                // false: it is written, and wrong
};

Result<core::Cidr> as_lan_address(Node const& node);   // prefix /16 … /30. Errors: bad_input

// Reads dns_servers, dns_search_domains, default_gateway and interfaces of `network`. What eth0 has of its
// own replaces what stands above; the other interfaces know nothing of that. The reference lets eth1 have a
// gateway and servers of its own; they are refused here, because nothing could be done with them.
Interfaces read_interfaces(Mapping& network, DeviceNames const& device);

// Gateways against their subnets, and subnets against each other and the LAN. The reference checks none of
// this, and such a device answers nobody on one of its sides.
void check_interfaces(Mapping& network, Interfaces const& interfaces, std::optional<core::Cidr> lan);

}   // namespace config
