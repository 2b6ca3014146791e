#include "net/http_url.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

namespace net {
namespace {

using core::Errc;
using core::fail;
using core::Result;

constexpr std::string_view kScheme = "https://";
constexpr std::size_t kLongestUrl = 4096;

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}
bool is_ipv6_character(char c) {
    return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

// Printable ASCII, as RFC 3986 allows it.
bool is_clean(std::string_view text) {
    return text.size() <= kLongestUrl &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string_view without_fragment(std::string_view text) {
    return text.substr(0, text.find('#'));
}

// "a:b" before any "/", "?" or "#": the reference names a scheme.
bool has_scheme(std::string_view reference) {
    auto const colon = reference.find(':');
    return colon != std::string_view::npos && colon < reference.find_first_of("/?#");
}

// RFC 3986 section 5.2.4, on the path only.
std::string without_dots(std::string_view path) {
    std::vector<std::string_view> kept;
    bool ends_in_directory = false;
    for (std::size_t begin = 1; begin <= path.size();) {
        auto const end = std::min(path.find('/', begin), path.size());
        auto const segment = path.substr(begin, end - begin);
        ends_in_directory = segment == "." || segment == "..";
        if (segment == ".." && !kept.empty()) kept.pop_back();
        if (!ends_in_directory) kept.push_back(segment);
        begin = end + 1;
    }
    std::string made;
    for (auto const segment : kept) made.append("/").append(segment);
    if (ends_in_directory || made.empty()) made += '/';
    return made;
}

Result<std::uint16_t> parse_port(std::string_view text) {
    unsigned port = 0;
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failed != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
        return fail(Errc::bad_input, "\"" + std::string{text} + "\" is not a port");
    return static_cast<std::uint16_t>(port);
}

// Splits "name:port", "1.2.3.4", "[::1]:8443".
Result<void> parse_authority(std::string_view text, Url& url) {
    bool const is_ipv6 = text.starts_with('[');
    auto const bracket = text.find(']');
    if (is_ipv6 && bracket == std::string_view::npos)
        return fail(Errc::bad_input, "the IPv6 address has no ]");
    url.host = in_lower_case(is_ipv6 ? text.substr(1, bracket - 1) : text.substr(0, text.find(':')));
    auto const rest = text.substr(is_ipv6 ? bracket + 1 : url.host.size());

    bool const good = std::ranges::all_of(url.host, is_ipv6 ? is_ipv6_character : is_name_character);
    if (url.host.empty() || url.host.size() > 253 || !good)
        return fail(Errc::bad_input, "\"" + std::string{text} + "\" is not a host");
    if (rest.empty()) return {};
    if (!rest.starts_with(':'))
        return fail(Errc::bad_input, "\"" + std::string{text} + "\" is not a host and port");
    auto const port = parse_port(rest.substr(1));
    if (!port) return port.error();
    url.port = *port;
    return {};
}

}   // namespace

std::string in_lower_case(std::string_view text) {
    std::string made{text};
    std::ranges::transform(made, made.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return made;
}

std::string Url::peer() const {
    auto const bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return bracketed + ":" + std::to_string(port);
}

std::string Url::authority() const {
    auto made = peer();
    if (port == 443) made.resize(made.size() - 4);
    return made;
}

std::string Url::text() const {
    return std::string{kScheme} + authority() + target;
}

Result<Url> parse_url(std::string_view text) {
    if (!is_clean(text)) return fail(Errc::bad_input, "white space or control characters in it, or too long");
    if (in_lower_case(text.substr(0, kScheme.size())) != kScheme) return fail(Errc::refused, "only https");
    auto const rest = without_fragment(text.substr(kScheme.size()));

    auto const slash = std::min(rest.find_first_of("/?"), rest.size());
    auto const authority = rest.substr(0, slash);
    if (authority.find('@') != std::string_view::npos)
        return fail(Errc::refused, "no user name or password in the address");
    Url url;
    if (auto const parsed = parse_authority(authority, url); !parsed) return parsed.error();
    url.target = rest.substr(slash);
    if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
    return url;
}

Result<Url> resolve_location(Url const& base, std::string_view location) {
    if (!is_clean(location) || location.empty())
        return fail(Errc::bad_input, "empty, too long, or with characters that no address may have");
    if (has_scheme(location)) return parse_url(location);
    if (location.starts_with("//")) return parse_url("https:" + std::string{location});

    Url url = base;
    auto const reference = without_fragment(location);
    auto const query = std::min(reference.find('?'), reference.size());
    auto const path = reference.substr(0, query);
    auto const base_path = std::string_view{base.target}.substr(0, base.target.find('?'));
    if (reference.empty()) return url;
    if (path.empty())
        url.target = base_path;
    else if (path.starts_with('/'))
        url.target = without_dots(path);
    else
        url.target = without_dots(std::string{base_path.substr(0, base_path.rfind('/') + 1)}.append(path));
    url.target += reference.substr(query);
    return url;
}

}   // namespace net
