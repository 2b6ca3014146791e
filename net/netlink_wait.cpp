#include "net/netlink_wait.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <libmnl/libmnl.h>

#include <fcntl.h>

namespace net {

namespace asio = core::asio;

core::Task<void> until_told(mnl_socket* socket, bool (*drain)(mnl_socket const&)) {
    auto const executor = co_await asio::this_coro::executor;
    if (!socket) {
        asio::steady_timer never(executor, asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
    }
    // Of a duplicate: Asio closes what it is given.
    asio::posix::stream_descriptor readable(executor, ::fcntl(mnl_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0));
    while (!drain(*socket))
        co_await readable.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
}

}   // namespace net
