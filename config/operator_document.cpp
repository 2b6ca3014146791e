#include "config/operator_document.hpp"

#include "config/dhcp_range.hpp"
#include "config/host_address.hpp"
#include "config/host_name.hpp"
#include "config/list.hpp"
#include "config/mapping.hpp"

#include <algorithm>

namespace config {
namespace {

using core::Cidr;
using core::Errc;
using core::fail;
using core::Ipv4;

Result<bool> as_true(Node const& node) {
    if (auto const value = as_bool(node); !value || !*value)
        return expected("true, because the LAN is always served", node);
    return true;
}

Result<std::string> as_eth1(Node const& node) {
    if (node.kind != Node::Kind::scalar || node.text != "eth1")
        return expected("eth1, the LAN interface of the document", node);
    return node.text;
}

// The pattern must be a DNS name once a MAC address has taken the place of {mac}.
Result<std::string> as_hostname_pattern(Node const& node) {
    static constexpr std::string_view kMac = "{mac}", kTwelveDigits = "001122334455";
    auto text = as_text(node);
    if (!text || text->empty()) return text;
    auto example = *text;
    bool has_mac = false;
    for (auto at = example.find(kMac); at != std::string::npos; at = example.find(kMac)) {
        example.replace(at, kMac.size(), kTwelveDigits);
        has_mac = true;
    }
    if (!has_mac) return expected("a name with {mac} in it, or an empty text", node);
    if (!normal_dns_name(example)) return expected("a DNS name once 12 digits replace {mac}", node);
    if (text->ends_with('.')) text->pop_back();
    for (auto& c : *text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

Result<std::string> as_host(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    auto const host = normal_host(*text);
    if (!host) return expected("an IP address or a DNS name", node);
    return *host;
}

Result<std::string> as_server_url(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    return normal_server_url(*text);
}

Result<int> as_port(Node const& node) {
    return as_integer(node, 1, 65535);
}

Result<int> as_wan_tcp_port(Node const& node) {
    auto const port = as_port(node);
    if (port && *port == 8080) return fail(Errc::bad_input, "8080 is reserved for this device's own pages");
    if (port && *port == 22)
        return fail(
            Errc::bad_input,
            "22 cannot be opened here: SSH on the WAN is opened only by the flag file ssh-wan-enabled");
    return port;
}

void read_dhcp(Mapping& dnsmasq, OperatorDocument& document, bool gateway) {
    bool const start = dnsmasq.read("dhcp_start", document.dhcp_start, as_ipv4);
    bool const end = dnsmasq.read("dhcp_end", document.dhcp_end, as_ipv4);
    if (!gateway || !start || !end) return;

    auto const hosts = hosts_of(*document.lan);
    auto const usable = [&](std::string_view key, Field<Ipv4> const& field) {
        if (!field.is_written() || (*field >= hosts.start && *field <= hosts.end)) return true;
        dnsmasq.problem(field.at, key,
                        "must be in the LAN " + print(Cidr{document.lan->network(), document.lan->prefix}) +
                            ", from " + print(hosts.start) + " to " + print(hosts.end));
        return false;
    };
    bool const usable_start = usable("dhcp_start", document.dhcp_start);
    bool const usable_end = usable("dhcp_end", document.dhcp_end);
    if (!usable_start || !usable_end) return;

    // What is not written follows the gateway, so that moving the LAN is one line.
    auto const written = [](Field<Ipv4> const& field) {
        return field.is_written() ? std::optional{*field} : std::nullopt;
    };
    auto const range = derive_range(*document.lan, written(document.dhcp_start), written(document.dhcp_end));
    document.dhcp_start.value = range.start;
    document.dhcp_end.value = range.end;

    auto const& at = document.dhcp_end.is_written() ? document.dhcp_end.at : document.dhcp_start.at;
    auto const* const key = document.dhcp_end.is_written() ? "dhcp_end" : "dhcp_start";
    auto const text = print(range.start) + " to " + print(range.end);
    if (range.start > range.end)
        dnsmasq.problem(at, key, "the range " + text + " ends before it starts");
    else if (document.lan->address >= range.start && document.lan->address <= range.end)
        dnsmasq.problem(at, key,
                        "the range " + text + " contains the gateway " + print(document.lan->address));
}

// As a LAN host writes them, without the domain.
std::vector<std::string> short_gateway_names(OperatorDocument const& document) {
    auto names = *document.gateway_aliases;
    for (auto& name : names)
        if (auto const end = '.' + *document.domain; name.ends_with(end))
            name.resize(name.size() - end.size());
    return names;
}

// The LAN's address is written in one of two places, or in both alike. False when it is not known.
bool read_lan(Mapping& dnsmasq, Interfaces const& interfaces, OperatorDocument& document) {
    if (!dnsmasq.read("gateway_cidr", document.lan, as_lan_address) || !interfaces.lan_is_good) return false;
    auto const& other = interfaces.lan;
    if (!other->has_value()) return true;
    if (!document.lan.is_written()) {
        document.lan.value = **other;
        document.lan.at = other.at;
    } else if (*document.lan != **other) {
        dnsmasq.problem(document.lan.at, "gateway_cidr",
                        "must equal network.interfaces.eth1.address in line " +
                            std::to_string(other.at.line) + ", which is " + print(**other));
        return false;
    }
    return true;
}

// Whether the LAN's address is known.
bool read_dnsmasq(Mapping dnsmasq, Interfaces const& interfaces, OperatorDocument& document) {
    Field<bool> enable;
    Field<std::string> interface;
    dnsmasq.read("enable", enable, as_true);
    dnsmasq.read("interface", interface, as_eth1);
    bool const gateway = read_lan(dnsmasq, interfaces, document);
    read_dhcp(dnsmasq, document, gateway);
    dnsmasq.read("domain", document.domain, as_dns_name);
    dnsmasq.read("hostname_pattern", document.hostname_pattern, as_hostname_pattern);
    if (auto const* const aliases = dnsmasq.find("gateway_aliases")) {
        document.gateway_aliases = read_list<std::string>(dnsmasq, "gateway_aliases", *aliases, as_dns_name);
        document.gateway_aliases.at = aliases->at;
    }
    if (auto const* const list = dnsmasq.find("reservations")) {
        auto const lan = gateway ? std::optional{*document.lan} : std::nullopt;
        document.reservations = read_reservations(dnsmasq, *list, lan, short_gateway_names(document));
        document.reservations.at = list->at;
    }
    return gateway;
}

void read_ntp(Mapping ntp, OperatorDocument& document) {
    auto const* const servers = ntp.find("servers");
    if (!servers) return;
    document.ntp_servers = read_list<std::string>(ntp, "servers", *servers, as_host);
    document.ntp_servers.at = servers->at;
    if (servers->kind == Node::Kind::list && servers->children.empty())
        ntp.problem(servers->at, "servers", "must name at least one server");
}

template <class Parse> void read_ports(Mapping scope, Field<Ports>& ports, Parse tcp_port) {
    if (auto const* const list = scope.find("tcp"))
        ports.value.tcp = read_list<std::uint16_t>(scope, "tcp", *list, tcp_port);
    if (auto const* const list = scope.find("udp"))
        ports.value.udp = read_list<std::uint16_t>(scope, "udp", *list, as_port);
    if (scope.is_written()) ports.at = scope.at();
}

void read_firewall(Mapping inbound, OperatorDocument& document) {
    read_ports(inbound.within("wan"), document.open_on_wan, as_wan_tcp_port);
    read_ports(inbound.within("lan"), document.open_on_lan, as_port);
}

void read_network(Mapping network, OperatorDocument& document, DeviceNames const& device) {
    auto interfaces = read_interfaces(network, device);
    bool const lan_is_known = read_dnsmasq(network.within("dnsmasq"), interfaces, document);
    check_interfaces(network, interfaces, lan_is_known ? std::optional{*document.lan} : std::nullopt);
    document.wan = std::move(interfaces.wan);
    document.further = std::move(interfaces.further);
    read_ntp(network.within("ntp"), document);
    read_firewall(network.within("firewall").within("inbound"), document);
}

Result<MaintenanceWindow> as_window(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    return parse_maintenance_window(*text);
}

// One window needs no list.
void read_windows(Mapping& upgrade, OperatorDocument& document) {
    auto const* const written = upgrade.find("window");
    if (!written) return;
    document.update_windows.at = written->at;
    if (written->kind == Node::Kind::list) {
        document.update_windows.value = read_list<MaintenanceWindow>(upgrade, "window", *written, as_window);
        if (written->children.empty())
            upgrade.problem(written->at, "window", "must have at least one window");
        return;
    }
    auto window = as_window(*written);
    if (window)
        document.update_windows.value = {*window};
    else
        upgrade.problem(written->at, "window", window.error().context);
}

void read_upgrade(Mapping upgrade, OperatorDocument& document) {
    upgrade.require("server_url", document.server_url, as_server_url);
    read_windows(upgrade, document);
    upgrade.read("only_security", document.only_security, as_bool);
}

}   // namespace

std::variant<OperatorDocument, Problems>
parse_operator_document(std::string const& text, std::string const& file, DeviceNames const& device) {
    Check check;
    OperatorDocument document;
    if (auto const tree = parse_yaml(text, file, check)) {
        Mapping root{*tree, check};
        Field<int> version;
        root.require("version", version, [](Node const& node) { return as_integer(node, 1, 1); });
        read_network(root.within("network"), document, device);
        root.read("watchdog", document.watchdog, as_bool);
        if (root.find("os_upgrade")) read_upgrade(root.within("os_upgrade"), document);
        document.containers = read_containers(root, device.has_containers);
        root.refuse("users", "is refused, because this version does not act on it yet");
    }
    if (!check.is_clean()) return check.take();
    return document;
}

DeviceNames device_names(DeviceDocument const& device) {
    return {*device.wan, *device.lan, *device.container_manager != "none"};
}

std::vector<std::string> gateway_names(OperatorDocument const& document) {
    std::vector<std::string> names;
    for (auto const& alias : *document.gateway_aliases) {
        names.push_back(alias);
        if (alias.find('.') == std::string::npos) names.push_back(alias + '.' + *document.domain);
    }
    return names;
}

}   // namespace config
