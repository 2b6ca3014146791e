#pragma once
// core::HttpClient over TLS: up to five redirects, all of them https; through a proxy where the environment
// names one (net/proxy.hpp).
//
// A connection is kept for the next request to the same server, under the same trust, for at most 15 s
// (net/http_idle.hpp), after replies which promise such a request: 200 and 206, read to their end. While
// nothing is asked, no read and no timer is pending.
//
// The caller's headers and our certificate go only to the host and port that the caller named; after a
// redirect elsewhere only those headers that describe the wanted content (Accept, If-…) are sent. An offer is
// not signed and may name any host for its bundle: the certificate can be kept for one server.

#include "core/clock.hpp"
#include "core/http.hpp"
#include "net/http_trust.hpp"
#include "net/proxy.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace net {

struct HttpsOptions {
    std::optional<ClientIdentity> identity;          // for a server that wants to know who asks (mutual TLS)
    Environment environment = process_environment;   // read at construction only
    std::optional<std::string> identity_for = {};    // its URL; absent: whoever was asked may know
};

class HttpReply;
class IdleConnection;
struct Progress;

class HttpsClient final : public core::HttpClient {
public:
    // `authorities`: who may vouch for a server, PEM; absent: the system's. All files are read anew for each
    // connection.
    HttpsClient(core::Clock& clock,
                std::optional<std::filesystem::path> authorities,
                std::string user_agent,
                HttpsOptions options = {});

    // Besides HttpClient's errors: io and bad_input for a file or a proxy's variable that is of no use.
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override;

private:
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> follow(core::HttpRequest request,
                                                                       Progress& progress);
    core::Task<core::Result<std::unique_ptr<HttpReply>>>
    ask(Url url, TlsTrust trust, std::string text, core::Duration stall_limit, Progress& progress);
    bool shows_identity_to(Url const& url) const;

    core::Clock& clock_;
    std::optional<std::filesystem::path> authorities_;
    std::string user_agent_;
    std::optional<ClientIdentity> identity_;
    std::optional<std::string> identity_for_;
    ProxyRules proxies_;
    std::shared_ptr<IdleConnection> idle_;   // shared with the replies that are being read
};

}   // namespace net
