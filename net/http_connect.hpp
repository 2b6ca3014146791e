#pragma once
// From a name to a connected socket.

#include "core/clock.hpp"
#include "core/result.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <vector>

namespace net {

using core::Result;
using core::Task;
using Tcp = core::asio::ip::tcp;

// Numeric addresses are not looked up. Errors: unreachable ("could not find the address of updates.example:
// …"). A cancelled look-up is left at once, although getaddrinfo() goes on in Asio's thread and its answer is
// dropped.
Task<Result<std::vector<Tcp::endpoint>>> look_up(std::string host, std::uint16_t port);

// Tries the addresses in order, each for its share of `limit`: one that swallows packets does not keep the
// others from being tried. Errors: unreachable ("could not connect to updates.example:443: Connection
// refused").
Task<Result<Tcp::socket>>
connect_to(core::Clock& clock, std::vector<Tcp::endpoint> addresses, std::string peer, core::Duration limit);

}   // namespace net
