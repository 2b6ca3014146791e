#include "health/prober.hpp"

#include "core/race.hpp"
#include "health/container_reading.hpp"
#include "health/own_probes.hpp"
#include "health/probes.hpp"

#include <algorithm>
#include <iterator>

namespace health {

namespace {

constexpr int kBaselineRounds = 3;
constexpr auto kBaselinePause = std::chrono::seconds{2};
// In a trial: an answer of the server stands this long, so that a fleet's trials are no burden to it.
constexpr auto kContactStands = std::chrono::minutes{1};

std::vector<core::Reading> told_by(core::DeviceState const& state, core::Cidr lan) {
    std::vector<core::Reading> told{
        service_reading(state.services, "dnsmasq"), service_reading(state.services, "chronyd"),
        lan_address_reading(state.links.lan, lan),  wan_lease_reading(state.links.wan),
        firewall_reading(state.firewall),           forwarding_reading(state.forwarding),
        lan_link_reading(state.links.lan),          document_reading(state.config)};
    std::ranges::move(container_readings(state), std::back_inserter(told));
    return told;
}

}   // namespace

Prober::Prober(core::Clock& clock,
               core::Workers& workers,
               core::StateBus& state,
               ProbeSettings settings,
               ProbeActs acts)
    : clock_{clock},
      state_{state},
      settings_{std::move(settings)},
      acts_{std::move(acts)},
      data_{clock, [&workers, data = settings_.data] { return look_at_data(workers, data); }} {}

core::Task<std::vector<core::Reading>> Prober::round() {
    return round(state_.now().update.phase == core::Phase::trial);
}

core::Task<std::vector<core::Reading>> Prober::round(bool asks_server) {
    std::vector<core::Reading> readings;
    core::Duration late{};
    auto asking = [&]() -> core::Task<void> {
        co_await ask_network(readings);
        co_await ask_own(readings);
        co_await ask_server(readings, asks_server);
    };
    auto asked = asking();
    auto watched = watch_lateness(clock_, late);
    co_await core::ends_before(std::move(asked), std::move(watched));
    if (is_on("loop_latency")) readings.push_back(loop_latency_reading(late));
    co_return readings;
}

core::Task<void> Prober::ask_network(std::vector<core::Reading>& readings) {
    auto const lan = settings_.lan;
    if (is_on("dns") && !settings_.local_name.empty())
        readings.push_back(co_await dns_reading(clock_, lan.address, settings_.local_name));
    if (is_on("ntp")) readings.push_back(co_await ntp_reading(clock_, lan.address));
    if (is_on("dhcp")) readings.push_back(co_await dhcp_reading(clock_, lan));
    auto const state = state_.get();   // after the questions: a service that died meanwhile shows
    for (auto const& reading : told_by(*state, lan))
        if (is_on(reading.probe)) readings.push_back(reading);
    for (auto const& unit : settings_.units)
        if (auto reading = unit_reading(state->services, unit); is_on(reading.probe))
            readings.push_back(std::move(reading));
}

core::Task<void> Prober::ask_own(std::vector<core::Reading>& readings) {
    auto data = co_await data_.look();
    if (settings_.data_is_lost)
        data.written = core::fail(core::Errc::not_found, "the data partition did not mount; nothing is kept");
    if (is_on("data_space")) readings.push_back(data_space_reading(data.free_bytes, settings_.data_minimum));
    if (is_on("data_writable")) readings.push_back(data_writable_reading(data.written));
    if (!is_on("clock")) co_return;
    bool const synchronised = co_await acts_.clock_is_synchronised();
    readings.push_back(clock_reading(clock_.wall_now(), settings_.built, synchronised));
}

core::Task<void> Prober::ask_server(std::vector<core::Reading>& readings, bool anew) {
    if (!is_on("update_server")) co_return;
    if (!acts_.contact_server) {
        if (auto missing = missing_server_reading(state_.now())) readings.push_back(std::move(*missing));
        co_return;
    }
    auto const reading = [&] {
        auto const& state = state_.now();
        return update_server_reading(state.update.server, state.links, wan_lease_reading(state.links.wan));
    };
    auto const& known = state_.now().update.server;
    bool const stands = known && clock_.now() - known->at < kContactStands && reading().good;
    if (anew && !stands) co_await acts_.contact_server();
    readings.push_back(reading());
}

core::Task<core::Baseline> Prober::baseline() {
    core::Baseline found;
    for (int rounds = 0; rounds < kBaselineRounds; ++rounds) {
        if (rounds > 0) co_await clock_.sleep_for(kBaselinePause);
        auto const readings = co_await round(true);
        if (rounds == 0)
            for (auto const& reading : readings) found.failing.push_back(reading.probe);
        for (auto const& reading : readings)
            if (reading.good && std::erase(found.failing, reading.probe) > 0)
                found.good.push_back(reading.probe);
        if (found.failing.empty()) break;
    }
    co_return found;
}

bool Prober::is_on(std::string const& probe) const {
    return settings_.rules.importance_of(probe) != Importance::off;
}

}   // namespace health
