#include "core/ipv4.hpp"

#include <charconv>

namespace core {
namespace {

// Takes a decimal number of at most `most` from the front; "07" and "+7" are not numbers here.
std::optional<unsigned> take_number(std::string_view& text, unsigned most) {
    unsigned value = 0;
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    auto const length = static_cast<std::size_t>(end - text.data());
    if (failed != std::errc{} || value > most || (length > 1 && text[0] == '0')) return std::nullopt;
    text.remove_prefix(length);
    return value;
}

}   // namespace

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    Ipv4 address;
    for (int part = 0; part < 4; ++part) {
        if (part > 0) {
            if (!text.starts_with('.')) return std::nullopt;
            text.remove_prefix(1);
        }
        auto const number = take_number(text, 255);
        if (!number) return std::nullopt;
        address.bits = address.bits << 8 | *number;
    }
    if (!text.empty()) return std::nullopt;
    return address;
}

std::string print(Ipv4 address) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8)
        text += std::to_string(address.bits >> shift & 255) + (shift ? "." : "");
    return text;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
    auto const slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto const address = parse_ipv4(text.substr(0, slash));
    auto rest = text.substr(slash + 1);
    auto const prefix = take_number(rest, 32);
    if (!address || !prefix || !rest.empty()) return std::nullopt;
    return Cidr{*address, static_cast<int>(*prefix)};
}

std::string print(Cidr cidr) {
    return print(cidr.address) + '/' + std::to_string(cidr.prefix);
}

}   // namespace core
