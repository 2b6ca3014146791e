#include "net/chrony_wan.hpp"

#include "core/race.hpp"

namespace net {
namespace {

using core::Level;

constexpr auto kHold = std::chrono::seconds{5};   // a link that comes and goes is no reason to ask every time
constexpr auto kTellChronyAgain = std::chrono::seconds{10};

}   // namespace

std::optional<ChronyOrder> chrony_order(core::DeviceState const& state) {
    auto const chronyd = state.services.find("chronyd");
    if (chronyd == state.services.end() || !chronyd->second.running) return std::nullopt;
    auto const& wan = state.links.wan;
    return ChronyOrder{.online = wan.carrier && !wan.addresses.empty(), .start = chronyd->second.starts};
}

core::Task<void> ChronyWan::run() {
    std::optional<ChronyOrder> told;
    for (;;) {
        auto const wanted = chrony_order(state_.now());
        if (!wanted || wanted == told) {
            co_await other_order(wanted);
            continue;
        }
        if (!co_await holds(wanted)) continue;
        if (co_await tell(*wanted))
            told = wanted;
        else
            co_await clock_.sleep_for(kTellChronyAgain);
    }
}

core::Task<void> ChronyWan::other_order(std::optional<ChronyOrder> seen) {
    for (auto now = state_.get(); chrony_order(*now) == seen;) now = co_await state_.changed_from(now);
}

core::Task<bool> ChronyWan::holds(std::optional<ChronyOrder> wanted) {
    auto changed = other_order(wanted);
    auto held = clock_.sleep_for(kHold);
    bool const is_other = co_await core::ends_before(std::move(changed), std::move(held));
    co_return !is_other;
}

core::Task<bool> ChronyWan::tell(ChronyOrder order) {
    std::vector<std::vector<std::string>> commands{{"offline"}};
    if (order.online) commands = {{"online"}, {"burst", "4/4"}};
    for (auto const& words : commands) {
        core::Command command;
        command.argv = {chronyc_.string(), "-n", "-h", socket_.string()};
        command.argv.insert(command.argv.end(), words.begin(), words.end());
        auto const done = co_await processes_.run(std::move(command));
        if (done && done->status == 0) continue;
        auto const why = done ? "status " + std::to_string(done->status) : done.error().text();
        log_(Level::warning, "chronyd cannot be told, will retry",
             {{"command", words.front()}, {"why", why}});
        co_return false;
    }
    log_(Level::info, order.online ? "time servers are asked" : "time servers are not asked without a WAN");
    co_return true;
}

}   // namespace net
