#include "net/link_event.hpp"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>

namespace net {
namespace {

// The one message in `bytes`, or null: libmnl reads the header where it lies, so it must be aligned and
// whole.
nlmsghdr const* header_of(std::span<std::byte const> bytes, std::size_t family_header) {
    if (bytes.size() < sizeof(nlmsghdr) ||
        reinterpret_cast<std::uintptr_t>(bytes.data()) % NLMSG_ALIGNTO != 0)
        return nullptr;
    auto const* header = reinterpret_cast<nlmsghdr const*>(bytes.data());
    if (header->nlmsg_len > bytes.size() || header->nlmsg_len < mnl_nlmsg_size(family_header)) return nullptr;
    return header;
}

// mnl_attr_for_each() is not C++: it assigns a void pointer.
template <class Take> void each_attribute(nlmsghdr const* message, std::size_t family_header, Take take) {
    auto const* attribute = static_cast<nlattr const*>(mnl_nlmsg_get_payload_offset(message, family_header));
    auto const* end = static_cast<char const*>(mnl_nlmsg_get_payload_tail(message));
    while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<char const*>(attribute)))) {
        take(*attribute);
        attribute = mnl_attr_next(attribute);
    }
}

std::string text_in(nlattr const& attribute) {
    auto const* text = static_cast<char const*>(mnl_attr_get_payload(&attribute));
    return {text, ::strnlen(text, mnl_attr_get_payload_len(&attribute))};
}

std::string print_mac(nlattr const& attribute) {
    constexpr std::size_t kEthernet = 6;
    constexpr char kDigits[] = "0123456789abcdef";
    if (mnl_attr_get_payload_len(&attribute) != kEthernet) return {};   // a tunnel's address is none
    auto const* bytes = static_cast<unsigned char const*>(mnl_attr_get_payload(&attribute));
    std::string text;
    for (std::size_t i = 0; i < kEthernet; ++i) {
        if (i > 0) text += ':';
        text += kDigits[bytes[i] >> 4];
        text += kDigits[bytes[i] & 15];
    }
    return text;
}

std::optional<core::Ipv4> ipv4_in(nlattr const& attribute) {
    if (mnl_attr_get_payload_len(&attribute) != 4) return std::nullopt;
    auto const* bytes = static_cast<unsigned char const*>(mnl_attr_get_payload(&attribute));
    core::Ipv4 address;
    for (int i = 0; i < 4; ++i) address.bits = address.bits << 8 | bytes[i];
    return address;
}

std::optional<std::uint32_t> number_in(nlattr const& attribute) {
    if (mnl_attr_get_payload_len(&attribute) != sizeof(std::uint32_t)) return std::nullopt;
    return mnl_attr_get_u32(&attribute);
}

bool is_complete(nlmsghdr const& done) {
    if ((done.nlmsg_flags & NLM_F_DUMP_INTR) != 0) return false;
    if (mnl_nlmsg_get_payload_len(&done) < sizeof(int)) return true;
    int status = 0;   // an errno, negated
    std::memcpy(&status, mnl_nlmsg_get_payload(&done), sizeof status);
    return status == 0;
}

}   // namespace

Result<LinkEvent> parse_link(std::span<std::byte const> message) {
    auto const* header = header_of(message, sizeof(ifinfomsg));
    if (!header) return fail(Errc::bad_input, "link message is truncated");
    auto const* about = static_cast<ifinfomsg const*>(mnl_nlmsg_get_payload(header));
    // A port that leaves a bridge is told as an RTM_DELLINK of family AF_BRIDGE: the link itself stays.
    LinkEvent link{.index = about->ifi_index,
                   .name = {},
                   .mac = {},
                   .up = (about->ifi_flags & IFF_UP) != 0,
                   .carrier = (about->ifi_flags & IFF_RUNNING) != 0,
                   .gone = header->nlmsg_type == RTM_DELLINK && about->ifi_family != AF_BRIDGE};
    each_attribute(header, sizeof(ifinfomsg), [&](nlattr const& attribute) {
        if (mnl_attr_get_type(&attribute) == IFLA_IFNAME) link.name = text_in(attribute);
        if (mnl_attr_get_type(&attribute) == IFLA_ADDRESS) link.mac = print_mac(attribute);
    });
    if (link.name.empty()) return fail(Errc::bad_input, "link message has no IFLA_IFNAME");
    return link;
}

