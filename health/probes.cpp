#include "health/probes.hpp"

#include "core/probe_names.hpp"
#include "health/dhcp_message.hpp"
#include "health/relay_question.hpp"
#include "health/udp_question.hpp"

#include <arpa/nameser.h>
#include <resolv.h>

#include <algorithm>
#include <random>

namespace health {
namespace {

constexpr auto kAnswerLimit = std::chrono::seconds{1};
// dnsmasq's ping takes 3 s, and it serves one client after the other.
constexpr auto kOfferLimit = std::chrono::seconds{8};
constexpr std::uint16_t kDhcpPort = 67;
constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kNtpPort = 123;
constexpr std::size_t kNtpSize = 48;

// A question for an A record; glibc knows the format.
Datagram dns_question(std::string const& name) {
    Datagram question(NS_PACKETSZ);
    struct __res_state resolver {};
    resolver.options = RES_RECURSE;
    int const size = res_nmkquery(&resolver, ns_o_query, name.c_str(), ns_c_in, ns_t_a, nullptr, 0, nullptr,
                                  question.data(), static_cast<int>(question.size()));
    question.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return question;
}

// Empty if `answer` answers the question with at least one record, else why not (RFC 1035 section 4.1.1).
std::string dns_fault(Datagram const& question, Datagram const& answer) {
    constexpr std::size_t kHeader = 12;
    if (answer.size() < kHeader || answer[0] != question[0] || answer[1] != question[1] ||
        !(answer[2] & 0x80))
        return "the answer is not one to the question";
    if (int const code = answer[3] & 0x0f) return "the answer is an error, rcode " + std::to_string(code);
    if (answer[6] == 0 && answer[7] == 0) return "the answer has no address";
    return {};
}

// Client mode, version 4, with a random transmit time that the server must echo as the origin.
Datagram ntp_question() {
    Datagram question(kNtpSize);
    question[0] = 4 << 3 | 3;
    std::random_device random;
    for (std::size_t i = 40; i < kNtpSize; ++i) question[i] = static_cast<std::uint8_t>(random());
    return question;
}

std::string ntp_fault(Datagram const& question, Datagram const& answer) {
    if (answer.size() < kNtpSize || (answer[0] & 7) != 4 ||
        !std::equal(question.begin() + 40, question.end(), answer.begin() + 24))
        return "the answer is not one to the question";
    if (answer[1] < 1 || answer[1] > 15)
        return "the server has no time, stratum " + std::to_string(answer[1]);
    return {};
}

std::int64_t count_ms(core::Duration took) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
}
std::string print_ms(core::Duration took) {
    return std::to_string(count_ms(took)) + " ms";
}
void set_ms(Reading& reading, core::Duration took) {
    reading.value = count_ms(took);
    reading.unit = "ms";
}

// An interface that is not there, or that nobody switched on, is a fault of the slot and not of a cable.
bool is_cable_out(core::Link const& link) {
    return link.present && link.up && !link.carrier;
}

using Fault = std::string (*)(Datagram const&, Datagram const&);

Task<Reading> asked(core::Clock& clock,
                    std::string probe,
                    core::Ipv4 server,
                    std::uint16_t port,
                    Datagram question,
                    Fault fault) {
    auto const began = clock.now();
    auto const answer = co_await ask_by_udp(clock, server, port, question, kAnswerLimit);
    auto const took = clock.now() - began;
    auto const why = answer ? fault(question, *answer) : answer.error().context;
    auto const who = print(server);
    Reading reading{.probe = std::move(probe),
                    .good = why.empty(),
                    .detail = why.empty() ? who + " answered in " + print_ms(took) : who + ": " + why};
    if (reading.good) set_ms(reading, took);
    co_return reading;
}

}   // namespace

Reading service_reading(core::Services const& services, std::string const& name) {
    auto const found = services.find(name);
    if (found == services.end()) return {.probe = name, .good = false, .detail = "not started"};
    auto const& service = found->second;
    if (!service.running)
        return {
            .probe = name, .good = false, .detail = service.error.empty() ? "not running" : service.error};
    return {.probe = name, .good = true, .detail = "running, pid " + std::to_string(service.pid)};
}

