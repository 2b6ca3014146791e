#include "net/wan_client.hpp"

#include "net/networkd_config.hpp"

#include <algorithm>
#include <map>

namespace net {
namespace {

using core::Level;
using Words = std::vector<std::string>;

constexpr auto kLeaseAgain = std::chrono::seconds{10};

std::string joined(Words const& words) {
    std::string text;
    for (auto const& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

void append(Words& words, Words const& more) {
    words.insert(words.end(), more.begin(), more.end());
}

// env(1) becomes the program that it starts, so the host knows the right process.
Words environment_of(config::InterfaceWish const& wish, int metric) {
    Words words{"/usr/bin/env", "ATOMIX_METRIC=" + std::to_string(metric)};
    if (*wish.gateway) words.push_back("ATOMIX_GATEWAY=" + core::print(**wish.gateway));
    return words;
}

// The WAN's client writes the one file with the name servers, so it knows those of the others.
Words resolver_of(config::OperatorDocument const& document, config::Path const& file) {
    Words more_servers, domains = *document.wan.search_domains;
    for (auto const& wish : document.further) {
        append(more_servers, *wish.dns_servers);
        append(domains, *wish.search_domains);
    }
    Words words{"RESOLV_CONF=" + file.string()};
    if (!document.wan.dns_servers->empty())
        words.push_back("ATOMIX_DNS=" + joined(*document.wan.dns_servers));
    if (!more_servers.empty()) words.push_back("ATOMIX_MORE_DNS=" + joined(more_servers));
    if (!domains.empty()) words.push_back("ATOMIX_SEARCH=" + joined(domains));
    return words;
}

core::Link const* find(core::Links const& links, std::string const& name) {
    for (auto const* link : {&links.wan, &links.lan})
        if (link->name == name) return link;
    auto const further = std::ranges::find(links.further, name, &core::Link::name);
    return further == links.further.end() ? nullptr : &*further;
}

}   // namespace

WanOrders wan_orders(config::OperatorDocument const& document, config::DeviceDocument const& device) {
    WanOrders orders;
    auto const add = [&](config::InterfaceWish const& wish, std::string const& interface, Words words) {
        auto const script = device.udhcpc_script->string();
        if (!*wish.address) {
            append(words, {device.busybox->string(), "udhcpc", "-f", "-i", interface, "-s", script, "-t", "5",
                           "-T", "2", "-A", "10"});
            orders.clients.push_back({interface, {.name = "udhcpc-" + interface, .argv = std::move(words)}});
            return;
        }
        auto const address = **wish.address;
        append(words, {"interface=" + interface, "ip=" + core::print(address.address),
                       "mask=" + std::to_string(address.prefix), script, "static"});
        orders.fixed.push_back({interface, core::print(address), std::move(words)});
    };
    auto wan = environment_of(document.wan, 0);
    append(wan, resolver_of(document, *device.resolv_conf));
    add(document.wan, *device.wan, std::move(wan));
    int metric = kFirstFurtherMetric;
    for (auto const& wish : document.further) add(wish, wish.name, environment_of(wish, metric++));
    return orders;
}

core::NetworkSetup first_setup(config::OperatorDocument const& document,
                               config::DeviceDocument const& device) {
    if (*device.wan_manager != "none") return {};
    auto const& wan = document.wan;
    bool const is_wished = *wan.address || *wan.gateway || !wan.dns_servers->empty() ||
                           !wan.search_domains->empty() || !document.further.empty();
    if (!is_wished) return {.applied = true, .error = {}};
    return {.applied = false,
            .error =
                "this image leaves the WAN and further interfaces to somebody else (interfaces.manager is "
                "none), so the operator's wishes for them have no effect"};
}

WanClient::WanClient(core::Clock& clock,
                     core::StateBus& state,
                     core::ServiceHost& host,
                     core::Processes& processes,
                     core::Writer<&core::DeviceState::network> network,
                     core::Log log,
                     WanOrders orders)
    : clock_{clock},
      state_{state},
      host_{host},
      processes_{processes},
      network_{network},
      log_{std::move(log)},
      orders_{std::move(orders)} {}

core::Task<void> WanClient::run() {
    struct Known {
        bool is_set = false;   // with this document: routes and name servers may be another's
        bool had_carrier = false;
        bool lost_carrier = false;   // since it was set: an interface that was down has lost its route
    };
    std::map<std::string, Known> all;
    for (auto seen = state_.get();; seen = co_await state_.changed_from(seen)) {
        start_clients(seen->links);
        std::string error;
        for (auto const& order : orders_.fixed) {
            auto const* const link = find(seen->links, order.interface);
            if (!link || !link->present) continue;
            bool const is_there = std::ranges::find(link->addresses, order.address) != link->addresses.end();
            auto& known = all[order.interface];
            known.lost_carrier = known.lost_carrier || (known.had_carrier && !link->carrier);
            known.had_carrier = link->carrier;
            if (is_there && known.is_set && !(known.lost_carrier && link->carrier)) continue;
            auto const why = co_await set_address(order);
            if (why.empty())
                known = {.is_set = true, .had_carrier = link->carrier};
            else
                error = why;
        }
        if (error != network_.now().error && !error.empty())
            log_(Level::warning, "a static address is not set, will retry", {{"why", error}});
        network_.set({.applied = error.empty(), .error = error});
        if (error.empty()) continue;
        co_await clock_.sleep_for(kLeaseAgain);
        seen = nullptr;   // look again although nothing changed
    }
}

// Each one once: from then on the host keeps it alive.
void WanClient::start_clients(core::Links const& links) {
    std::erase_if(orders_.clients, [&](ClientOrder& order) {
        auto const* const link = find(links, order.interface);
        if (!link || !link->present) return false;
        host_.want(order.client);
        return true;
    });
}

core::Task<std::string> WanClient::set_address(StaticOrder order) {
    core::Command command;
    command.argv = order.argv;
    auto const done = co_await processes_.run(std::move(command));
    if (done && done->status == 0) {
        log_(Level::notice, "static address set",
             {{"interface", order.interface}, {"address", order.address}});
        co_return std::string{};
    }
    auto const what = done ? "status " + std::to_string(done->status) : done.error().text();
    co_return "setting " + order.address + " on " + order.interface + ": " + what;
}

}   // namespace net
