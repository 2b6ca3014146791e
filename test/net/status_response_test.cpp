#include "net/status_response.hpp"

#include <doctest/doctest.h>

using net::StatusRequest;
using net::StatusResponse;

namespace {

StatusResponse
answer(StatusRequest const& request, core::DeviceState const& state = {}, net::Sensors const& sensors = {}) {
    return net::status_response(request, {"atomixos", "AtomixOS.local"}, state, {}, sensors);
}

}   // namespace

TEST_CASE("every request has its answer") {
    struct {
        char const* name;
        StatusRequest request;
        unsigned status;
        std::string content_type;
    } const cases[] = {
        {"health", {"GET", "/healthz", 11, {"172.20.30.1:8080"}}, 200, "text/plain; charset=utf-8"},
        {"health by HEAD", {"HEAD", "/healthz", 11, {"172.20.30.1"}}, 200, "text/plain; charset=utf-8"},
        {"a query changes nothing",
         {"GET", "/healthz?x=1", 11, {"172.20.30.1"}},
         200,
         "text/plain; charset=utf-8"},
        {"status", {"GET", "/api/v1/status", 11, {"172.20.30.1:8080"}}, 200, "application/json"},
        {"unknown", {"GET", "/", 11, {"172.20.30.1"}}, 404, "application/problem+json"},
        {"prefix", {"GET", "/healthz/x", 11, {"172.20.30.1"}}, 404, "application/problem+json"},
        {"with a host in the target",
         {"GET", "http://x/healthz", 11, {"172.20.30.1"}},
         404,
         "application/problem+json"},
        {"writing", {"POST", "/api/v1/status", 11, {"172.20.30.1"}}, 405, "application/problem+json"},
        {"options", {"OPTIONS", "/healthz", 11, {"172.20.30.1"}}, 405, "application/problem+json"},
        {"writing what is not there", {"POST", "/", 11, {"172.20.30.1"}}, 404, "application/problem+json"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const response = answer(c.request);
        CHECK(response.status == c.status);
        CHECK(response.content_type == c.content_type);
        CHECK(response.allow == (c.status == 405 ? "GET, HEAD" : ""));
    }
}

TEST_CASE("only addresses and this device's own names are answered") {
    struct {
        char const* host;
        unsigned status;
    } const cases[] = {
        {"172.20.30.1:8080", 200},
        {"172.20.30.1", 200},
        {"[fd00::1]:8080", 200},
        {"[::1]", 200},
        {"localhost:8080", 200},
        {"LOCALHOST", 200},
        {"atomixos", 200},
        {"AtomixOS.Local:8080", 200},
        {"atomixos.local.", 200},
        {"evil.example", 421},
        {"atomixos.evil", 421},
        {"172.20.30.1.evil.example", 421},
        {"localhost.evil", 421},
        {"", 400},
        {":8080", 400},
        {"[::1", 400},
        {"atomixos:80x", 400},
        {"atomixos:123456", 400},
        {"0x7f.1", 421},
    };
    for (auto const& c : cases) {
        CAPTURE(c.host);
        CHECK(answer({"GET", "/healthz", 11, {c.host}}).status == c.status);
    }
}

TEST_CASE("HTTP/1.1 needs exactly one Host, HTTP/1.0 needs none") {
    CHECK(answer({"GET", "/healthz", 11, {}}).status == 400);
    CHECK(answer({"GET", "/healthz", 11, {"atomixos", "evil.example"}}).status == 400);
    CHECK(answer({"GET", "/healthz", 10, {}}).status == 200);
    CHECK(answer({"GET", "/healthz", 10, {"evil.example"}}).status == 421);
}

TEST_CASE("a device that rolls back is not healthy, and says why") {
    core::DeviceState state;
    state.health.verdict = core::Verdict::wait;
    CHECK(answer({"GET", "/healthz", 11, {"atomixos"}}, state).body == "ok\n");
    state.health.verdict = core::Verdict::roll_back;
    state.health.reason = "dns did not answer";
    auto const response = answer({"GET", "/healthz", 11, {"atomixos"}}, state);
    CHECK(response.status == 503);
    CHECK(response.body == "rolling back: dns did not answer\n");
}

TEST_CASE("the sensors are asked for each status, and for nothing else") {
    int asked = 0;
    net::Sensors const sensors = [&] { return core::Temperatures{{"soc-thermal", 1000 * ++asked, {}}}; };
    for (auto const* celsius : {"\"celsius\": 1,", "\"celsius\": 2,"})
        CHECK(answer({"GET", "/api/v1/status", 11, {"atomixos"}}, {}, sensors).body.find(celsius) !=
              std::string::npos);
    for (auto const* target : {"/healthz", "/"}) answer({"GET", target, 11, {"atomixos"}}, {}, sensors);
    answer({"POST", "/api/v1/status", 11, {"atomixos"}}, {}, sensors);
    answer({"GET", "/api/v1/status", 11, {"evil.example"}}, {}, sensors);
    CHECK(asked == 2);
}

TEST_CASE("an error is a problem document") {
    CHECK(net::problem(404, "there is \"nothing\"").body == R"json({
  "type": "about:blank",
  "title": "Not Found",
  "status": 404,
  "detail": "there is \"nothing\""
}
)json");
}
