#pragma once
// Keeps the kernel's table `inet atomix` as the documents and the flags want it. What the kernel
// then has is read back and compared; a refused change leaves the old table in force and is tried again. What
// another program changes in the table, be it within a rule, is put back: at once, then later each time.

#include "core/backoff.hpp"
#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "net/firewall_policy.hpp"
#include "net/nft.hpp"
#include "net/normal_listing.hpp"
#include "net/repairs.hpp"

#include <optional>
#include <string>

namespace net {

class Firewall {
public:
    Firewall(core::Clock& clock,
             PacketFilter& filter,
             core::StateBus& state,
             core::Writer<&core::DeviceState::firewall> firewall,
             core::Log log,
             FirewallFacts facts);

    // The whole table at once, then the SSH rule with every change of its flag; no transaction without a
    // change.
    Task<void> run();

private:
    // Nothing when the kernel has what is wanted, else how long to wait before the next attempt.
    using AgainIn = std::optional<core::Duration>;
    Task<AgainIn> bring_about(core::Flags flags);
    Task<Result<void>> adjust(FirewallPolicy wanted);
    Task<Result<void>> replace(FirewallPolicy wanted);
    Task<Result<void>> apply(std::string commands);
    Task<Result<void>> set(OnlyRule rule);
    void count_transaction();
    AgainIn succeeded(FirewallPolicy const& wanted);
    AgainIn failed(core::Error const& why);
    core::Duration repair_in(core::Error const& why);
    void tell(core::FirewallState state);
    Task<void> other_flags_than(core::Flags flags);

    core::Clock& clock_;
    PacketFilter& filter_;
    core::StateBus& state_;
    core::Writer<&core::DeviceState::firewall> firewall_;
    core::Log log_;
    FirewallFacts facts_;
    core::Backoff backoff_;
    unsigned failures_ = 0;
    Repairs repairs_;
    std::optional<FirewallPolicy> in_force_;   // nothing: what the kernel has is not known to be ours
    NormalListing listed_;                     // while in force: as read back after all of it was applied
};

}   // namespace net