Reading unit_reading(core::Services const& services, std::string const& unit) {
    Reading reading{.probe = std::string{core::kUnitProbe} + unit, .detail = "not looked at yet"};
    auto const found = services.find(reading.probe);
    if (found == services.end()) return reading;
    auto const& [name, state] = *found;
    reading.good = state.running;
    reading.detail = !state.running ? state.error
                     : state.pid    ? "active, pid " + std::to_string(state.pid)
                                    : "active";
    return reading;
}

Reading lan_address_reading(core::Link const& lan, core::Cidr wanted) {
    auto const text = print(wanted);
    bool const good = std::ranges::find(lan.addresses, text) != lan.addresses.end();
    return {.probe = "lan_address",
            .good = good,
            .detail = good ? lan.name + " has " + text
                           : lan.name + " has no " + text + (lan.error.empty() ? "" : ": " + lan.error)};
}

Reading wan_lease_reading(core::Link const& wan) {
    bool const good = !wan.addresses.empty();
    bool const cable_out = !good && is_cable_out(wan);
    return {.probe = "wan_lease",
            .good = good,
            .detail = wan.name + (good        ? " has " + wan.addresses.front()
                                  : cable_out ? " has no address: no cable"
                                              : " has no address"),
            .cable_out = cable_out};
}

Reading lan_link_reading(core::Link const& lan) {
    bool const cable_out = is_cable_out(lan);
    return {.probe = "lan_link",
            .good = lan.carrier,
            .detail = lan.name + (lan.carrier   ? " has a carrier"
                                  : cable_out   ? " has no carrier: no cable"
                                  : lan.present ? " is switched off"
                                                : " is not there"),
            .cable_out = cable_out};
}

Reading forwarding_reading(core::Forwarding const& forwarding) {
    return {.probe = "forwarding",
            .good = forwarding.off,
            .detail = forwarding.off             ? "off"
                      : forwarding.error.empty() ? "not read yet"
                                                 : forwarding.error};
}

Reading firewall_reading(core::FirewallState const& firewall) {
    return {.probe = "firewall",
            .good = firewall.applied,
            .detail = firewall.applied         ? "applied and read back"
                      : firewall.error.empty() ? "not applied yet"
                                               : firewall.error};
}

Task<Reading> dns_reading(core::Clock& clock, core::Ipv4 server, std::string name) {
    return asked(clock, "dns", server, kDnsPort, dns_question(name), dns_fault);
}

Task<Reading> ntp_reading(core::Clock& clock, core::Ipv4 server) {
    return asked(clock, "ntp", server, kNtpPort, ntp_question(), ntp_fault);
}

Reading offer_reading(core::Result<Datagram> const& answer,
                      std::uint32_t transaction,
                      core::Cidr lan,
                      core::Duration took) {
    auto const bad = [&](std::string const& why) {
        return Reading{.probe = "dhcp", .good = false, .detail = print(lan.address) + ": " + why};
    };
    if (!answer) return bad(answer.error().context);
    auto const offered = parse_dhcp_offer(*answer, transaction);
    if (!offered) return bad(offered.error().context);
    if (!lan.contains(*offered)) return bad("offered " + print(*offered) + ", which is not in the LAN");
    Reading good{.probe = "dhcp",
                 .good = true,
                 .detail = print(lan.address) + " offered " + print(*offered) + " in " + print_ms(took)};
    set_ms(good, took);
    return good;
}

Task<Reading> dhcp_reading(core::Clock& clock, core::Cidr lan) {
    auto const began = clock.now();
    std::uint32_t const transaction = std::random_device{}();
    auto question = dhcp_discover(transaction, lan.address);
    auto const answer =
        co_await ask_as_relay(clock, lan.address, kDhcpPort, std::move(question), kOfferLimit);
    co_return offer_reading(answer, transaction, lan, clock.now() - began);
}

}   // namespace health
