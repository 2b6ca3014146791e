#pragma once
// Which HTTP proxy a request goes through, by the usual environment variables. Pure but for the environment.
//
// The first that is set counts: https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, http_proxy, each as
// "http://[user:password@]host[:port]" (curl(1), ENVIRONMENT); the scheme may be left out, the port is 80
// then. no_proxy, else NO_PROXY: hosts that are asked directly, separated by commas: "*", an address, or a
// name, which also means all names below it, with and without a leading dot.

#include "core/result.hpp"
#include "net/http_url.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace net {

using Environment = std::function<std::optional<std::string>(char const* name)>;
std::optional<std::string> process_environment(char const* name);

struct Proxy {
    std::string host;
    std::uint16_t port = 80;
    std::string credentials;   // "user:password", a secret; empty: none
    std::string variable;      // that named it, for errors

    std::string peer() const;   // "the proxy proxy.example:3128"
};

class ProxyRules {
public:
    explicit ProxyRules(Environment const& environment);   // read here, and never again

    // Nothing: `host` is asked directly. Errors: bad_input, with the variable's name and not its value.
    core::Result<std::optional<Proxy>> for_host(std::string const& host) const;

private:
    core::Result<std::optional<Proxy>> proxy_;
    std::vector<std::string> direct_;
};

// The request for a tunnel to `url`'s host and port (RFC 9110 section 9.3.6). Holds the proxy's password.
std::string connect_text(Proxy const& proxy, Url const& url, std::string const& user_agent);

// Of the answer to it. Errors: refused ("the proxy proxy.example:3128 answered 407 …"), unreachable.
core::Result<void> check_connected(Proxy const& proxy, Url const& url, unsigned status);

}   // namespace net
