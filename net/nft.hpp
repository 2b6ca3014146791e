#pragma once
// Changes nftables, one text one transaction, and tells what is there. libnftables (GPL-2.0) is used in the
// .cpp only. It works on the loop: 0.3 … 5 ms for a table of this size; the Tasks leave room for a
// thread.

#include "core/result.hpp"
#include "core/task.hpp"
#include "net/nft_events.hpp"
#include "net/only_rule.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace net {

using core::Task;

class PacketFilter {
public:
    virtual ~PacketFilter() = default;
    // All of it or nothing. Errors: refused, with nft's own words.
    virtual Task<Result<void>> apply(std::string commands) = 0;
    // The same, of one chain: its rules are replaced by this one. Errors: refused, io.
    virtual Task<Result<void>> set(OnlyRule rule) = 0;
    // "inet atomix" as nft's JSON. Errors: refused.
    virtual Task<Result<std::string>> list_table(std::string table) = 0;
    // Returns when another program, or another part of this one, has committed a change to any table.
    virtual Task<void> changed_by_others() = 0;
};

class Nft final : public PacketFilter {
public:
    Nft();   // of the network namespace that the calling thread is in
    ~Nft() override;

    Task<Result<void>> apply(std::string commands) override;
    Task<Result<void>> set(OnlyRule rule) override;
    Task<Result<std::string>> list_table(std::string table) override;
    Task<void> changed_by_others() override { return events_.changed(); }

private:
    struct Context;
    Result<std::string> run(std::string const& commands);
    std::unique_ptr<Context> context_;
    RuleSocket rules_;
    NftEvents events_;
};

// nft echoes the line it refuses, which may be very long: the first line of its words, at most 300
// characters. Pure.
std::string first_words(std::string_view error);

}   // namespace net
