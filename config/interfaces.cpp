#include "config/interfaces.hpp"

#include "config/dhcp_range.hpp"
#include "config/host_address.hpp"
#include "config/host_name.hpp"
#include "config/list.hpp"

#include <algorithm>

namespace config {
namespace {

using core::Errc;
using core::fail;

constexpr std::string_view kWan = "eth0", kLan = "eth1";
constexpr std::size_t kLongestInterfaceName = 15;   // IFNAMSIZ without its zero

enum class Mode { dhcp, fixed };

Result<Mode> as_mode(Node const& node) {
    if (node.kind == Node::Kind::scalar && node.text == "dhcp") return Mode::dhcp;
    if (node.kind == Node::Kind::scalar && node.text == "static") return Mode::fixed;
    return expected("dhcp or static", node);
}

Result<Mode> as_lan_mode(Node const& node) {
    auto const mode = as_mode(node);
    if (mode && *mode == Mode::dhcp)
        return fail(Errc::bad_input, "must be static, because this device is the LAN's DHCP server");
    return mode;
}

Result<core::Cidr> as_address(Node const& node) {
    return as_host_cidr(node, 8, 31);
}

template <class Parse>
void read_texts(Mapping& mapping,
                std::string_view key,
                Field<std::vector<std::string>>& into,
                Parse parse,
                std::string_view what) {
    auto const* const list = mapping.find(key);
    if (!list) return;
    into.value = read_list<std::string>(mapping, key, *list, parse);
    into.at = list->at;
    if (list->kind == Node::Kind::list && list->children.empty())
        mapping.problem(list->at, key, "must name at least one " + std::string{what});
}

void read_resolver(Mapping& mapping, InterfaceWish& wish) {
    read_texts(mapping, "dns_servers", wish.dns_servers, as_host_ip, "server");
    read_texts(mapping, "dns_search_domains", wish.search_domains, as_dns_name, "domain");
}

// Whether address and mode fit. False when there is a problem.
template <class ParseMode, class ParseAddress>
bool read_address(Mapping& interface,
                  Field<std::optional<core::Cidr>>& address,
                  ParseMode as_its_mode,
                  ParseAddress as_its_address) {
    Field<Mode> mode;
    bool const mode_is_good = interface.require("mode", mode, as_its_mode);
    bool const address_is_good = interface.read("address", address, as_its_address);
    if (!mode_is_good || !address_is_good) return false;
    if (*mode == Mode::fixed && !address->has_value())
        interface.problem(mode.at, "address", "is required where the mode is static");
    else if (*mode == Mode::dhcp && address->has_value())
        interface.problem(address.at, "address", "must not be written where the mode is dhcp");
    else
        return true;
    return false;
}

void read_wish(Mapping interface, InterfaceWish& wish) {
    if (!read_address(interface, wish.address, as_mode, as_address)) wish.address = {};
    interface.read("gateway", wish.gateway, as_host_ipv4);
    read_resolver(interface, wish);
}

void read_lan(Mapping interface, Interfaces& interfaces) {
    static constexpr auto kWhy = "has no meaning on the LAN, whose gateway and name server is this device";
    interfaces.lan_is_good = read_address(interface, interfaces.lan, as_lan_mode, as_lan_address);
    for (auto const* const key : {"gateway", "dns_servers", "dns_search_domains"})
        interface.refuse(key, kWhy);
}

bool is_ethernet_name(std::string_view key) {
    auto const digits = key.substr(std::min(kWan.size() - 1, key.size()));
    return key.starts_with("eth") && !digits.empty() && key.size() <= kLongestInterfaceName &&
           digits.find_first_not_of("0123456789") == digits.npos && (digits == "0" || digits.front() != '0');
}

void read_table(Mapping table, Node const& node, DeviceNames const& device, Interfaces& interfaces) {
    if (node.kind != Node::Kind::mapping) return;
    for (auto const& child : node.children) {
        if (!is_ethernet_name(child.key))
            table.refuse(child.key,
                         "must be eth and a number, such as eth0 (the WAN), eth1 (the LAN) or eth2");
        else if (child.key == kWan)
            read_wish(table.within(child.key), interfaces.wan);
        else if (child.key == kLan)
            read_lan(table.within(child.key), interfaces);
        else if (child.key == device.wan || child.key == device.lan)
            table.refuse(child.key, child.key == device.wan
                                        ? "is this device's WAN, which is written as eth0"
                                        : "is this device's LAN, which is written as eth1");
        else
            read_wish(table.within(child.key), interfaces.further.emplace_back(InterfaceWish{child.key}));
    }
}

template <class T> void take_from_above(T& own, T const& above) {
    if (!own.is_written()) own = above;
}

std::string print_network(core::Cidr cidr) {
    return print(core::Cidr{cidr.network(), cidr.prefix});
}

void check_gateway(Mapping& network,
                   InterfaceWish const& wish,
                   std::string const& key,
                   std::optional<core::Cidr> lan) {
    if (!wish.gateway->has_value()) return;
    auto const gateway = **wish.gateway;
    auto const wrong = [&](std::string const& what) { network.problem(wish.gateway.at, key, what); };
    if (lan && lan->contains(gateway)) {
        wrong("must not be in the LAN " + print_network(*lan));
    } else if (wish.address->has_value()) {
        auto const subnet = **wish.address;
        auto const hosts = hosts_of(subnet);
        if (gateway < hosts.start || gateway > hosts.end)
            wrong("must be in the subnet of " + print(subnet) + ", from " + print(hosts.start) + " to " +
                  print(hosts.end));
        else if (gateway == subnet.address)
            wrong("is this device's own address");
    }
}

}   // namespace

Result<core::Cidr> as_lan_address(Node const& node) {
    return as_host_cidr(node, 16, 30);
}

Interfaces read_interfaces(Mapping& network, DeviceNames const& device) {
    Interfaces interfaces;
    InterfaceWish above;
    read_resolver(network, above);
    network.read("default_gateway", above.gateway, as_host_ipv4);
    if (auto const* const node = network.find("interfaces"))
        read_table(network.within("interfaces"), *node, device, interfaces);
    take_from_above(interfaces.wan.gateway, above.gateway);
    take_from_above(interfaces.wan.dns_servers, above.dns_servers);
    take_from_above(interfaces.wan.search_domains, above.search_domains);
    return interfaces;
}

void check_interfaces(Mapping& network, Interfaces const& interfaces, std::optional<core::Cidr> lan) {
    std::vector<InterfaceWish const*> known{&interfaces.wan};
    for (auto const& wish : interfaces.further) known.push_back(&wish);
    auto const* const above = network.find("default_gateway");

    for (auto wish = known.begin(); wish != known.end(); ++wish) {
        auto const path = "interfaces." + (*wish)->name;
        bool const is_above = above && (*wish)->gateway.at == above->at;
        check_gateway(network, **wish, is_above ? "default_gateway" : path + ".gateway", lan);
        if (!(*wish)->address->has_value()) continue;

        auto const subnet = **(*wish)->address;
        auto const overlaps = [&](core::Cidr other, std::string const& what) {
            if (!overlap(subnet, other)) return false;
            network.problem((*wish)->address.at, path + ".address",
                            "must not overlap " + what + ' ' + print_network(other));
            return true;
        };
        if (lan && overlaps(*lan, "the LAN")) continue;
        for (auto earlier = known.begin(); earlier != wish; ++earlier)
            if (auto const& other = *(*earlier)->address;
                other && overlaps(*other, "the subnet of " + (*earlier)->name))
                break;
    }
}

}   // namespace config
