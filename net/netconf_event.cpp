#include "net/netconf_event.hpp"

#include <libmnl/libmnl.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

namespace net {
namespace {

// libmnl's callback: `on` is a bool.
int note_forwarding(nlattr const* attribute, void* on) {
    if (mnl_attr_get_type(attribute) == NETCONFA_FORWARDING &&
        mnl_attr_get_payload_len(attribute) >= sizeof(std::uint32_t) && mnl_attr_get_u32(attribute) != 0)
        *static_cast<bool*>(on) = true;
    return MNL_CB_OK;
}

}   // namespace

core::Result<bool> says_forwarding(std::span<std::byte const> datagram) {
    if (reinterpret_cast<std::uintptr_t>(datagram.data()) % NLMSG_ALIGNTO != 0)
        return core::fail(core::Errc::bad_input, "netconf message is not aligned");
    bool on = false;
    auto left = static_cast<int>(datagram.size());
    auto const* message = reinterpret_cast<nlmsghdr const*>(datagram.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        if (message->nlmsg_len > static_cast<unsigned>(left)) break;   // mnl_nlmsg_ok takes 2^32 - 1 for -1
        if (message->nlmsg_type != RTM_NEWNETCONF) continue;
        if (message->nlmsg_len < mnl_nlmsg_size(MNL_ALIGN(sizeof(netconfmsg))))
            return core::fail(core::Errc::bad_input, "netconf message is truncated");
        mnl_attr_parse(message, MNL_ALIGN(sizeof(netconfmsg)), note_forwarding, &on);
    }
    if (left > 0) return core::fail(core::Errc::bad_input, "netlink message is truncated");
    return on;
}

}   // namespace net
