#include "net/nft_events.hpp"

#include "core/owned.hpp"
#include "net/netlink_wait.hpp"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <array>
#include <cerrno>

namespace net {
namespace {

// Takes what is there. True when there was anything, or more than the socket holds (ENOBUFS).
bool take_events(mnl_socket const& socket) {
    std::array<std::byte, 4096> bytes;   // what the messages say does not matter
    for (bool any = false;;) {
        auto const n = mnl_socket_recvfrom(&socket, bytes.data(), bytes.size());
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return any;
        any = true;
    }
}

}   // namespace

struct NftEvents::Parts {
    core::Owned<mnl_socket, mnl_socket_close> socket{
        mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC)};
};

NftEvents::NftEvents() : parts_{std::make_unique<Parts>()} {
    auto& socket = parts_->socket;
    int group = NFNLGRP_NFTABLES;
    if (!socket) return;
    if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0 ||
        mnl_socket_setsockopt(socket.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
        socket.reset();
}

NftEvents::~NftEvents() = default;

void NftEvents::forget() {
    if (parts_->socket) take_events(*parts_->socket);
}

core::Task<void> NftEvents::changed() {
    return until_told(parts_->socket.get(), take_events);
}

}   // namespace net
