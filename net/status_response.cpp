#include "net/status_response.hpp"

#include "core/json.hpp"
#include "net/status_json.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cctype>

namespace net {
namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

std::string_view title(unsigned status) {
    switch (status) {
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 421:
        return "Misdirected Request";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Error";
    }
}

bool is_port(std::string_view text) {
    return text.size() <= 5 &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// "Gateway.local.:8080" -> "gateway.local", "[::1]:8080" -> "::1". Nothing when it has another form.
std::optional<std::string> name_in(std::string_view host) {
    bool const is_ipv6 = host.starts_with('[');
    auto const end = is_ipv6 ? host.find(']') : std::min(host.find(':'), host.size());
    if (end == std::string_view::npos) return std::nullopt;
    auto const after = host.substr(is_ipv6 ? end + 1 : end);
    if (!after.empty() && (after[0] != ':' || !is_port(after.substr(1)))) return std::nullopt;

    std::string name{is_ipv6 ? host.substr(1, end - 1) : host.substr(0, end)};
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name.ends_with('.')) name.pop_back();
    if (name.empty()) return std::nullopt;
    return name;
}

bool is_address_literal(std::string const& name) {
    boost::system::error_code not_an_address;
    boost::asio::ip::make_address(name, not_an_address);
    return !not_an_address;
}

bool is_ours(std::string const& name, std::vector<std::string> const& names) {
    auto const same = [&](std::string const& ours) {
        return std::ranges::equal(name, ours,
                                  [](unsigned char a, unsigned char b) { return a == std::tolower(b); });
    };
    return name == "localhost" || is_address_literal(name) || std::ranges::any_of(names, same);
}

// The reply to a request that is not for us, or not clear.
std::optional<StatusResponse> refused(StatusRequest const& request, std::vector<std::string> const& names) {
    if (request.hosts.empty() && request.version == 10) return std::nullopt;
    if (request.hosts.size() != 1) return problem(400, "a request needs exactly one Host header");
    auto const name = name_in(request.hosts.front());
    if (!name) return problem(400, "the Host header is not a host and port");
    if (!is_ours(*name, names)) return problem(421, "this device is not known by that name; use its address");
    return std::nullopt;
}

StatusResponse health(core::Health const& health) {
    bool const bad = health.verdict == core::Verdict::roll_back;
    return {.status = bad ? 503u : 200u,
            .content_type = std::string{kPlain},
            .body = bad ? "rolling back: " + health.reason + "\n" : "ok\n",
            .allow = "",
            .close = false};
}

}   // namespace

StatusResponse problem(unsigned status, std::string const& detail) {
    core::json::object const body{
        {"type", "about:blank"}, {"title", title(status)}, {"status", status}, {"detail", detail}};
    return {.status = status,
            .content_type = "application/problem+json",
            .body = core::print_json(body),
            .allow = "",
            .close = false};
}

StatusResponse status_response(StatusRequest const& request,
                               std::vector<std::string> const& names,
                               core::DeviceState const& state,
                               core::TimePoint now,
                               Sensors const& sensors) {
    if (auto no = refused(request, names)) return *no;
    auto const path = std::string_view{request.target}.substr(0, request.target.find('?'));
    if (path != "/healthz" && path != "/api/v1/status")
        return problem(404, "there is /healthz and /api/v1/status");
    if (request.method != "GET" && request.method != "HEAD") {
        auto no = problem(405, "this can only be read");
        no.allow = "GET, HEAD";
        return no;
    }
    if (path == "/healthz") return health(state.health);
    return {.status = 200,
            .content_type = std::string{kJson},
            .body = status_json(state, now, sensors ? sensors() : core::Temperatures{}),
            .allow = "",
            .close = false};
}

}   // namespace net
