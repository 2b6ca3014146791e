#include "health/prober.hpp"

#include "health/probes.hpp"

namespace health {

core::Task<std::vector<core::Reading>> Prober::round() {
    auto const dns = co_await dns_reading(clock_, lan_.address, local_name_);
    auto const ntp = co_await ntp_reading(clock_, lan_.address);
    auto const state = state_.get();   // after the questions: a service that died meanwhile shows
    std::vector<core::Reading> readings{service_reading(state->services, "dnsmasq"),
                                        dns,
                                        service_reading(state->services, "chronyd"),
                                        ntp,
                                        lan_address_reading(state->links.lan, lan_),
                                        wan_lease_reading(state->links.wan),
                                        firewall_reading(state->firewall)};
    co_return readings;
}

core::Task<std::vector<std::string>> Prober::failing() {
    std::vector<std::string> names;
    for (auto const& reading : co_await round())
        if (!reading.good) names.push_back(reading.probe);
    co_return names;
}

}   // namespace health
