#pragma once
// <data>/config/atomix.yaml, the operator's document: the keys of the reference's config.toml, in YAML.
//
// This version acts on `version`, `network`, `os_upgrade`, `watchdog`, `containers` and
// `activation.required`. `users` and the rest of `activation` are refused with a sentence that says so:
// nothing is accepted and then ignored. A document that is refused never stops the start: the last one this
// slot accepted is used (config/accepted.hpp), else the built-in LAN default, which is OperatorDocument{}.

#include "config/containers.hpp"
#include "config/device_document.hpp"
#include "config/field.hpp"
#include "config/interfaces.hpp"
#include "config/maintenance_window.hpp"
#include "config/reservation.hpp"
#include "core/ipv4.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace config {

struct Ports {
    std::vector<std::uint16_t> tcp;
    std::vector<std::uint16_t> udp;
    bool operator==(Ports const&) const = default;
};

struct OperatorDocument {
    // network.dnsmasq:
    Field<core::Cidr> lan{{{0xac141e01}, 24}};    // gateway_cidr or interfaces.eth1.address, 172.20.30.1/24
    Field<core::Ipv4> dhcp_start{{0xac141e0a}};   // 172.20.30.10
    Field<core::Ipv4> dhcp_end{{0xac141efe}};     // 172.20.30.254
    Field<std::string> domain{"local"};
    Field<std::string> hostname_pattern{""};   // "gateway-{mac}"
    Field<std::vector<std::string>> gateway_aliases{{"atomixos"}};
    Field<std::vector<Reservation>>
        reservations;   // [{mac: "00:11:22:33:44:55", ip: 172.20.30.50, name: tv}]
    // network.interfaces, dns_servers, dns_search_domains, default_gateway:
    InterfaceWish wan{.name = "eth0"};
    std::vector<InterfaceWish> further;
    // network.ntp:
    Field<std::vector<std::string>> ntp_servers{{"time.cloudflare.com"}};
    // network.firewall.inbound.{wan,lan}.{tcp,udp}; WAN tcp 22 and 8080 are refused with the reason
    Field<Ports> open_on_wan{Ports{}};
    Field<Ports> open_on_lan{Ports{}};
    // os_upgrade.server_url: https, no credentials, query or fragment; trailing slashes stripped
    Field<std::optional<std::string>> server_url;
    // os_upgrade.window: "02:00-04:00", or a list of such; absent: an update is activated at any time
    Field<MaintenanceWindows> update_windows;
    Field<bool> only_security{false};   // os_upgrade.only_security: other updates are not installed
    Field<bool> watchdog{false};    // the hardware's runs outside trials too, unless device.yaml says never
    Field<Containers> containers;   // containers.{container,network,volume,build}, activation.required
};

std::variant<OperatorDocument, Problems>
parse_operator_document(std::string const& text, std::string const& file, DeviceNames const& device = {});

DeviceNames device_names(DeviceDocument const& device);

// What the gateway is called on its LAN, without the pattern's name: each alias, and with the domain if it
// has no dot.
std::vector<std::string> gateway_names(OperatorDocument const& document);

}   // namespace config
