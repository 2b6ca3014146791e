#pragma once
// The kernel's word that somebody has switched IP forwarding on (rtnetlink's groups for IPv4 and IPv6
// netconf).

#include "core/task.hpp"

#include <memory>

namespace net {

class NetconfSocket {
public:
    NetconfSocket();   // of the network namespace that the calling thread is in
    ~NetconfSocket();

    // Returns once forwarding was switched on since the last return, or when news were lost. Where the kernel
    // tells nothing, never.
    core::Task<void> switched_on();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}   // namespace net
