#include "config/host_name.hpp"

#include "config/ascii.hpp"
#include "core/ipv4.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace config {
namespace {

using core::Errc;
using core::fail;

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool is_label(std::string_view label) {
    auto const inner = [](char c) { return is_letter(c) || is_digit(c) || c == '-'; };
    return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, inner) &&
           !label.starts_with('-') && !label.ends_with('-');
}

// inet_aton and browsers take "10", "1.2.3" and "1.0x7f" for IPv4 addresses.
bool ends_in_number(std::string_view name) {
    auto const last = name.substr(name.rfind('.') + 1);
    return std::ranges::all_of(last, is_digit) ||
           (last.starts_with("0x") && std::ranges::all_of(last.substr(2), is_hex));
}

bool is_ipv6(std::string const& text) {
    in6_addr address{};
    return text.find('\0') == std::string::npos && ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_url_port(std::string_view text) {
    auto const value = [&] {
        unsigned number = 0;
        for (char c : text) number = number * 10 + static_cast<unsigned>(c - '0');
        return number;
    };
    return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, is_digit) &&
           !text.starts_with('0') && value() <= 65535;
}

// RFC 3986's path characters and the slash.
bool is_path(std::string_view path) {
    static constexpr std::string_view kMarks = "/-._~!$&'()*+,;=:@";
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '%') {
            if (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2])) return false;
            i += 2;
        } else if (!is_letter(path[i]) && !is_digit(path[i]) &&
                   kMarks.find(path[i]) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

// Of "host", "host:port" and "[v6]:port"; a colon is kept with the port so that "host:" is seen.
struct Authority {
    std::string_view host;
    std::string_view port;
    bool bracketed = false;
};
std::optional<Authority> split(std::string_view text) {
    if (text.starts_with('[')) {
        auto const end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        return Authority{text.substr(1, end - 1), text.substr(end + 1), true};
    }
    auto const colon = std::min(text.find(':'), text.size());
    return Authority{text.substr(0, colon), text.substr(colon), false};
}

}   // namespace

std::optional<std::string> normal_dns_name(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty() || text.size() > 253) return std::nullopt;
    for (auto rest = text;;) {
        auto const dot = rest.find('.');
        if (!is_label(rest.substr(0, dot))) return std::nullopt;
        if (dot == std::string_view::npos) return lower(text);
        rest.remove_prefix(dot + 1);
    }
}

std::optional<std::string> normal_host(std::string_view text) {
    if (core::parse_ipv4(text)) return std::string{text};
    auto const lowered = lower(text);
    if (is_ipv6(lowered)) return lowered;
    auto const name = normal_dns_name(text);
    if (!name || ends_in_number(*name)) return std::nullopt;
    return name;
}

core::Result<std::string> normal_server_url(std::string_view text) {
    static constexpr std::string_view kScheme = "https://";
    if (lower(text.substr(0, kScheme.size())) != kScheme)
        return fail(Errc::bad_input, "must begin with https://");
    text.remove_prefix(kScheme.size());
    if (text.find('?') != std::string_view::npos) return fail(Errc::bad_input, "must not have a query (?)");
    if (text.find('#') != std::string_view::npos)
        return fail(Errc::bad_input, "must not have a fragment (#)");

    auto const slash = std::min(text.find('/'), text.size());
    auto const before_path = text.substr(0, slash);
    auto path = text.substr(slash);
    if (before_path.find('@') != std::string_view::npos)
        return fail(Errc::bad_input, "must not have credentials (user@)");

    auto const authority = split(before_path);
    auto const host = authority ? normal_host(authority->host) : std::nullopt;
    bool const is_v6 = host && host->find(':') != std::string::npos;
    if (!host || is_v6 != authority->bracketed)
        return fail(Errc::bad_input, "must name a host by IP address (IPv6 in brackets) or DNS name");
    if (!authority->port.empty() &&
        !(authority->port.starts_with(':') && is_url_port(authority->port.substr(1))))
        return fail(Errc::bad_input, "must have a port from 1 to 65535, or none");
    if (!is_path(path))
        return fail(Errc::bad_input, "must not have whitespace or characters that need escaping in its path");

    while (path.ends_with('/')) path.remove_suffix(1);
    return std::string{kScheme} + (is_v6 ? '[' + *host + ']' : *host) + std::string{authority->port} +
           std::string{path};
}

}   // namespace config
