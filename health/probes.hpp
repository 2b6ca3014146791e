#pragma once
// One reading each, of the network. What the state tells already is a pure function; DNS, NTP and DHCP are
// asked for real. Those of this device itself: health/own_probes.hpp.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/ipv4.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "health/datagram.hpp"

#include <string>

namespace health {

using core::Reading;
using core::Task;

Reading service_reading(core::Services const& services, std::string const& name);
// Of a unit that core::SystemdHost observes.
Reading unit_reading(core::Services const& services, std::string const& unit);
Reading lan_address_reading(core::Link const& lan, core::Cidr wanted);
Reading wan_lease_reading(core::Link const& wan);
Reading firewall_reading(core::FirewallState const& firewall);
Reading forwarding_reading(core::Forwarding const& forwarding);
// The LAN's carrier. Good where the interface has it.
Reading lan_link_reading(core::Link const& lan);
// Of what came back to dhcp_discover().
Reading offer_reading(core::Result<Datagram> const& answer,
                      std::uint32_t transaction,
                      core::Cidr lan,
                      core::Duration took);

// Asks `server`, UDP port 53, for `name`; good if it answers with an address.
Task<Reading> dns_reading(core::Clock& clock, core::Ipv4 server, std::string name);

// Asks `server`, UDP port 123 (SNTP, RFC 4330); good if it answers with a stratum of 1 … 15.
Task<Reading> ntp_reading(core::Clock& clock, core::Ipv4 server);

// Asks the DHCP server of this host on its LAN address, as a relay would; good if it offers an address of the
// LAN. The address is never taken. An offer may need some seconds: dnsmasq pings an address before it offers
// it.
Task<Reading> dhcp_reading(core::Clock& clock, core::Cidr lan);

}   // namespace health
