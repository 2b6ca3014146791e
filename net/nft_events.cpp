#include "net/nft_events.hpp"

#include "core/owned.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <fcntl.h>

#include <array>
#include <cerrno>

namespace net {
namespace {

namespace asio = core::asio;

// Takes what is there. True when there was anything, or more than the socket holds (ENOBUFS).
bool drain(mnl_socket const& socket) {
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
    if (parts_->socket) drain(*parts_->socket);
}

core::Task<void> NftEvents::changed() {
    auto const executor = co_await asio::this_coro::executor;
    if (!parts_->socket) {
        asio::steady_timer never(executor, asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
    }
    // Of a duplicate: Asio closes what it is given.
    asio::posix::stream_descriptor readable(
        executor, ::fcntl(mnl_socket_get_fd(parts_->socket.get()), F_DUPFD_CLOEXEC, 0));
    while (!drain(*parts_->socket))
        co_await readable.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
}

}   // namespace net
