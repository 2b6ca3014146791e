#include "net/firewall.hpp"

#include "core/files.hpp"
#include "core/race.hpp"
#include "net/firewall_listing.hpp"

#include <fstream>

namespace net {

using core::Level;

Result<void> switch_forwarding_off(std::filesystem::path const& sysctl_net) {
    for (auto const* name : {"ipv4/ip_forward", "ipv6/conf/all/forwarding"}) {
        auto const file = sysctl_net / name;
        auto const now = core::read_file(file, 64);
        if (!now && now.error().is(Errc::not_found)) continue;   // a kernel without IPv6
        if (!now) return fail(now, "switching IP forwarding off");
        if (now->starts_with('0')) continue;
        std::ofstream switched{file};
        errno = 0;
        if (!(switched << "0\n" << std::flush))
            return core::fail_errno("switching IP forwarding off in " + file.string());
    }
    return {};
}

Firewall::Firewall(core::Clock& clock,
                   PacketFilter& filter,
                   core::StateBus& state,
                   core::Writer<&core::DeviceState::firewall> firewall,
                   core::Log log,
                   FirewallFacts facts,
                   std::filesystem::path sysctl_net)
    : clock_{clock},
      filter_{filter},
      state_{state},
      firewall_{firewall},
      log_{std::move(log)},
      facts_{std::move(facts)},
      sysctl_net_{std::move(sysctl_net)} {}

Task<void> Firewall::run() {
    in_force_.reset();
    for (unsigned failures = 0;;) {
        auto const flags = state_.now().flags;
        bool const done = co_await bring_about(flags);
        failures = done ? 0 : failures + 1;
        auto changed = other_flags_than(flags);
        if (!done) {
            auto pause = clock_.sleep_for(backoff_.pause(failures));
            co_await core::ends_before(std::move(changed), std::move(pause));
            continue;
        }
        auto others = filter_.changed_by_others();
        bool const flags_changed = co_await core::ends_before(std::move(changed), std::move(others));
        if (!flags_changed) co_await look_again();
    }
}

Task<void> Firewall::other_flags_than(core::Flags flags) {
    for (auto seen = state_.get(); seen->flags == flags;) seen = co_await state_.changed_from(seen);
}

// A table that another program changed or deleted is put back, all of it.
Task<void> Firewall::look_again() {
    auto const listing = co_await filter_.list_table("inet atomix");
    auto const checked = listing ? check_listing(*listing, *in_force_) : Result<void>{listing.error()};
    if (checked) co_return;
    log_(Level::warning, "firewall was changed by another program, applying it again",
         {{"why", checked.error().text()}});
    in_force_.reset();
}

Task<bool> Firewall::bring_about(core::Flags flags) {
    auto const wanted = policy(facts_, flags);
    auto next = firewall_.now();
    if (!wanted) {
        next.applied = false;
        next.error = wanted.error().text();
        tell(std::move(next));
        co_return false;
    }
    if (in_force_ == *wanted) co_return true;

    bool const whole = !in_force_;
    auto const changed = co_await change_to(*wanted);
    if (!changed) {
        in_force_.reset();   // the next attempt replaces all of it
        next.applied = false;
        next.error = changed.error().text();
        tell(std::move(next));
        co_return false;
    }
    in_force_ = *wanted;
    auto const forwarding = switch_forwarding_off(sysctl_net_);
    next = {.applied = true,
            .ssh_on_wan = wanted->ssh_on_wan,
            .bootstrap_on_wan = wanted->bootstrap_on_wan,
            .lan = wanted->lan_access,
            .error = forwarding ? "" : forwarding.error().text(),
            .transactions = firewall_.now().transactions};
    if (whole)
        log_(Level::notice, "firewall applied",
             {{"wan", facts_.wan}, {"lan", facts_.lan}, {"lan_access", core::name(wanted->lan_access)}});
    if (wanted->ssh_on_wan != firewall_.now().ssh_on_wan)
        log_(Level::notice, wanted->ssh_on_wan ? "ssh on wan opened" : "ssh on wan closed", {});
    tell(std::move(next));
    co_return true;
}

Task<Result<void>> Firewall::change_to(FirewallPolicy wanted) {
    auto commands = in_force_ ? render_ssh_change(wanted) : render(wanted);
    auto const applied = co_await filter_.apply(std::move(commands));
    if (!applied) co_return applied.error();
    firewall_.change([](core::FirewallState& state) { ++state.transactions; });
    auto const listing = co_await filter_.list_table("inet atomix");
    if (!listing) co_return listing.error();
    co_return check_listing(*listing, wanted);
}

void Firewall::tell(core::FirewallState state) {
    state.transactions = firewall_.now().transactions;
    if (!state.error.empty() && state.error != firewall_.now().error)
        log_(Level::error, "firewall is not as wanted, will retry", {{"why", state.error}});
    firewall_.set(std::move(state));
}

}   // namespace net
