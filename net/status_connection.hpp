#pragma once
// One client of the status server: its requests, one after another, and every limit on them.

#include "core/clock.hpp"
#include "net/status_response.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <functional>

namespace net {

struct StatusLimits {
    core::Duration request =
        std::chrono::seconds{5};   // from the first wait to the whole header; also to write
    core::Duration idle = std::chrono::seconds{15};   // between two requests
    unsigned header_bytes = 4096;
};

using Respond = std::function<StatusResponse(StatusRequest const&)>;

// Returns when the client is gone or was shown out.
core::Task<void> serve_client(core::asio::ip::tcp::socket socket,
                              core::Clock& clock,
                              StatusLimits limits,
                              Respond const& respond);

}   // namespace net
