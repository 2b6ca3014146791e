#include "net/link_event.hpp"

#include <doctest/doctest.h>

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstring>

using core::Errc;
using net::AddressEvent;
using net::LinkEvent;

namespace {

// A netlink message under construction.
struct Message {
    alignas(8) std::array<std::byte, 512> bytes{};
    nlmsghdr* header = mnl_nlmsg_put_header(bytes.data());

    explicit Message(unsigned short type) { header->nlmsg_type = type; }
    std::span<std::byte const> whole() const { return std::span{bytes}.first(header->nlmsg_len); }
};

Message
link_message(unsigned short type, unsigned flags, char const* name, unsigned char family = AF_UNSPEC) {
    Message message{type};
    auto* about = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message.header, sizeof(ifinfomsg)));
    about->ifi_family = family;
    about->ifi_index = 7;
    about->ifi_flags = flags;
    if (name) mnl_attr_put_strz(message.header, IFLA_IFNAME, name);
    constexpr unsigned char kMac[] = {0x00, 0x11, 0x22, 0xa3, 0x44, 0x55};
    mnl_attr_put(message.header, IFLA_ADDRESS, sizeof kMac, kMac);
    return message;
}

Message address_message(unsigned short type, unsigned char scope = RT_SCOPE_UNIVERSE) {
    Message message{type};
    auto* about = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message.header, sizeof(ifaddrmsg)));
    about->ifa_family = AF_INET;
    about->ifa_prefixlen = 24;
    about->ifa_scope = scope;
    about->ifa_index = 7;
    constexpr unsigned char kPeer[] = {10, 0, 0, 2}, kLocal[] = {172, 20, 30, 1};
    mnl_attr_put(message.header, IFA_ADDRESS, 4, kPeer);
    mnl_attr_put(message.header, IFA_LOCAL, 4, kLocal);
    return message;
}

struct RouteShape {
    unsigned char destination = 0;
    unsigned char table = RT_TABLE_MAIN;
    unsigned char type = RTN_UNICAST;
    unsigned char family = AF_INET;
};
Message route_message(unsigned short type, RouteShape shape = {}) {
    Message message{type};
    auto* about = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message.header, sizeof(rtmsg)));
    about->rtm_family = shape.family;
    about->rtm_dst_len = shape.destination;
    about->rtm_table = shape.table;
    about->rtm_type = shape.type;
    constexpr unsigned char kGateway[] = {10, 0, 0, 2};
    mnl_attr_put(message.header, RTA_GATEWAY, 4, kGateway);
    mnl_attr_put_u32(message.header, RTA_OIF, 7);
    mnl_attr_put_u32(message.header, RTA_PRIORITY, 1024);
    return message;
}

constexpr core::Cidr kLan{{0xac141e01}, 24};

LinkEvent const kEth1{.index = 7, .name = "eth1", .mac = "00:11:22:a3:44:55", .up = true, .carrier = true};

}   // namespace

TEST_CASE("a link message becomes name, index, MAC and carrier") {
    CHECK(*net::parse_link(link_message(RTM_NEWLINK, IFF_UP | IFF_RUNNING, "eth1").whole()) == kEth1);
    CHECK_FALSE(net::parse_link(link_message(RTM_NEWLINK, IFF_UP, "eth1").whole())->carrier);
    CHECK_FALSE(net::parse_link(link_message(RTM_NEWLINK, IFF_RUNNING, "eth1").whole())->up);
    CHECK(net::parse_link(link_message(RTM_DELLINK, 0, "eth1").whole())->gone);
}

TEST_CASE("a port that leaves a bridge is not a link that is gone") {
    CHECK_FALSE(net::parse_link(link_message(RTM_DELLINK, IFF_UP, "eth1", AF_BRIDGE).whole())->gone);
}

TEST_CASE("a link message without a name is refused") {
    CHECK(net::parse_link(link_message(RTM_NEWLINK, 0, nullptr).whole()).error().is(Errc::bad_input));
}

TEST_CASE("an address message becomes the interface's own address, not the peer's") {
    AddressEvent const want{.index = 7, .cidr = kLan};
    CHECK(*net::parse_address(address_message(RTM_NEWADDR).whole()) == want);
    CHECK(net::parse_address(address_message(RTM_DELADDR).whole())->gone);
    CHECK_FALSE(net::parse_address(address_message(RTM_NEWADDR, RT_SCOPE_LINK).whole())->global);
}

