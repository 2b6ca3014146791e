#pragma once
// The kernel's word that someone committed a change to nftables (nfnetlink's group NFNLGRP_NFTABLES): any
// program, any table, this one included. It only says "look again", so a lost event is as good as a told one.

#include "core/result.hpp"
#include "core/task.hpp"

#include <memory>

namespace net {

class NftEvents {
public:
    NftEvents();   // of the network namespace that the calling thread is in
    ~NftEvents();

    // Returns once there was a change since the last return or forget(). Where the kernel tells nothing,
    // never.
    core::Task<void> changed();
    void forget();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}   // namespace net
