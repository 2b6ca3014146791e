#include "net/firewall.hpp"

#include "core/race.hpp"
#include "net/firewall_listing.hpp"
#include "net/firewall_ruleset.hpp"

namespace net {

using core::Level;

Firewall::Firewall(core::Clock& clock,
                   PacketFilter& filter,
                   core::StateBus& state,
                   core::Writer<&core::DeviceState::firewall> firewall,
                   core::Log log,
                   FirewallFacts facts)
    : clock_{clock},
      filter_{filter},
      state_{state},
      firewall_{firewall},
      log_{std::move(log)},
      facts_{std::move(facts)} {}

Task<void> Firewall::run() {
    in_force_.reset();
    for (;;) {
        auto const flags = state_.now().flags;
        auto const again_in = co_await bring_about(flags);
        auto changed = other_flags_than(flags);
        auto until = again_in ? clock_.sleep_for(*again_in) : filter_.changed_by_others();
        co_await core::ends_before(std::move(changed), std::move(until));
    }
}

Task<void> Firewall::other_flags_than(core::Flags flags) {
    for (auto seen = state_.get(); seen->flags == flags;) seen = co_await state_.changed_from(seen);
}

Task<Firewall::AgainIn> Firewall::bring_about(core::Flags flags) {
    auto const wanted = policy(facts_, flags);
    if (!wanted) co_return failed(wanted.error());

    // Read back even without a change of ours: what woke this task may be another program's, or both.
    if (in_force_) {
        auto const kept = co_await adjust(*wanted);
        if (kept) co_return succeeded(*wanted);
        auto const pause = repair_in(kept.error());
        if (pause > core::Duration{}) co_return pause;
    }
    auto const replaced = co_await replace(*wanted);
    if (!replaced) co_return failed(replaced.error());
    co_return succeeded(*wanted);
}

// Only what follows the flag; the rest is in force already.
Task<Result<void>> Firewall::adjust(FirewallPolicy wanted) {
    if (in_force_ != wanted) {
        auto const applied = co_await set(ssh_rule(wanted));
        if (!applied) co_return applied.error();
    }
    auto const listing = co_await filter_.list_table("inet atomix");
    if (!listing) co_return listing.error();
    if (auto ok = check_listing(*listing, wanted); !ok) co_return ok.error();
    auto const found = normal_listing(*listing, kSshChain);
    if (!found) co_return found.error();
    auto const difference = first_difference(listed_, *found);
    if (!difference.empty()) co_return fail(Errc::refused, "the kernel's table differs: " + difference);
    co_return Result<void>{};
}

// All of it. There is nothing to compare its text with yet but our own idea of it.
Task<Result<void>> Firewall::replace(FirewallPolicy wanted) {
    in_force_.reset();
    auto const applied = co_await apply(render(wanted));
    if (!applied) co_return applied.error();
    auto const listing = co_await filter_.list_table("inet atomix");
    if (!listing) co_return listing.error();
    if (auto ok = check_listing(*listing, wanted); !ok) co_return ok.error();
    auto listed = normal_listing(*listing, kSshChain);
    if (!listed) co_return listed.error();
    listed_ = std::move(*listed);
    log_(Level::notice, "firewall applied",
         {{"wan", facts_.wan}, {"lan", facts_.lan}, {"lan_access", core::name(wanted.lan_access)}});
    co_return Result<void>{};
}

Task<Result<void>> Firewall::apply(std::string commands) {
    auto const applied = co_await filter_.apply(std::move(commands));
    if (!applied) co_return applied.error();
    count_transaction();
    co_return Result<void>{};
}

Task<Result<void>> Firewall::set(OnlyRule rule) {
    auto const done = co_await filter_.set(std::move(rule));
    if (!done) co_return done.error();
    count_transaction();
    co_return Result<void>{};
}

void Firewall::count_transaction() {
    firewall_.change([](core::FirewallState& state) { ++state.transactions; });
}

Firewall::AgainIn Firewall::succeeded(FirewallPolicy const& wanted) {
    in_force_ = wanted;
    failures_ = 0;
    if (wanted.ssh_on_wan != firewall_.now().ssh_on_wan)
        log_(Level::notice, wanted.ssh_on_wan ? "ssh on wan opened" : "ssh on wan closed", {});
    tell({.applied = true,
          .ssh_on_wan = wanted.ssh_on_wan,
          .bootstrap_on_wan = wanted.bootstrap_on_wan,
          .lan = wanted.lan_access});
    return std::nullopt;
}

Firewall::AgainIn Firewall::failed(core::Error const& why) {
    in_force_.reset();   // the next attempt replaces all of it
    auto next = firewall_.now();
    next.applied = false;
    next.error = why.text();
    tell(std::move(next));
    return backoff_.pause(++failures_);
}

core::Duration Firewall::repair_in(core::Error const& why) {
    in_force_.reset();
    auto const pause = repairs_.pause(clock_.now());
    log_(Level::warning, "firewall was not left as it was applied, applying all of it again",
         {{"why", why.text()}, {"in_s", core::count_s(pause)}});
    firewall_.change([&](core::FirewallState& state) {
        state.applied = false;
        state.error = "does not stay as it was applied: " + why.text();
        ++state.repairs;
    });
    return pause;
}

void Firewall::tell(core::FirewallState state) {
    state.transactions = firewall_.now().transactions;
    state.repairs = firewall_.now().repairs;
    if (!state.error.empty() && state.error != firewall_.now().error)
        log_(Level::error, "firewall is not as wanted, will retry", {{"why", state.error}});
    firewall_.set(std::move(state));
}

}   // namespace net
