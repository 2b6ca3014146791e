#pragma once
// Asks a DHCP server on this very host, as a relay agent does.
//
// A DISCOVER from a client's port would be answered by broadcast or to an address that nobody has, and what
// this host sends out of an interface does not come back in through it. The server answers a relay at the
// relay's address, port 67: here the LAN address itself, so both ways go through `lo`, the LAN sees none of
// it, and the packet filter accepts it. Our socket on that port is connected to the server's: it gets nothing
// but what the server sends, the clients' packets still reach the server.

#include "health/udp_question.hpp"

namespace health {

// Errors: timed_out, unreachable (no such address here, nobody listens, the server does not share its port).
core::Task<core::Result<Datagram>> ask_as_relay(core::Clock& clock,
                                                core::Ipv4 address,
                                                std::uint16_t port,
                                                Datagram question,
                                                core::Duration limit);

}   // namespace health
