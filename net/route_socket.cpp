#include "net/route_socket.hpp"

#include "core/owned.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <fcntl.h>

#include <array>
#include <cerrno>

namespace net {
namespace {

namespace asio = core::asio;

// The kernel makes dump datagrams of up to 32 KiB where the reader offers that much (netlink(7)).
// MNL_SOCKET_BUFFER_SIZE calls sysconf(): an array of it would be a VLA.
constexpr std::size_t kDatagram = 32 * 1024;

}   // namespace

struct RouteSocket::Parts {
    core::Owned<mnl_socket, mnl_socket_close> socket;
    asio::posix::stream_descriptor readable;   // of a duplicate: Asio closes what it is given
    std::vector<std::byte> datagram = std::vector<std::byte>(kDatagram);
};

RouteSocket::RouteSocket(std::unique_ptr<Parts> parts) : parts_{std::move(parts)} {}
RouteSocket::RouteSocket(RouteSocket&&) noexcept = default;
RouteSocket& RouteSocket::operator=(RouteSocket&&) noexcept = default;
RouteSocket::~RouteSocket() = default;

Result<RouteSocket> RouteSocket::open(asio::any_io_executor executor) {
    core::Owned<mnl_socket, mnl_socket_close> socket{
        mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!socket) return core::fail_errno("opening a netlink socket");
    if (mnl_socket_bind(socket.get(), RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE,
                        MNL_SOCKET_AUTOPID) != 0)
        return core::fail_errno("subscribing to link changes");
    int const duplicate = ::fcntl(mnl_socket_get_fd(socket.get()), F_DUPFD_CLOEXEC, 0);
    if (duplicate < 0) return core::fail_errno("duplicating the netlink socket");
    asio::posix::stream_descriptor readable{std::move(executor), duplicate};
    return RouteSocket{std::make_unique<Parts>(Parts{std::move(socket), std::move(readable)})};
}

Result<void> RouteSocket::request(unsigned short type, unsigned char family) {
    alignas(nlmsghdr) std::array<std::byte, 128> bytes{};
    auto* header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    auto* about = static_cast<rtgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(rtgenmsg)));
    about->rtgen_family = family;
    if (mnl_socket_sendto(parts_->socket.get(), header, header->nlmsg_len) < 0)
        return core::fail_errno("asking the kernel for its links, addresses and routes");
    return {};
}

Result<void> RouteSocket::request_links() {
    return request(RTM_GETLINK, AF_UNSPEC);
}
Result<void> RouteSocket::request_addresses() {
    return request(RTM_GETADDR, AF_INET);
}
Result<void> RouteSocket::request_routes() {
    return request(RTM_GETROUTE, AF_INET);
}

Task<Result<std::vector<RouteEvent>>> RouteSocket::next() {
    for (;;) {
        // Read first: Asio's readiness is edge-triggered, and a datagram may be waiting already.
        auto const n =
            mnl_socket_recvfrom(parts_->socket.get(), parts_->datagram.data(), parts_->datagram.size());
        if (n >= 0)
            co_return parse_route_events(std::span{parts_->datagram}.first(static_cast<std::size_t>(n)));
        if (errno == EINTR) continue;
        if (errno != EAGAIN) co_return core::fail_errno("reading link changes");
        auto const [failed] = co_await parts_->readable.async_wait(asio::posix::stream_descriptor::wait_read,
                                                                   asio::as_tuple(asio::use_awaitable));
        if (failed) co_return fail(failed, "waiting for link changes");
    }
}

bool is_overrun(core::Error const& error) noexcept {
    return error.code == boost::system::errc::no_buffer_space;
}

}   // namespace net
