#include "net/netconf_socket.hpp"

#include "core/owned.hpp"
#include "net/netconf_event.hpp"
#include "net/netlink_wait.hpp"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>

namespace net {
namespace {

// Takes what is there. True when some of it says "on", cannot be read, or was lost (ENOBUFS).
bool take_netconf(mnl_socket const& socket) {
    alignas(8) std::array<std::byte, 8192> bytes;
    for (bool on = false;;) {
        auto const n = mnl_socket_recvfrom(&socket, bytes.data(), bytes.size());
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return on;
        if (n < 0 && errno == EINTR) continue;
        auto const says = n < 0 ? core::Result<bool>{true}
                                : says_forwarding(std::span{bytes}.first(static_cast<std::size_t>(n)));
        on = on || !says || *says;
    }
}

bool subscribe(mnl_socket* socket) {
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) != 0) return false;
    for (int group : {RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF})
        if (mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) return false;
    return true;
}

}   // namespace

struct NetconfSocket::Parts {
    core::Owned<mnl_socket, mnl_socket_close> socket{
        mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC)};
};

NetconfSocket::NetconfSocket() : parts_{std::make_unique<Parts>()} {
    auto& socket = parts_->socket;
    if (socket && !subscribe(socket.get())) socket.reset();
}

NetconfSocket::~NetconfSocket() = default;

core::Task<void> NetconfSocket::switched_on() {
    return until_told(parts_->socket.get(), take_netconf);
}

}   // namespace net
