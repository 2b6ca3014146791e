#pragma once
// One datagram there, one back, with a limit.

#include "core/clock.hpp"
#include "core/ipv4.hpp"
#include "core/result.hpp"
#include "health/datagram.hpp"

namespace health {

inline constexpr std::size_t kLongestAnswer = 1500;   // an Ethernet frame's payload

// Errors: timed_out, unreachable (refused, no route).
core::Task<core::Result<Datagram>> ask_by_udp(core::Clock& clock,
                                              core::Ipv4 server,
                                              std::uint16_t port,
                                              Datagram question,
                                              core::Duration limit);

// The end of such an exchange, or timed_out at `limit`.
core::Task<core::Result<Datagram>>
answer_within(core::Clock& clock, core::Duration limit, core::Task<core::Result<Datagram>> asked);

}   // namespace health
