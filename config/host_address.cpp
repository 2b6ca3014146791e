#include "config/host_address.hpp"

#include "config/dhcp_range.hpp"
#include "config/host_name.hpp"

namespace config {
namespace {

using core::Errc;
using core::fail;

bool is_of_a_host(core::Ipv4 address) {
    auto const top = address.bits >> 24;
    return top != 0 && top != 127 && top < 224;
}

core::Error of_no_host(std::string const& address) {
    return fail(Errc::bad_input, "must be an address that a host can have, which " + address + " is not");
}

}   // namespace

Result<core::Cidr> as_host_cidr(Node const& node, int least_prefix, int most_prefix) {
    auto const cidr = node.kind == Node::Kind::scalar ? core::parse_cidr(node.text) : std::nullopt;
    if (!cidr) return expected("an IPv4 address with its prefix length such as 172.20.30.1/24", node);
    if (cidr->prefix < least_prefix || cidr->prefix > most_prefix)
        return fail(Errc::bad_input, "must have a prefix from /" + std::to_string(least_prefix) + " to /" +
                                         std::to_string(most_prefix));
    auto const hosts = hosts_of(*cidr);
    if (cidr->address < hosts.start || cidr->address > hosts.end)
        return fail(Errc::bad_input,
                    "must be an address from " + print(hosts.start) + " to " + print(hosts.end));
    if (!is_of_a_host(cidr->address)) return of_no_host(print(cidr->address));
    return *cidr;
}

Result<core::Ipv4> as_host_ipv4(Node const& node) {
    auto const address = as_ipv4(node);
    if (address && !is_of_a_host(*address)) return of_no_host(print(*address));
    return address;
}

Result<std::string> as_host_ip(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    if (core::parse_ipv4(*text)) {
        auto const address = as_host_ipv4(node);
        if (!address) return address.error();
        return print(*address);
    }
    auto const host = normal_host(*text);
    if (!host || host->find(':') == std::string::npos)
        return expected("an IP address such as 192.0.2.53 or 2001:db8::53", node);
    if (*host == "::" || *host == "::1" || host->starts_with("ff")) return of_no_host(*host);
    return *host;
}

Result<std::string> as_dns_name(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    auto const name = normal_dns_name(*text);
    if (!name) return expected("a DNS name", node);
    return *name;
}

}   // namespace config
