#include "config/reservation.hpp"

#include "config/dhcp_range.hpp"
#include "config/host_name.hpp"

#include <algorithm>
#include <map>

namespace config {
namespace {

using core::Errc;
using core::fail;

constexpr std::string_view kDigits = "0123456789", kHexDigits = "0123456789abcdef";

std::string lower(std::string text) {
    for (auto& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

Result<std::string> as_mac(Node const& node) {
    static constexpr auto kWanted = "a MAC address such as 00:11:22:33:44:55";
    static constexpr std::string_view kShape = "xx:xx:xx:xx:xx:xx";
    if (node.kind != Node::Kind::scalar || node.text.size() != kShape.size()) return expected(kWanted, node);
    auto const mac = lower(node.text);
    for (std::size_t i = 0; i < mac.size(); ++i)
        if (kShape[i] == ':' ? mac[i] != ':' : kHexDigits.find(mac[i]) == kHexDigits.npos)
            return expected(kWanted, node);
    bool const is_group = kHexDigits.find(mac[1]) % 2 == 1;   // IEEE 802: the lowest bit of the first octet
    if (is_group || mac == "00:00:00:00:00:00")
        return fail(Errc::bad_input, "must be the address of one host, which " + mac + " is not");
    return mac;
}

// dnsmasq takes these for something else in a dhcp-host line (option.c): a lease time, or an order.
bool is_word_of_dnsmasq(std::string_view name) {
    if (name == "infinite" || name == "ignore") return true;
    auto const rest = std::min(name.find_first_not_of(kDigits), name.size());
    auto const unit = name.substr(rest);
    return rest > 0 &&
           (unit.empty() || (unit.size() == 1 && std::string_view{"smhdw"}.find(unit) != unit.npos));
}

Result<std::string> as_label(Node const& node) {
    auto const text = as_text(node);
    if (!text) return text.error();
    auto const name = normal_dns_name(*text);
    if (!name || name->find('.') != std::string::npos)
        return expected("one label of a DNS name, without a dot", node);
    if (is_word_of_dnsmasq(*name))
        return fail(Errc::bad_input,
                    "must not be " + shown(*name) + ", which dnsmasq takes for a lease time or an order");
    return *name;
}

// What an earlier reservation of the list has already, and in which line.
class Seen {
public:
    void once(Mapping& item, std::string_view key, std::string const& value, Place const& at) {
        auto const [first, is_new] = lines_.emplace(value, at.line);
        if (!is_new)
            item.problem(at, key,
                         value + " is reserved in line " + std::to_string(first->second) + " already");
    }

private:
    std::map<std::string, int> lines_;
};

struct Known {
    std::optional<core::Cidr> lan;
    std::vector<std::string> const& taken;
    Seen macs, addresses, names;
};

void check_address(Mapping& item, Field<core::Ipv4> const& ip, Known& known) {
    if (known.lan) {
        auto const hosts = hosts_of(*known.lan);
        if (*ip == known.lan->address)
            item.problem(ip.at, "ip", "is the gateway's own address");
        else if (*ip < hosts.start || *ip > hosts.end)
            item.problem(ip.at, "ip",
                         "must be in the LAN " + print(core::Cidr{known.lan->network(), known.lan->prefix}) +
                             ", from " + print(hosts.start) + " to " + print(hosts.end));
    }
    known.addresses.once(item, "ip", print(*ip), ip.at);
}

Reservation read_one(Mapping item, Known& known) {
    Field<std::string> mac, name;
    Field<core::Ipv4> ip;
    if (item.require("mac", mac, as_mac)) known.macs.once(item, "mac", *mac, mac.at);
    if (item.require("ip", ip, as_ipv4)) check_address(item, ip, known);
    if (item.read("name", name, as_label) && name.is_written()) {
        if (std::ranges::find(known.taken, *name) != known.taken.end())
            item.problem(name.at, "name", shown(*name) + " is a name of the gateway");
        known.names.once(item, "name", *name, name.at);
    }
    return {*mac, *ip, *name};
}

}   // namespace

std::vector<Reservation> read_reservations(Mapping& dnsmasq,
                                           Node const& list,
                                           std::optional<core::Cidr> lan,
                                           std::vector<std::string> const& taken) {
    static constexpr std::string_view kKey = "reservations";
    std::vector<Reservation> made;
    if (list.kind != Node::Kind::list) {
        dnsmasq.problem(list.at, kKey, expected("a list", list).context);
        return made;
    }
    Known known{.lan = lan, .taken = taken, .macs = {}, .addresses = {}, .names = {}};
    for (auto const& node : list.children) made.push_back(read_one(dnsmasq.item(kKey, node), known));
    return made;
}

}   // namespace config
