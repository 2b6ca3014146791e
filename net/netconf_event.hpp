#pragma once
// What the kernel says about its switches for IP forwarding: bytes in, value out.
//
// Wire format: RTM_NEWNETCONF of rtnetlink (linux/netconf.h): a netconfmsg, then attributes.

#include "core/result.hpp"

#include <cstddef>
#include <span>

namespace net {

// Whether any message of the datagram says that forwarding is on, for all interfaces, the default or one of
// them. Errors: bad_input (truncated).
core::Result<bool> says_forwarding(std::span<std::byte const> datagram);

}   // namespace net
