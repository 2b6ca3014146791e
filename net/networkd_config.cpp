#include "net/networkd_config.hpp"

namespace net {
namespace {

NetworkFile file(std::string const& interface, std::string const& body) {
    return {.name = std::string{kNetworkFilePrefix} + interface + std::string{kNetworkFileSuffix},
            .text = "# Written by atomixd; changes here are lost.\n[Match]\nName=" + interface + "\n" + body};
}

// The lines of the reference, in its order; then what a further interface has instead.
std::string network_section(config::InterfaceWish const& wish, bool with_gateway) {
    std::string text = "\n[Network]\n";
    if (*wish.address)
        text += "Address=" + core::print(**wish.address) + "\nDHCP=no\n";
    else
        text += "DHCP=ipv4\n";
    text += "IPv6AcceptRA=false\n";
    if (with_gateway && *wish.gateway) text += "Gateway=" + core::print(**wish.gateway) + "\n";
    for (auto const& server : *wish.dns_servers) text += "DNS=" + server + "\n";
    if (!wish.search_domains->empty()) {
        text += "Domains=";
        for (auto const& domain : *wish.search_domains) text += (text.ends_with('=') ? "" : " ") + domain;
        text += "\n";
    }
    return text;
}

// Known to the DHCP server by the MAC, as before the first update and after every one: the default is made of
// the machine id, which another slot or a fresh data partition does not have. Neither this device's name nor
// its time is the WAN's to say.
std::string dhcp_section(config::InterfaceWish const& wish) {
    std::string text = "\n[DHCPv4]\n";
    if (*wish.gateway) text += "UseRoutes=false\n";
    if (!wish.dns_servers->empty()) text += "UseDNS=false\n";
    return text + "ClientIdentifier=mac\nUseHostname=false\nUseNTP=false\n";
}

NetworkFile wan_file(config::InterfaceWish const& wish, std::string const& interface) {
    return file(interface, network_section(wish, true) + (*wish.address ? "" : dhcp_section(wish)));
}

NetworkFile further_file(config::InterfaceWish const& wish, int metric) {
    auto text = "\n[Link]\nRequiredForOnline=no\n" + network_section(wish, false);
    if (*wish.gateway)
        text +=
            "\n[Route]\nGateway=" + core::print(**wish.gateway) + "\nMetric=" + std::to_string(metric) + "\n";
    // Of a lease's routes the gateway only: a narrow one would be used before the WAN's, whatever its metric.
    static constexpr auto kGatewayOnly = "UseRoutes=false\nUseGateway=true\n";
    if (!*wish.address)
        text += dhcp_section(wish) + (*wish.gateway ? "" : kGatewayOnly) +
                "RouteMetric=" + std::to_string(metric) + "\n";
    return file(wish.name, text);
}

}   // namespace

std::vector<NetworkFile> networkd_config(config::OperatorDocument const& document,
                                         config::DeviceNames const& names) {
    std::vector<NetworkFile> files{wan_file(document.wan, names.wan),
                                   file(names.lan, "\n[Link]\nUnmanaged=true\n")};
    int metric = kFirstFurtherMetric;
    for (auto const& wish : document.further) files.push_back(further_file(wish, metric++));
    return files;
}

}   // namespace net
