#pragma once
// IPv4 addresses as values, and as text.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace core {

struct Ipv4 {
    std::uint32_t bits = 0;   // host byte order
    auto operator<=>(Ipv4 const&) const = default;
};
std::optional<Ipv4> parse_ipv4(std::string_view text);   // four decimal numbers, nothing else
std::string print(Ipv4 address);

// An address with its network's prefix length: "172.20.30.1/24".
struct Cidr {
    Ipv4 address;
    int prefix = 32;   // 0 … 32

    constexpr Ipv4 netmask() const noexcept { return {prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix)}; }
    constexpr Ipv4 network() const noexcept { return {address.bits & netmask().bits}; }
    constexpr bool contains(Ipv4 other) const noexcept {
        return (other.bits & netmask().bits) == network().bits;
    }
    auto operator<=>(Cidr const&) const = default;
};
std::optional<Cidr> parse_cidr(std::string_view text);
std::string print(Cidr cidr);

}   // namespace core