TEST_CASE("a default route of the main table becomes gateway, link and metric") {
    auto const parsed = [](Message const& message) { return *net::parse_route(message.whole()); };
    CHECK(parsed(route_message(RTM_NEWROUTE)) ==
          net::DefaultRouteEvent{.index = 7, .gateway = core::Ipv4{0x0a000002}, .metric = 1024});
    auto listed = route_message(RTM_NEWROUTE);
    listed.header->nlmsg_flags |= NLM_F_MULTI;
    CHECK(parsed(listed)->listed);
    CHECK_FALSE(parsed(route_message(RTM_NEWROUTE, {.destination = 24})));
    CHECK_FALSE(parsed(route_message(RTM_NEWROUTE, {.table = RT_TABLE_LOCAL})));
    CHECK_FALSE(parsed(route_message(RTM_NEWROUTE, {.type = RTN_UNREACHABLE})));
    CHECK_FALSE(parsed(route_message(RTM_NEWROUTE, {.family = AF_INET6})));
    auto other = route_message(RTM_NEWROUTE);
    mnl_attr_put_u32(other.header, RTA_TABLE, 1000);
    CHECK_FALSE(parsed(other));
}

TEST_CASE("of several default routes the one with the lowest metric is used") {
    net::LinkTable table;
    CHECK_FALSE(table.default_route());
    table.apply(kEth1);
    table.apply(net::DefaultRouteEvent{.index = 8, .metric = 2048, .listed = true});
    table.apply(net::DefaultRouteEvent{.index = 7, .metric = 1024, .listed = true});
    CHECK(table.default_route()->index == 7);
    CHECK(table.name_of(7) == "eth1");
    CHECK(table.name_of(8).empty());
    table.forget_routes();
    CHECK_FALSE(table.default_route());
}

TEST_CASE("a message cut anywhere is refused or means less, and is never read beyond its end") {
    for (auto const& message : {link_message(RTM_NEWLINK, IFF_UP, "eth1"), address_message(RTM_NEWADDR),
                                route_message(RTM_NEWROUTE)}) {
        for (std::size_t size = 0; size < message.whole().size(); ++size) {
            CAPTURE(size);
            std::vector<std::byte> const cut(message.bytes.begin(),
                                             message.bytes.begin() + static_cast<long>(size));
            CHECK_FALSE(net::parse_link(cut).has_value());   // the header claims more than there is
            CHECK_FALSE(net::parse_address(cut).has_value());
            CHECK_FALSE(net::parse_route(cut).has_value());
        }
    }
    for (std::uint32_t length : {0u, 15u, 16u, 31u, 0xffffffffu}) {
        auto message = link_message(RTM_NEWLINK, IFF_UP, "eth1");
        auto const whole = message.whole().size();
        message.header->nlmsg_len = length;
        CHECK_FALSE(net::parse_link(std::span{message.bytes}.first(whole)).has_value());
    }
}

TEST_CASE("an attribute that claims more than the message holds is not read") {
    auto message = address_message(RTM_NEWADDR);
    auto* first = static_cast<nlattr*>(mnl_nlmsg_get_payload_offset(message.header, sizeof(ifaddrmsg)));
    first->nla_len = 2000;
    CHECK(net::parse_address(message.whole()).error().context == "address message has no IFA_LOCAL");
}

TEST_CASE("a datagram holds several messages, and the end of a dump says whether it is complete") {
    auto const link = link_message(RTM_NEWLINK, IFF_UP | IFF_RUNNING, "eth1");
    Message done{NLMSG_DONE};
    int const status = 0;
    std::memcpy(mnl_nlmsg_put_extra_header(done.header, sizeof status), &status, sizeof status);
    auto const datagram = [&] {
        std::vector<std::byte> bytes(link.whole().begin(), link.whole().end());
        bytes.resize(MNL_ALIGN(bytes.size()));
        bytes.insert(bytes.end(), done.whole().begin(), done.whole().end());
        return bytes;
    };
    auto events = net::parse_route_events(datagram());
    REQUIRE(events.has_value());
    CHECK(*events == std::vector<net::RouteEvent>{kEth1, net::DumpEnd{true}});

    done.header->nlmsg_flags |= NLM_F_DUMP_INTR;
    events = net::parse_route_events(datagram());
    CHECK(events->back() == net::RouteEvent{net::DumpEnd{false}});
}

TEST_CASE("the table follows a rename, and forgets the addresses of an interface made anew") {
    net::LinkTable table;
    table.apply(kEth1);
    table.apply(AddressEvent{.index = 7, .cidr = kLan});
    table.apply(AddressEvent{.index = 8, .cidr = kLan});
    CHECK(table.find("eth1")->addresses.size() == 1);

    auto renamed = kEth1;
    renamed.name = "lan";
    table.apply(renamed);
    CHECK_FALSE(table.find("eth1"));
    CHECK(table.find("lan")->addresses.size() == 1);

    renamed.gone = true;
    table.apply(renamed);
    CHECK_FALSE(table.find("lan"));
    table.apply(kEth1);
    CHECK(table.find("eth1")->addresses.empty());
}
