#pragma once
// All rules of one chain replaced by one, in one transaction, by libnftnl (GPL-2.0, in the .cpp only).
//
// libnftables does the same by text, but reads every table's chains, sets and counters before it sends a
// word: that was most of the time that a flag took (test/bench/network, "flag").

#include "core/result.hpp"

#include <memory>
#include <string>

namespace net {

using core::Result;

struct OnlyRule {
    std::string chain;     // of `inet atomix`; it must be there
    std::string counter;   // the named one that counts first; empty: none
    bool accept = false;   // else drop
    bool operator==(OnlyRule const&) const = default;
};

// "counter name \"ssh_closed\" drop", as nft writes it. Pure.
std::string text_of(OnlyRule const& rule);

class RuleSocket {
public:
    RuleSocket();   // of the network namespace that the calling thread is in
    ~RuleSocket();

    // All of it or nothing; the kernel answers at once. Errors: refused (no such chain or counter), io.
    Result<void> set(OnlyRule const& rule);

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}   // namespace net
