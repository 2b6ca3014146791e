#pragma once
// One datagram there, one back, with a limit.

#include "core/clock.hpp"
#include "core/ipv4.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <vector>

namespace health {

using Datagram = std::vector<std::uint8_t>;

// Errors: timed_out, unreachable (refused, no route).
core::Task<core::Result<Datagram>> ask_by_udp(core::Clock& clock,
                                              core::Ipv4 server,
                                              std::uint16_t port,
                                              Datagram question,
                                              core::Duration limit);

}   // namespace health
