#pragma once
// The DHCP messages of the probe (RFC 2131): a DISCOVER as a relay passes it on, and the OFFER to it. Pure.

#include "core/ipv4.hpp"
#include "core/result.hpp"
#include "health/datagram.hpp"

namespace health {

// From a client that does not exist, always the same one: its hardware address is locally administered.
// `relay` is where the answer goes, and the LAN that the address is for.
Datagram dhcp_discover(std::uint32_t transaction, core::Ipv4 relay);

// The address offered to that client. Errors: bad_input, with what is wrong with `answer`.
core::Result<core::Ipv4> parse_dhcp_offer(Datagram const& answer, std::uint32_t transaction);

}   // namespace health
