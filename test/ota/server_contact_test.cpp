#include "ota/server_contact.hpp"

#include "support/fake_clock.hpp"
#include "support/ota_samples.hpp"
#include "support/run_task.hpp"

#include <doctest/doctest.h>

namespace {

class OneAnswer final : public core::HttpStream {
public:
    explicit OneAnswer(unsigned status) { head_.status = status; }
    core::HttpHead const& head() const override { return head_; }
    core::Task<core::Result<std::size_t>> read(std::span<std::byte>) override {
        FAIL("the answer's body is of no interest");
        co_return std::size_t{0};
    }

private:
    core::HttpHead head_;
};

struct World : core::HttpClient {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), core::DeviceState{.identity = {.version = "1.2"}}};
    core::Writer<&core::DeviceState::update> update{state};
    std::optional<core::HttpRequest> asked;
    std::optional<core::Error> failure;

    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override {
        asked = std::move(request);
        if (failure) co_return *failure;
        std::unique_ptr<core::HttpStream> stream = std::make_unique<OneAnswer>(503);
        co_return stream;
    }
};

}   // namespace

TEST_CASE("the server is asked as by a poll, with the offer that is known") {
    core::DeviceState state{.identity = {.version = "1.2"}};
    auto const request = ota::offer_request("https://u.example", state, "\"e\"", {.at = core::WallTime{}});
    CHECK(request.url == "https://u.example/api/v1/updates/latest");
    CHECK(request.headers.at(1) == std::pair<std::string, std::string>{"X-Current-Version", "1.2"});
    CHECK(request.headers.at(2) == std::pair<std::string, std::string>{"If-None-Match", "\"e\""});
    CHECK(request.judge_at_is_floor);
    CHECK(ota::offer_request("https://u.example", state, "", {}).headers.size() == 2);
}

TEST_CASE_FIXTURE(World,
                  "what came of a question to the server is in the state, and its answer is not read") {
    auto request = ota::offer_request("https://u.example", state.now(), "", {});
    test::run_task(io, ota::contact_server(clock, *this, update, request));
    CHECK(state.now().update.server == core::ServerContact{.at = clock.now(), .status = 503});
    CHECK(asked->connect_limit == std::chrono::seconds{5});
    failure = core::fail(core::Errc::no_address, "no address");
    test::run_task(io, ota::contact_server(clock, *this, update, request));
    CHECK(state.now().update.server->error == failure);
    CHECK(state.now().update.server->status == 0);
}

TEST_CASE("certificates are judged no earlier than what was built and what was committed") {
    auto const built = *core::parse_wall_time("2026-11-01T00:00:00Z");
    auto bundle = test::sample_bundle("1.0.0", 1);
    bundle.issued = "2026-11-20T00:00:00Z";
    CHECK(ota::time_floor({}, built) == built);
    CHECK(ota::time_floor({.bundles = {{core::Slot::a, bundle}}}, built) ==
          *core::parse_wall_time("2026-11-20T00:00:00Z"));
    bundle.issued = "2020-01-01T00:00:00Z";
    CHECK(ota::time_floor({.bundles = {{core::Slot::a, bundle}}}, built) == built);
}
