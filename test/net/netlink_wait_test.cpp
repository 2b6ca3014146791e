#include "net/netlink_wait.hpp"

#include "core/owned.hpp"
#include "net/network_namespace.hpp"
#include "support/started.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <array>

namespace {

bool takes_all(mnl_socket const& socket) {
    std::array<std::byte, 8192> bytes;
    bool any = false;
    while (mnl_socket_recvfrom(&socket, bytes.data(), bytes.size()) > 0) any = true;
    return any;
}

struct Waiting {
    core::asio::io_context io{1};
    core::asio::cancellation_signal stop;
    bool ended = false;
    std::exception_ptr thrown;

    explicit Waiting(mnl_socket* socket) {
        core::asio::co_spawn(
            io, net::until_told(socket, takes_all),
            core::asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr failed) {
                ended = true;
                thrown = failed;
            }));
        io.poll();
    }
    ~Waiting() {
        stop.emit(core::asio::cancellation_type::all);
        test::happens(io, [&] { return ended; });
    }
};

}   // namespace

TEST_CASE("without a netlink socket nothing is ever told, and the wait can be ended") {
    Waiting waiting{nullptr};
    CHECK_FALSE(waiting.ended);
    waiting.stop.emit(core::asio::cancellation_type::all);
    CHECK(test::happens(waiting.io, [&] { return waiting.ended; }));
    CHECK(waiting.thrown);
}

TEST_CASE("a wait for netlink ends with the kernel's next word, and not before") {
    test::NetworkNamespace space;
    core::Owned<mnl_socket, mnl_socket_close> const socket{
        mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    REQUIRE(socket);
    REQUIRE(mnl_socket_bind(socket.get(), RTMGRP_LINK, MNL_SOCKET_AUTOPID) == 0);
    Waiting waiting{socket.get()};
    CHECK_FALSE(waiting.ended);
    space.shell("ip link add eth1 type veth peer name lan0");
    CHECK(test::happens(waiting.io, [&] { return waiting.ended; }));
    CHECK_FALSE(waiting.thrown);
}
