#include "net/proxy.hpp"

#include <boost/asio/ip/address.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace net {
namespace {

using core::Errc;
using core::fail;
using core::Result;

// "%40" -> "@" (RFC 3986 section 2.1); what is no such triple stays as it is.
std::string decoded(std::string_view text) {
    std::string made;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        auto const* const digits = text.data() + i + 1;
        bool const triple = text[i] == '%' && text.size() - i > 2 &&
                            std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
        made += triple ? static_cast<char>(value) : text[i];
        if (triple) i += 2;
    }
    return made;
}

std::string base64(std::string const& bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');   // and the 0 that OpenSSL ends it with
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                    reinterpret_cast<unsigned char const*>(bytes.data()), static_cast<int>(bytes.size()));
    text.pop_back();
    return text;
}

// No error repeats a part of `value`: it may be one of the password, where that has a "/" or an "@".
Result<Proxy> parse_proxy(std::string_view value, std::string const& variable) {
    auto const refused = [&](char const* why) {
        return fail(Errc::bad_input, "the environment variable " + variable + " names no usable proxy: " +
                                         why + "; it must be like http://proxy.example:3128");
    };
    if (auto const scheme = value.find("://"); scheme != std::string_view::npos) {
        if (in_lower_case(value.substr(0, scheme)) != "http")
            return refused("only http:// proxies are supported");
        value.remove_prefix(scheme + 3);
    }
    if (value.ends_with('/')) value.remove_suffix(1);
    if (value.find_first_of("/?#") != std::string_view::npos) return refused("a path is no part of it");

    Proxy proxy{.variable = variable};
    if (auto const at = value.rfind('@'); at != std::string_view::npos) {
        proxy.credentials = decoded(value.substr(0, at));
        if (proxy.credentials.find(':') == std::string::npos) proxy.credentials += ':';
        value.remove_prefix(at + 1);
    }
    auto const after_address = value.find(']') == std::string_view::npos ? 0 : value.find(']');
    bool const has_port = value.find(':', after_address) != std::string_view::npos;
    auto const place = parse_url("https://" + std::string{value} + (has_port ? "" : ":80"));
    if (!place) return refused("its host or its port is not one");
    proxy.host = place->host;
    proxy.port = place->port;
    return proxy;
}

std::vector<std::string> parse_direct(std::string_view list) {
    std::vector<std::string> direct;
    while (!list.empty()) {
        auto const end = std::min(list.find_first_of(", \t"), list.size());
        auto entry = list.substr(0, end);
        if (entry.starts_with('.')) entry.remove_prefix(1);
        if (entry.starts_with('[') && entry.ends_with(']')) entry = entry.substr(1, entry.size() - 2);
        if (!entry.empty()) direct.push_back(in_lower_case(entry));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return direct;
}

bool means(std::string const& entry, std::string const& host) {
    namespace ip = boost::asio::ip;
    if (entry == "*" || entry == host) return true;
    boost::system::error_code is_name;
    auto const address = ip::make_address(host, is_name);
    boost::system::error_code is_other;
    if (!is_name) return ip::make_address(entry, is_other) == address && !is_other;
    return host.size() > entry.size() && host.ends_with(entry) && host[host.size() - entry.size() - 1] == '.';
}

}   // namespace

std::optional<std::string> process_environment(char const* name) {
    auto const* const value = std::getenv(name);
    if (!value) return std::nullopt;
    return value;
}

std::string Proxy::peer() const {
    return "the proxy " + Url{host, port, ""}.peer();
}

ProxyRules::ProxyRules(Environment const& environment) : proxy_{std::optional<Proxy>{}} {
    for (auto const* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy"}) {
        auto const value = environment(name).value_or("");
        if (value.empty()) continue;
        auto const parsed = parse_proxy(value, name);
        if (parsed)
            proxy_ = std::optional{*parsed};
        else
            proxy_ = parsed.error();
        break;
    }
    for (auto const* name : {"no_proxy", "NO_PROXY"})
        if (direct_.empty()) direct_ = parse_direct(environment(name).value_or(""));
}

Result<std::optional<Proxy>> ProxyRules::for_host(std::string const& host) const {
    bool const direct = std::ranges::any_of(direct_, [&](auto const& entry) { return means(entry, host); });
    if (direct) return std::optional<Proxy>{};
    return proxy_;
}

std::string connect_text(Proxy const& proxy, Url const& url, std::string const& user_agent) {
    auto text = "CONNECT " + url.peer() + " HTTP/1.1\r\nHost: " + url.peer() + "\r\n";
    text += "User-Agent: " + user_agent + "\r\n";
    if (!proxy.credentials.empty())
        text += "Proxy-Authorization: Basic " + base64(proxy.credentials) + "\r\n";
    return text + "\r\n";
}

Result<void> check_connected(Proxy const& proxy, Url const& url, unsigned status) {
    if (status / 100 == 2) return {};
    auto const answered = proxy.peer() + " answered " + std::to_string(status);
    if (status == 407 && proxy.credentials.empty())
        return fail(Errc::refused,
                    answered + ": it wants a user name and a password, and " + proxy.variable + " has none");
    if (status == 407)
        return fail(Errc::refused,
                    answered + ": it does not accept the user name and password of " + proxy.variable);
    return fail(status / 100 == 4 ? Errc::refused : Errc::unreachable,
                answered + " when asked to connect to " + url.peer());
}

}   // namespace net
