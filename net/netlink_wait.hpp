#pragma once
// Waiting for what a netlink socket tells.

#include "core/task.hpp"

struct mnl_socket;   // libmnl's

namespace net {

// Returns once `drain`, which empties the socket, says that something came that matters. Without a socket,
// which a kernel may refuse, never. `socket` does not block and outlives the task.
core::Task<void> until_told(mnl_socket* socket, bool (*drain)(mnl_socket const&));

}   // namespace net
