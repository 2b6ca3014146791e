#pragma once
// The kernel's stream of changes to links, IPv4 addresses, routes and rules (rtnetlink(7), by libmnl), and
// the dumps that begin it. Of a rule only that there is something new is told.

#include "core/task.hpp"
#include "net/link_event.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace net {

using core::Task;

class RouteSocket {
public:
    // Subscribed before anything is asked, so that no change is missed. Errors: errno's.
    static Result<RouteSocket> open(core::asio::any_io_executor executor);
    RouteSocket(RouteSocket&&) noexcept;
    RouteSocket& operator=(RouteSocket&&) noexcept;
    ~RouteSocket();

    // Asks for all links, and after its DumpEnd for all addresses, then routes; what is told comes out of
    // next(). One at a time.
    Result<void> request_links();
    Result<void> request_addresses();
    Result<void> request_routes();

    // At least one event unless what came was of no interest. After is_overrun() changes were lost: dump
    // again. Errors: errno's, bad_input.
    Task<Result<std::vector<RouteEvent>>> next();

private:
    struct Parts;
    explicit RouteSocket(std::unique_ptr<Parts> parts);
    Result<void> request(unsigned short type, unsigned char family);
    std::unique_ptr<Parts> parts_;
};

bool is_overrun(core::Error const& error) noexcept;   // ENOBUFS

}   // namespace net
