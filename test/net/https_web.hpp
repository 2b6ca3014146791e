#pragma once
// A real nginx, a client for it, and what the client made of a reply.

#include "net/https_client.hpp"

#include "support/fake_clock.hpp"
#include "support/nginx.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

namespace test {

inline constexpr core::WallTime kNow{std::chrono::seconds{1'795'000'000}};   // 2026-11-18

inline std::optional<std::string> no_environment(char const*) {
    return std::nullopt;
}

struct Reply {
    core::HttpHead head;
    std::string body;
    std::optional<core::Error> failed;
};

inline core::Task<Reply> fetch(core::HttpClient& client, core::HttpRequest request) {
    Reply reply;
    auto const stream = co_await client.open(std::move(request));
    if (!stream) {
        reply.failed = stream.error();
        co_return reply;
    }
    reply.head = (*stream)->head();
    auto const body = co_await core::read_all(**stream, 100'000'000);
    if (body)
        reply.body = *body;
    else
        reply.failed = body.error();
    co_return reply;
}

struct Web {
    TemporaryDirectory directory;
    Certificates certificates;
    Nginx nginx;
    core::asio::io_context io;
    FakeClock clock{io};

    explicit Web(std::string const& directives = {}, ServerName const& name = {})
        : certificates{make_certificates(directory.path(), name)},
          nginx{directory.path(), certificates, directives} {
        nginx.serve("file", "0123456789");
    }

    static core::HttpRequest ask(std::string url) {
        core::HttpRequest request;
        request.url = std::move(url);
        request.judge_at = kNow;
        return request;
    }
    // No proxy, whatever the environment of the tests says.
    net::HttpsClient client(std::optional<net::ClientIdentity> identity = {}) {
        return {clock, certificates.ca, "atomixd/test", {std::move(identity), no_environment}};
    }
    Reply get(net::HttpsClient& client, std::string_view path) {
        return run_task(io, fetch(client, ask(nginx.url(path))));
    }
    Reply get(core::HttpRequest request) { return get(std::move(request), certificates.ca); }
    Reply get(core::HttpRequest request, std::optional<std::filesystem::path> authorities) {
        net::HttpsClient one{clock, std::move(authorities), "atomixd/test", {{}, no_environment}};
        return run_task(io, fetch(one, std::move(request)));
    }
};

}   // namespace test
