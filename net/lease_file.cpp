#include "net/lease_file.hpp"

#include "config/host_name.hpp"
#include "core/ipv4.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace net {
namespace {

// Up to the next `end`, which is taken too.
std::string_view next(std::string_view& text, char end) {
    auto const size = std::min(text.find(end), text.size());
    auto const part = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    return part;
}

// Seconds since 1970; 0 is a lease without an end.
std::optional<std::int64_t> parse_expiry(std::string_view text) {
    constexpr std::int64_t kLatest = 253'402'300'799;   // 9999-12-31, the last day that can be printed
    std::int64_t seconds = 0;
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > kLatest)
        return std::nullopt;
    return seconds;
}

// Ethernet's; dnsmasq writes others with their type before them.
bool is_mac(std::string_view text) {
    constexpr std::string_view kShape = "xx:xx:xx:xx:xx:xx", kHexDigits = "0123456789abcdef";
    return std::ranges::equal(text, kShape, [&](char c, char shape) {
        return shape == ':' ? c == ':' : kHexDigits.find(c) != kHexDigits.npos;
    });
}

std::optional<core::Lease> parse_lease(std::string_view line) {
    auto const expiry = parse_expiry(next(line, ' '));
    auto const mac = next(line, ' ');
    auto const address = core::parse_ipv4(next(line, ' '));
    auto const name = next(line, ' ');
    if (!expiry || !is_mac(mac) || !address || name.empty()) return std::nullopt;
    core::Lease lease{.address = print(*address), .mac = std::string{mac}, .name = {}, .expires = {}};
    lease.name = config::normal_dns_name(name).value_or("");   // "*" is no name
    if (*expiry != 0) lease.expires = core::WallTime{std::chrono::seconds{*expiry}};
    return lease;
}

}   // namespace

core::Leases parse_leases(std::string_view text) {
    core::Leases made;
    text = text.substr(0, text.rfind('\n') + 1);
    while (!text.empty()) {
        auto lease = parse_lease(next(text, '\n'));
        if (!lease) continue;
        if (made.known.size() < kMostLeases)
            made.known.push_back(std::move(*lease));
        else
            ++made.left_out;
    }
    std::ranges::stable_sort(made.known, {},
                             [](core::Lease const& lease) { return core::parse_ipv4(lease.address); });
    return made;
}

}   // namespace net
