#pragma once
// dnsmasq(8)'s configuration for the LAN: DHCP and local names, nothing forwarded. Pure.

#include "config/operator_document.hpp"

#include <filesystem>
#include <string>

namespace net {

struct DnsmasqPlaces {
    std::string interface;
    std::filesystem::path hosts;    // written with dnsmasq_hosts()
    std::filesystem::path leases;   // must survive updates: a lease lost is an address given twice
};

std::string dnsmasq_config(config::OperatorDocument const& document, DnsmasqPlaces const& places);

// One line per name of the gateway, "10.44.0.1 atomixos atomixos.lab". A pattern with {mac} gives no line
// while `mac` ("00:11:22:33:44:55") is empty. Then the reserved hosts, whose names would else be unknown
// until they ask for their address.
std::string dnsmasq_hosts(config::OperatorDocument const& document, std::string const& mac);

}   // namespace net
