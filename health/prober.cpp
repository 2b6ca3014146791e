#include "health/prober.hpp"

#include "health/probes.hpp"

#include <vector>

namespace health {

namespace {
constexpr int kBaselineRounds = 3;
constexpr auto kBaselinePause = std::chrono::seconds{2};
}   // namespace

core::Task<std::vector<core::Reading>> Prober::round() {
    std::vector<core::Reading> readings;
    if (!local_name_.empty()) readings.push_back(co_await dns_reading(clock_, lan_.address, local_name_));
    readings.push_back(co_await ntp_reading(clock_, lan_.address));
    readings.push_back(co_await dhcp_reading(clock_, lan_));
    auto const state = state_.get();   // after the questions: a service that died meanwhile shows
    readings.push_back(service_reading(state->services, "dnsmasq"));
    readings.push_back(service_reading(state->services, "chronyd"));
    readings.push_back(lan_address_reading(state->links.lan, lan_));
    readings.push_back(wan_lease_reading(state->links.wan));
    readings.push_back(firewall_reading(state->firewall));
    co_return readings;
}

core::Task<std::vector<std::string>> Prober::failing() {
    std::vector<std::string> names;
    for (int rounds = 0; rounds < kBaselineRounds; ++rounds) {
        if (rounds > 0) co_await clock_.sleep_for(kBaselinePause);
        auto const readings = co_await round();
        if (rounds == 0)
            for (auto const& reading : readings) names.push_back(reading.probe);
        for (auto const& reading : readings)
            if (reading.good) std::erase(names, reading.probe);
        if (names.empty()) break;
    }
    co_return names;
}

}   // namespace health
