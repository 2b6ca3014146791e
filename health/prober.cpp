#include "health/prober.hpp"

#include "health/probes.hpp"

namespace health {

core::Task<std::vector<core::Reading>> Prober::round() {
    std::vector<core::Reading> readings;
    if (!local_name_.empty()) readings.push_back(co_await dns_reading(clock_, lan_.address, local_name_));
    readings.push_back(co_await ntp_reading(clock_, lan_.address));
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
    for (auto const& reading : co_await round())
        if (!reading.good) names.push_back(reading.probe);
    co_return names;
}

}   // namespace health
