#include "net/dnsmasq_config.hpp"

#include <algorithm>
#include <vector>

namespace net {

std::string dnsmasq_config(config::OperatorDocument const& document, DnsmasqPlaces const& places) {
    auto const lan = *document.lan;
    auto const gateway = core::print(lan.address);
    std::string text = "# Written by atomixd; changes here are lost.\n";
    auto const line = [&](std::string const& key, std::string const& value = {}) {
        text += value.empty() ? key + '\n' : key + '=' + value + '\n';
    };
    // Only on the LAN, and also when its interface comes later or comes back.
    line("interface", places.interface);
    line("except-interface", "lo");
    line("bind-dynamic");
    line("local-service");
    // It answers for local names and refuses all others: the LAN gets no way out through the gateway's
    // resolver.
    line("no-resolv");
    line("no-hosts");
    line("user", "root");    // what it may do is the service unit's to limit; its lease file is root's
    text += "pid-file=\n";   // none: whoever started it holds it
    line("log-facility", "-");
    line("dhcp-authoritative");
    line("dhcp-leasefile", places.leases.string());
    line("dhcp-range", core::print(*document.dhcp_start) + ',' + core::print(*document.dhcp_end) + ',' +
                           core::print(lan.netmask()) + ",24h");
    for (auto const& each : *document.reservations)
        line("dhcp-host", each.mac + ',' + core::print(each.ip) + (each.name.empty() ? "" : ',' + each.name));
    line("dhcp-option", "3," + gateway);    // router
    line("dhcp-option", "6," + gateway);    // name server
    line("dhcp-option", "42," + gateway);   // time server
    line("domain", *document.domain);
    line("expand-hosts");
    line("addn-hosts", places.hosts.string());
    line("local", '/' + *document.domain + '/');
    line("log-dhcp");
    return text;
}

std::string dnsmasq_hosts(config::OperatorDocument const& document, std::string const& mac) {
    std::vector<std::string> names;
    auto const add = [&](std::string const& name) {
        if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    auto name = *document.hostname_pattern;
    constexpr std::string_view kMac = "{mac}";
    auto digits = mac;
    std::erase(digits, ':');
    for (auto at = name.find(kMac); at != std::string::npos; at = name.find(kMac)) {
        if (digits.empty())
            name.clear();
        else
            name.replace(at, kMac.size(), digits);
    }
    add(name);
    for (auto const& alias : *document.gateway_aliases) add(alias);

    std::string text;
    auto const line = [&](core::Ipv4 address, std::string const& known_as) {
        text += core::print(address) + ' ' + known_as;
        if (known_as.find('.') == std::string::npos) text += ' ' + known_as + '.' + *document.domain;
        text += '\n';
    };
    for (auto const& each : names) line(document.lan->address, each);
    for (auto const& each : *document.reservations)
        if (!each.name.empty()) line(each.ip, each.name);
    return text;
}

}   // namespace net
