// The gateway without the rest of the daemon, for test/system/gateway_test.py: real kernel, real dnsmasq and
// chronyd. gateway_probe <data> <run> <wan> <lan> [only-firewall] [bootstrap-on-wan] [again]; ends in order
// on SIGTERM. again: SIGUSR1 has the whole table applied 100 times. print-rules: only prints the packet
// filter's text. The operator's document is <data>/config/atomix.yaml. What it knows is in <run>/state.json.

#include "config/accepted.hpp"
#include "config/flag_watcher.hpp"
#include "core/child_host.hpp"
#include "core/files.hpp"
#include "core/json.hpp"
#include "core/processes.hpp"
#include "core/race.hpp"
#include "core/supervisor.hpp"
#include "health/probes.hpp"
#include "net/chrony_time.hpp"
#include "net/chrony_wan.hpp"
#include "net/firewall.hpp"
#include "net/firewall_ruleset.hpp"
#include "net/forwarding.hpp"
#include "net/lan_services.hpp"
#include "net/lease_watcher.hpp"
#include "net/link_monitor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using core::DeviceState;
using core::Task;
using core::Writer;

Task<void> termination() {
    core::asio::signal_set signals(co_await core::asio::this_coro::executor, SIGTERM, SIGINT);
    co_await signals.async_wait(core::asio::use_awaitable);
}

Task<void> signalled(core::asio::signal_set& signals) {
    co_await signals.async_wait(core::asio::use_awaitable);
}

Task<void> applied(core::StateBus& state, std::uint64_t transactions) {
    for (auto seen = state.get(); seen->firewall.transactions < transactions;)
        seen = co_await state.changed_from(seen);
}

// A firewall that begins anew applies all of its table.
Task<void> apply_again_and_again(net::Firewall& firewall, core::StateBus& state) {
    core::asio::signal_set signals(co_await core::asio::this_coro::executor, SIGUSR1);
    for (;;) {
        auto kept = firewall.run();
        auto asked = signalled(signals);
        co_await core::ends_before(std::move(kept), std::move(asked));
        auto const before = state.now().firewall.transactions;
        for (unsigned i = 1; i <= 100; ++i) {
            auto anew = firewall.run();
            auto done = applied(state, before + i);
            co_await core::ends_before(std::move(anew), std::move(done));
        }
    }
}

void write(std::filesystem::path const& file, DeviceState const& now, bool synchronised) {
    core::json::object facts;
    facts["wan_carrier"] = now.links.wan.carrier;
    facts["applied"] = now.firewall.applied;
    facts["ssh_on_wan"] = now.firewall.ssh_on_wan;
    facts["lan_access"] = core::name(now.firewall.lan);
    facts["transactions"] = now.firewall.transactions;
    facts["repairs"] = now.firewall.repairs;
    facts["error"] = now.firewall.error;
    facts["synchronised"] = synchronised;
    core::json::object leases;
    for (auto const& lease : now.leases.known) leases[lease.mac] = lease.address + ' ' + lease.name;
    facts["leases"] = std::move(leases);
    for (auto const& [name, service] : now.services) facts[name] = service.pid;
    if (auto ok = core::replace_file(file, core::print_json(facts)); !ok)
        std::fprintf(stderr, "%s\n", ok.error().text().c_str());
}

// One question at a time, as a LAN client's patience has it.
Task<void> probe_dhcp(core::Clock& clock, core::Cidr lan, std::filesystem::path file) {
    for (;;) {
        auto const reading = co_await health::dhcp_reading(clock, lan);
        auto const line = (reading.good ? "good " : "bad ") + reading.detail;
        if (auto ok = core::replace_file(file, line); !ok)
            std::fprintf(stderr, "%s\n", ok.error().text().c_str());
        co_await clock.sleep_for(std::chrono::milliseconds{300});
    }
}

