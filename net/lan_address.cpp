#include "net/lan_address.hpp"

#include "core/owned.hpp"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace net {
namespace {

using Netlink = core::Owned<mnl_socket, mnl_socket_close>;
using Kind = AddressChange::Kind;

// Asked before the main table (32766) and after the local one (0). The numbers mean nothing (ip-rule(8)).
constexpr unsigned char kLanTable = 172;
constexpr std::uint32_t kLanRulePriority = 1000;

std::string describe(AddressChange const& change, std::string const& interface) {
    if (change.kind == Kind::set_up) return "setting " + interface + " up";
    auto const text = core::print(change.cidr);
    return change.kind == Kind::add ? "adding " + text + " to " + interface : "removing " + text + " from " + interface;
}

void put_link_up(nlmsghdr* header, int index) {
    header->nlmsg_type = RTM_NEWLINK;
    auto* about = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifinfomsg)));
    about->ifi_family = AF_UNSPEC;
    about->ifi_index = index;
    about->ifi_flags = IFF_UP;
    about->ifi_change = IFF_UP;
}

void put_address(nlmsghdr* header, int index, core::Cidr cidr, bool add) {
    header->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
    if (add) header->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
    auto* about = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
    about->ifa_family = AF_INET;
    about->ifa_prefixlen = static_cast<unsigned char>(cidr.prefix);
    about->ifa_scope = RT_SCOPE_UNIVERSE;
    about->ifa_index = static_cast<unsigned>(index);
    mnl_attr_put_u32(header, IFA_LOCAL, ::htonl(cidr.address.bits));
    mnl_attr_put_u32(header, IFA_ADDRESS, ::htonl(cidr.address.bits));
    // dnsmasq tells DHCP clients the interface's broadcast address.
    if (add && cidr.prefix <= 30)
        mnl_attr_put_u32(header, IFA_BROADCAST, ::htonl(cidr.network().bits | ~cidr.netmask().bits));
}

void put_route(nlmsghdr* header, int index, core::Cidr lan, bool add) {
    header->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
    if (add) header->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    auto* about = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtmsg)));
    about->rtm_family = AF_INET;
    about->rtm_dst_len = static_cast<unsigned char>(lan.prefix);
    about->rtm_table = kLanTable;
    about->rtm_protocol = RTPROT_STATIC;
    about->rtm_scope = add ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE;   // the latter: any
    about->rtm_type = RTN_UNICAST;
    mnl_attr_put_u32(header, RTA_DST, ::htonl(lan.network().bits));
    mnl_attr_put_u32(header, RTA_OIF, static_cast<std::uint32_t>(index));
    if (add) mnl_attr_put_u32(header, RTA_PREFSRC, ::htonl(lan.address.bits));
}

void put_rule(nlmsghdr* header) {
    header->nlmsg_type = RTM_NEWRULE;
    header->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
    auto* about = static_cast<fib_rule_hdr*>(mnl_nlmsg_put_extra_header(header, sizeof(fib_rule_hdr)));
    about->family = AF_INET;
    about->table = kLanTable;
    about->action = FR_ACT_TO_TBL;
    mnl_attr_put_u32(header, FRA_PRIORITY, kLanRulePriority);
    // networkd takes away all rules that are neither its own nor the kernel's when it starts
    // (networkd.conf(5), ManageForeignRoutingPolicyRules), and it starts after this, perhaps without atomixd.
    mnl_attr_put_u8(header, FRA_PROTOCOL, RTPROT_KERNEL);
}

// An errno that says: another program, or this one a moment ago, has done it already. 0: none does.
int done_already(Kind kind) {
    return kind == Kind::add ? EEXIST : kind == Kind::remove ? EADDRNOTAVAIL : 0;
}

// The kernel handles a request inside sendto(), so its answer is there when that returns.
template <class Put>
Result<void> ask(mnl_socket& socket, std::string const& what, std::initializer_list<int> harmless, Put put) {
    alignas(nlmsghdr) std::array<std::byte, 1024> bytes{};
    auto* header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    header->nlmsg_seq = 1;
    put(header);
    if (mnl_socket_sendto(&socket, header, header->nlmsg_len) < 0) return core::fail_errno(what);
    auto const n = mnl_socket_recvfrom(&socket, bytes.data(), bytes.size());
    if (n >= 0 && mnl_cb_run(bytes.data(), static_cast<std::size_t>(n), 1, mnl_socket_get_portid(&socket),
                             nullptr, nullptr) >= 0)
        return {};
    if (std::ranges::find(harmless, errno) != harmless.end()) return {};
    return core::fail_errno(what);
}

Result<void> make(AddressChange const& change, LinkEvent const& link, mnl_socket& socket) {
    auto const put = [&](nlmsghdr* header) {
        if (change.kind == Kind::set_up)
            put_link_up(header, link.index);
        else
            put_address(header, link.index, change.cidr, change.kind == Kind::add);
    };
    return ask(socket, describe(change, link.name), {done_already(change.kind)}, put);
}

}   // namespace

std::vector<AddressChange> address_changes(LinkTable::Entry const& lan, core::Cidr wanted) {
    std::vector<AddressChange> changes;
    if (!lan.link.up) changes.push_back({Kind::set_up});
    bool const is_there =
        std::ranges::find(lan.addresses, wanted, &AddressEvent::cidr) != lan.addresses.end();
    if (!is_there) changes.push_back({Kind::add, wanted});
    bool removes = false;
    for (auto const& address : lan.addresses) {
        if (!address.global || address.cidr == wanted) continue;
        changes.push_back({Kind::remove, address.cidr});
        removes = true;
    }
    if (removes) changes.push_back({Kind::add, wanted});
    return changes;
}

Result<void> LanAddress::ensure(LinkTable::Entry const& lan) const {
    Netlink const socket{mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0)
        return core::fail_errno("opening a netlink socket");
    for (auto const& change : address_changes(lan, wanted_)) {
        if (auto ok = make(change, lan.link, *socket); !ok) return ok;
        if (change.kind != Kind::remove) continue;
        auto const put = [&](nlmsghdr* header) { put_route(header, lan.link.index, change.cidr, false); };
        if (auto ok = ask(*socket, "removing the route to an earlier LAN", {ESRCH}, put); !ok) return ok;
    }
    auto const put = [&](nlmsghdr* header) { put_route(header, lan.link.index, wanted_, true); };
    if (auto ok = ask(*socket, "adding the LAN's own route", {EEXIST}, put); !ok) return ok;
    // A kernel without policy routing (EOPNOTSUPP) has to do with the main table.
    return ask(*socket, "adding the rule for the LAN's own route", {EEXIST, EOPNOTSUPP}, put_rule);
}

}   // namespace net