Result<AddressEvent> parse_address(std::span<std::byte const> message) {
    auto const* header = header_of(message, sizeof(ifaddrmsg));
    if (!header) return fail(Errc::bad_input, "address message is truncated");
    auto const* about = static_cast<ifaddrmsg const*>(mnl_nlmsg_get_payload(header));
    if (about->ifa_family != AF_INET || about->ifa_prefixlen > 32)
        return fail(Errc::bad_input, "address message is not about an IPv4 address");
    // IFA_LOCAL is the interface's own address; IFA_ADDRESS is the peer's on a point-to-point link.
    std::optional<core::Ipv4> local, address;
    each_attribute(header, sizeof(ifaddrmsg), [&](nlattr const& attribute) {
        if (mnl_attr_get_type(&attribute) == IFA_LOCAL) local = ipv4_in(attribute);
        if (mnl_attr_get_type(&attribute) == IFA_ADDRESS) address = ipv4_in(attribute);
    });
    if (!local) local = address;
    if (!local) return fail(Errc::bad_input, "address message has no IFA_LOCAL");
    return AddressEvent{.index = static_cast<int>(about->ifa_index),
                        .cidr = {*local, about->ifa_prefixlen},
                        .global = about->ifa_scope == RT_SCOPE_UNIVERSE,
                        .gone = header->nlmsg_type == RTM_DELADDR};
}

Result<std::optional<DefaultRouteEvent>> parse_route(std::span<std::byte const> message) {
    auto const* header = header_of(message, sizeof(rtmsg));
    if (!header) return fail(Errc::bad_input, "route message is truncated");
    auto const* about = static_cast<rtmsg const*>(mnl_nlmsg_get_payload(header));
    std::optional<DefaultRouteEvent> none;
    if (about->rtm_family != AF_INET || about->rtm_dst_len != 0 || about->rtm_type != RTN_UNICAST)
        return none;

    DefaultRouteEvent route{.listed = (header->nlmsg_flags & NLM_F_MULTI) != 0};
    std::uint32_t table = about->rtm_table;   // RTA_TABLE says it where it is more than a byte
    each_attribute(header, sizeof(rtmsg), [&](nlattr const& attribute) {
        auto const type = mnl_attr_get_type(&attribute);
        if (type == RTA_GATEWAY) route.gateway = ipv4_in(attribute);
        if (type == RTA_OIF) route.index = static_cast<int>(number_in(attribute).value_or(0));
        if (type == RTA_PRIORITY) route.metric = number_in(attribute).value_or(0);
        if (type == RTA_TABLE) table = number_in(attribute).value_or(table);
    });
    if (table != RT_TABLE_MAIN || route.index == 0) return none;   // several paths: nobody here makes such
    return std::optional{route};
}

Result<std::vector<RouteEvent>> parse_route_events(std::span<std::byte const> datagram) {
    std::vector<RouteEvent> events;
    while (!datagram.empty()) {
        auto const* header = header_of(datagram, 0);
        if (!header) return fail(Errc::bad_input, "netlink message is truncated");
        auto const message = datagram.first(header->nlmsg_len);
        switch (header->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK: {
            auto link = parse_link(message);
            if (!link) return link.error();
            events.emplace_back(*link);
            break;
        }
        case RTM_NEWADDR:
        case RTM_DELADDR: {
            auto address = parse_address(message);
            if (!address) return address.error();
            events.emplace_back(*address);
            break;
        }
        case RTM_NEWROUTE:
        case RTM_DELROUTE: {
            auto const route = parse_route(message);
            if (!route) return route.error();
            if (*route) events.emplace_back(**route);
            break;
        }
        case NLMSG_DONE:
            events.emplace_back(DumpEnd{is_complete(*header)});
            break;
        case NLMSG_ERROR:   // a dump that the kernel refused, busy with another one
            events.emplace_back(DumpEnd{false});
            break;
        default:
            break;
        }
        datagram = datagram.subspan(std::min<std::size_t>(MNL_ALIGN(header->nlmsg_len), datagram.size()));
    }
    return events;
}

void LinkTable::apply(LinkEvent const& event) {
    std::erase_if(links_, [&](LinkEvent const& known) { return known.index == event.index; });
    if (!event.gone) links_.push_back(event);
    if (event.gone)
        std::erase_if(addresses_, [&](AddressEvent const& known) { return known.index == event.index; });
}

void LinkTable::apply(AddressEvent const& event) {
    auto const known = std::ranges::find_if(addresses_, [&](AddressEvent const& other) {
        return other.index == event.index && other.cidr == event.cidr;
    });
    if (known != addresses_.end() && event.gone)
        addresses_.erase(known);
    else if (known != addresses_.end())
        *known = event;
    else if (!event.gone)
        addresses_.push_back(event);
}

std::optional<LinkTable::Entry> LinkTable::find(std::string_view name) const {
    auto const link = std::ranges::find(links_, name, &LinkEvent::name);
    if (link == links_.end()) return std::nullopt;
    Entry entry{.link = *link, .addresses = {}};
    for (auto const& address : addresses_)
        if (address.index == link->index) entry.addresses.push_back(address);
    return entry;
}

std::optional<DefaultRouteEvent> LinkTable::default_route() const {
    auto const best = std::ranges::min_element(routes_, {}, &DefaultRouteEvent::metric);
    if (best == routes_.end()) return std::nullopt;
    return *best;
}

std::string LinkTable::name_of(int index) const {
    auto const link = std::ranges::find(links_, index, &LinkEvent::index);
    return link == links_.end() ? std::string{} : link->name;
}

}   // namespace net
