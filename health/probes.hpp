#pragma once
// One reading each. What the state tells already is a pure function; DNS and NTP are asked for real, as a LAN
// client would ask.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/ipv4.hpp"
#include "core/task.hpp"

#include <string>

namespace health {

using core::Reading;
using core::Task;

Reading service_reading(core::Services const& services, std::string const& name);
Reading lan_address_reading(core::Link const& lan, core::Cidr wanted);
Reading wan_lease_reading(core::Link const& wan);
Reading firewall_reading(core::FirewallState const& firewall);

// Asks `server`, UDP port 53, for `name`; good if it answers with an address.
Task<Reading> dns_reading(core::Clock& clock, core::Ipv4 server, std::string name);

// Asks `server`, UDP port 123 (SNTP, RFC 4330); good if it answers with a stratum of 1 … 15.
Task<Reading> ntp_reading(core::Clock& clock, core::Ipv4 server);

}   // namespace health
