#pragma once
// What the status server answers: a request as values in, a reply as values out. Pure, if `sensors` is.
//
// GET and HEAD of /healthz and /api/v1/status; errors are application/problem+json (RFC 9457).

#include "core/device_state.hpp"
#include "core/temperature.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace net {

struct StatusRequest {
    std::string method;               // "GET"
    std::string target;               // "/healthz?x=1"
    unsigned version = 11;            // 10: HTTP/1.0
    std::vector<std::string> hosts;   // every Host header there was
};

struct StatusResponse {
    unsigned status = 200;
    std::string content_type;
    std::string body;
    std::string allow;    // the Allow header; empty: none
    bool close = false;   // the connection is of no more use
};

// What the sensors say, asked once for each status that is shown and for nothing else. Empty: there are none.
using Sensors = std::function<core::Temperatures()>;

// `names`: those that this device is known by on the LAN; addresses and "localhost" are always answered.
// Another name is refused, so that a web page from elsewhere cannot read us by pointing its own name here
// (DNS rebinding).
StatusResponse status_response(StatusRequest const& request,
                               std::vector<std::string> const& names,
                               core::DeviceState const& state,
                               core::TimePoint now,
                               Sensors const& sensors);

StatusResponse problem(unsigned status, std::string const& detail);

}   // namespace net
