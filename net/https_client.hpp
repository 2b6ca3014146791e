#pragma once
// core::HttpClient over TLS: one connection per request, up to five redirects, all of them https.
//
// The caller's headers go only to the host and port that the caller named; after a redirect elsewhere only
// those that describe the wanted content (Accept, If-…) are sent.

#include "core/clock.hpp"
#include "core/http.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace net {

class HttpsClient final : public core::HttpClient {
public:
    // `authorities`: who may vouch for a server, PEM; absent: the system's. Read anew for each request.
    HttpsClient(core::Clock& clock, std::optional<std::filesystem::path> authorities, std::string user_agent);

    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override;

private:
    struct Progress;
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> follow(core::HttpRequest request,
                                                                       Progress& progress);

    core::Clock& clock_;
    std::optional<std::filesystem::path> authorities_;
    std::string user_agent_;
};

}   // namespace net
