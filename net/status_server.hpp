#pragma once
// Shows the device's state over HTTP on the LAN: GET /healthz and GET /api/v1/status. Read-only.
//
// Consumes the whole DeviceState and the sensors, produces nothing. At most 32 clients at once; one more is
// closed at once.

#include "core/log.hpp"
#include "core/task_group.hpp"
#include "net/status_connection.hpp"

#include <boost/asio/ip/address.hpp>

namespace net {

struct StatusListen {
    core::asio::ip::address address;      // need not be on an interface yet (IP_FREEBIND)
    std::uint16_t port = 8080;            // 0: a free one
    std::string interface;                // only clients that come in there (SO_BINDTODEVICE); empty: any
    std::vector<std::string> names;       // that this device is known by: "atomixos", "atomixos.local"
    std::function<void()> on_listening;   // each time clients can connect from now on; may be empty
    Sensors sensors;                      // may be empty
};

class StatusServer {
public:
    StatusServer(StatusListen listen,
                 core::Clock& clock,
                 core::StateBus& state,
                 core::Log log,
                 StatusLimits limits = {});

    // Until cancelled; then every connection has ended. Waits for the interface, and follows one that is made
    // anew. Throws system_error with the sentence it logged when
    // it cannot listen; the Supervisor tries again.
    core::Task<void> run();

    bool is_listening() const { return port_ != 0; }
    std::uint16_t port() const { return port_; }   // 0 while not listening

private:
    unsigned interface_number() const;   // 0: there is none now
    core::Task<void> interface_other_than(unsigned number);
    core::Task<void> listen_once(core::TaskGroup& clients);
    core::Task<void> accept_clients(core::asio::ip::tcp::acceptor& acceptor, core::TaskGroup& clients);

    StatusListen listen_;
    core::Clock& clock_;
    core::StateBus& state_;
    core::Log log_;
    StatusLimits limits_;
    Respond respond_;
    std::uint16_t port_ = 0;
};

}   // namespace net
