// dnsmasq's lease file: cut short at any moment, and with names that LAN hosts have chosen.

#include "net/lease_file.hpp"
#include "config/host_name.hpp"
#include "core/ipv4.hpp"
#include "fuzz.hpp"

#include <string>

using fuzz::must;

namespace {

std::string line_of(core::Lease const& lease) {
    auto const expires =
        lease.expires ? std::to_string(lease.expires->time_since_epoch() / std::chrono::seconds{1}) : "0";
    return expires + ' ' + lease.mac + ' ' + lease.address + ' ' + (lease.name.empty() ? "*" : lease.name) +
           " *\n";
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const leases = net::parse_leases(fuzz::Input{bytes, size}.rest());
    must(leases.known.size() <= net::kMostLeases, "not more leases than dnsmasq gives");
    must(leases.left_out == 0 || leases.known.size() == net::kMostLeases, "none is left out without need");
    std::string again;
    for (auto const& lease : leases.known) {
        must(core::parse_ipv4(lease.address).has_value(), "a lease has an address");
        must(lease.mac.size() == 17, "a lease has a MAC");
        must(lease.name.empty() || config::normal_dns_name(lease.name) == lease.name, "a name is a DNS name");
        again += line_of(lease);
    }
    must(net::parse_leases(again).known == leases.known, "what is written and read is the same");
    return 0;
}
