#include "config/published_port.hpp"

#include "config/yaml.hpp"

#include <charconv>

namespace config {
namespace {

using core::Errc;
using core::fail;
using core::Result;

constexpr std::string_view kLoopback = "127.0.0.1", kSecondLoopback = "127.0.1.1";

bool is_container_port(std::string_view text) {
    int port = 0;
    auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failed == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool is_range(std::string_view text) {
    auto const dash = text.find('-');
    return dash != text.npos && is_container_port(text.substr(0, dash)) &&
           is_container_port(text.substr(dash + 1));
}

bool is_protocol(std::string_view text) {
    return text.empty() || text == "/tcp" || text == "/udp" || text == "/sctp";
}

}   // namespace

Result<PublishedPort> on_loopback(std::string_view written) {
    auto const slash = std::min(written.find('/'), written.size());
    auto const protocol = written.substr(slash);
    auto rest = written.substr(0, slash);
    auto const last_part = [&rest] {   // cut off
        auto const colon = rest.rfind(':');
        auto const part = colon == rest.npos ? rest : rest.substr(colon + 1);
        rest = colon == rest.npos ? std::string_view{} : rest.substr(0, colon);
        return part;
    };
    bool const has_host = rest.find(':') != rest.npos;
    auto const inside = last_part();
    bool const has_address = rest.find(':') != rest.npos;
    auto const outside = last_part();
    auto const address = rest;

    auto const wrong = [&](std::string const& what) { return fail(Errc::bad_input, shown(written) + what); };
    bool const ends_well = (is_container_port(inside) || is_range(inside)) && is_protocol(protocol);
    if (!ends_well || (has_address && address.empty()))
        return fail(Errc::bad_input,
                    "expected ports of host and container such as 8080:80, not " + shown(written));
    if (!has_host || outside.empty()) return wrong(" must say the host's port too, as in 8080:80");
    if (is_range(inside) || is_range(outside)) return wrong(" is a range; write every port by itself");
    if (!is_container_port(outside))
        return fail(Errc::bad_input,
                    "expected ports of host and container such as 8080:80, not " + shown(written));

    bool const is_second = address == kSecondLoopback;
    bool const is_loopback = is_second || !has_address || address == kLoopback || address == "localhost" ||
                             address == "::1" || address == "[::1]";
    PublishedPort port;
    port.text = std::string{is_second ? kSecondLoopback : kLoopback} + ':' + std::string{outside} + ':' +
                std::string{inside} + std::string{protocol};
    port.is_moved = !is_loopback;
    return port;
}

}   // namespace config
