// atomix_apply_firewall PORTS TIMES: replaces the whole table in the calling network namespace TIMES times,
// as a start of atomixd does, read-back included, with PORTS TCP ports open on the WAN. For
// test/bench/network.
//
// Prints {"text": "…", "seconds": […]}: what nft is given, so that a rival can be given the same, and how
// long each took until the state said that it is in force.

#include "core/json.hpp"
#include "core/race.hpp"
#include "net/firewall.hpp"
#include "net/firewall_ruleset.hpp"
#include "support/run_task.hpp"

#include <cstdio>
#include <iostream>

namespace {

using core::DeviceState;
using core::Task;

constexpr auto kLimit = std::chrono::seconds{60};

net::FirewallFacts facts_with(int ports) {
    net::FirewallFacts facts{.wan = "eth0", .lan = "eth1", .is_provisioned = true};
    for (int i = 0; i < ports; ++i)
        facts.wanted_on_wan.tcp.push_back(static_cast<std::uint16_t>(10'000 + 2 * i));
    return facts;
}

// In force, or refused with a reason.
Task<void> settled(core::StateBus& state) {
    auto seen = state.get();
    while (!seen->firewall.applied && seen->firewall.error.empty()) {
        auto const next = co_await state.changed_from(seen);
        seen = next;
    }
}

Task<bool> keep_until(net::Firewall& firewall, core::StateBus& state, core::Clock& clock) {
    auto ended = core::ends_before(firewall.run(), settled(state));
    auto const done = co_await core::first_of(std::move(ended), clock.sleep_for(kLimit));
    co_return done.has_value() && state.now().firewall.applied;
}

}   // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "atomix_apply_firewall PORTS TIMES\n";
        return 2;
    }
    auto const facts = facts_with(std::atoi(argv[1]));
    core::asio::io_context io{1};
    core::SystemClock clock;
    core::Log const log{core::standard_error_sink(core::Level::warning), "bench"};
    core::json::array seconds;
    for (int left = std::atoi(argv[2]); left > 0; --left) {
        core::StateBus state{io.get_executor(), {}};
        net::Nft nft;
        net::Firewall firewall{clock, nft, state, core::Writer<&DeviceState::firewall>{state}, log, facts};
        auto const began = clock.now();
        if (!test::run_task(io, keep_until(firewall, state, clock))) {
            std::cerr << "the firewall was not applied: " << state.now().firewall.error << '\n';
            return 1;
        }
        seconds.push_back(std::chrono::duration<double>(clock.now() - began).count());
    }
    auto const policy = net::policy(facts, {});
    core::json::object out;
    out["text"] = net::render(*policy);
    out["seconds"] = std::move(seconds);
    std::cout << core::print_json(out) << '\n';
    return 0;
}