Task<void>
write_state(core::StateBus& state, core::Clock& clock, net::ChronyTime& time, std::filesystem::path file) {
    for (auto seen = state.get();;) {
        bool const synchronised = co_await time.synchronised();
        seen = state.get();
        write(file, *seen, synchronised);
        auto changed = state.changed_from(seen);
        auto pause = clock.sleep_for(std::chrono::milliseconds{200});
        co_await core::first_of(std::move(changed), std::move(pause));
    }
}

}   // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    std::vector<std::string> const words(argv + 5, argv + argc);
    auto const asked = [&](char const* word) { return std::ranges::find(words, word) != words.end(); };
    config::DeviceDocument device;
    device.data.value = argv[1];
    device.run.value = argv[2];
    device.wan.value = argv[3];
    device.lan.value = argv[4];
    device.set_clock.value = false;
    device.bootstrap_on_wan.value = asked("bootstrap-on-wan");
    auto const in_force = config::Accepted{*device.data, core::Slot::a}.choose();
    auto const& document = in_force.document;
    for (auto const& problem : in_force.state.problems) std::fprintf(stderr, "%s\n", problem.c_str());

    auto const flag_directory = *device.data / "config";
    if (asked("print-rules")) {
        auto const policy =
            net::policy(net::firewall_facts(device, in_force), config::read_flags(flag_directory));
        if (policy) std::fputs(net::render(*policy).c_str(), stdout);
        return policy ? 0 : 1;
    }

    core::asio::io_context io{1};
    core::SystemClock clock;
    core::Log const log{core::standard_error_sink(core::Level::debug), "gateway"};
    core::SystemProcesses processes;
    core::StateBus state{io.get_executor(), {}};
    Writer<&DeviceState::flags>{state}.set(config::read_flags(flag_directory));   // before the first ruleset

    config::FlagWatcher flags{flag_directory, Writer<&DeviceState::flags>{state}, log};
    core::Progress progress{clock};
    net::LinkMonitor links{clock,       progress,     Writer<&DeviceState::links>{state}, log, *device.wan,
                           *device.lan, *document.lan};
    net::Nft nft;
    net::Firewall firewall{
        clock, nft, state, Writer<&DeviceState::firewall>{state}, log, net::firewall_facts(device, in_force)};
    net::Forwarding forwarding{clock, Writer<&DeviceState::forwarding>{state}, log};
    core::ChildHost host{clock, Writer<&DeviceState::services>{state}, log, *device.run};
    net::LanServices services{clock, state, host, log, document, device};
    auto const files = net::lan_files(*device.run, *device.data);
    net::ChronyTime time{processes, *device.chronyc, files.chrony_socket};
    net::ChronyWan wan{clock, state, processes, log, *device.chronyc, files.chrony_socket};
    net::LeaseWatcher leases{clock, Writer<&DeviceState::leases>{state}, log, files.dnsmasq_leases};

    core::Supervisor supervisor{clock, log};
    supervisor.add("flags", [&] { return flags.run(); });
    supervisor.add("firewall",
                   [&] { return asked("again") ? apply_again_and_again(firewall, state) : firewall.run(); });
    supervisor.add("forwarding", [&] { return forwarding.run(); });
    if (!asked("only-firewall")) {
        supervisor.add("links", [&] { return links.run(); });
        supervisor.add("host", [&] { return host.run(); });
        supervisor.add("lan services", [&] { return services.run(); });
        supervisor.add("time", [&] { return wan.run(); });
        supervisor.add("leases", [&] { return leases.run(); });
        supervisor.add("dhcp", [&] { return probe_dhcp(clock, *document.lan, *device.run / "dhcp"); });
    }
    supervisor.add("state", [&] { return write_state(state, clock, time, *device.run / "state.json"); });

    int status = 1;
    core::asio::co_spawn(io, core::ends_before(supervisor.run(), termination()),
                         [&](std::exception_ptr failed, bool ended) { status = failed || ended ? 1 : 0; });
    io.run();
    return status;
}
