#pragma once
// The operator's wishes for the WAN and the further interfaces, put into force where no networkd runs:
// busybox's udhcpc, kept alive by the ServiceHost, has those with DHCP; those with an address are set by the
// script that udhcpc calls too (deploy/udhcpc).
//
// consumes DeviceState::links: an interface that is made anew has lost its address, and a client is started
// when its interface is there, since it would end without, and a service that keeps ending fails a trial.

#include "config/device_document.hpp"
#include "config/operator_document.hpp"
#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/processes.hpp"
#include "core/service_host.hpp"

namespace net {

// For one interface with a static address: what is run when it has not got it.
struct StaticOrder {
    std::string interface;
    std::string address;   // CIDR notation
    std::vector<std::string> argv;
};

struct ClientOrder {
    std::string interface;
    core::ServiceSpec client;   // "udhcpc-eth0", …
};

struct WanOrders {
    std::vector<ClientOrder> clients;
    std::vector<StaticOrder> fixed;
};

// Pure.
WanOrders wan_orders(config::OperatorDocument const& document, config::DeviceDocument const& device);

// Before anybody has acted; and for good where nobody is to act, because interfaces.manager is none.
core::NetworkSetup first_setup(config::OperatorDocument const& document,
                               config::DeviceDocument const& device);

class WanClient {
public:
    WanClient(core::Clock& clock,
              core::StateBus& state,
              core::ServiceHost& host,
              core::Processes& processes,
              core::Writer<&core::DeviceState::network> network,
              core::Log log,
              WanOrders orders);

    core::Task<void> run();

private:
    void start_clients(core::Links const& links);
    core::Task<std::string> set_address(StaticOrder order);   // why it could not be set

    core::Clock& clock_;
    core::StateBus& state_;
    core::ServiceHost& host_;
    core::Processes& processes_;
    core::Writer<&core::DeviceState::network> network_;
    core::Log log_;
    WanOrders orders_;
};

}   // namespace net
