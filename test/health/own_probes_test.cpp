#include "health/own_probes.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::Errc;

TEST_CASE("data that can be written is good, and that it cannot be is said with the file") {
    test::TemporaryDirectory data;
    core::asio::io_context io;
    core::Workers workers{1};
    auto facts = test::run_task(io, health::look_at_data(workers, data.path()));
    CHECK(health::data_writable_reading(facts.written).good);
    REQUIRE(facts.free_bytes.has_value());
    CHECK(*facts.free_bytes > 0);

    std::filesystem::remove_all(data / "state");
    REQUIRE(core::replace_file(data / "state", "a file where the directory must be").has_value());
    facts = test::run_task(io, health::look_at_data(workers, data.path()));
    auto const reading = health::data_writable_reading(facts.written);
    CHECK(!reading.good);
    CHECK_MESSAGE(reading.detail.find("state") != std::string::npos, reading.detail);
}

TEST_CASE("a document that only this slot refuses is this slot's fault, and any other the operator's") {
    using Source = core::ConfigState::Source;
    std::vector<std::string> const refusal{"atomix.yaml:2:1: colour: is not a known key here"};
    struct {
        core::ConfigState config;
        bool good, warning;
        char const* detail;
    } const rows[] = {
        {{.source = Source::operator_document}, true, false, "the operator's is in force"},
        {{.source = Source::operator_document, .problems = {"accepted-A.yaml: cannot be stored"}},
         true,
         false,
         "the operator's is in force"},
        {{.source = Source::built_in}, true, false, "the operator has written none"},
        {{.source = Source::built_in, .problems = refusal},
         true,
         true,
         "this version refuses the operator's document, the built-in default is in force: atomix.yaml:2:1: "
         "colour: is not a known key here"},
        {{.source = Source::last_accepted, .problems = refusal, .accepted_by = core::Slot::a},
         true,
         true,
         "this version refuses the operator's document, the last one that slot A accepted is in force: "
         "atomix.yaml:2:1: colour: is not a known key here"},
        {{.source = Source::last_accepted,
          .problems = {refusal.front(), "accepted-A.yaml:3:1: size: is not a known key here"},
          .refuses_other_slots = true,
          .accepted_by = core::Slot::b},
         false,
         false,
         "this version refuses the operator's document, and the one that the other slot accepted last too: "
         "accepted-A.yaml:3:1: size: is not a known key here"},
        {{.source = Source::last_accepted, .problems = refusal, .other_slot_accepts = true},
         false,
         false,
         "this version refuses the operator's document, which the other slot accepted: atomix.yaml:2:1: "
         "colour: is not a known key here"},
    };
    for (auto const& row : rows) {
        auto const reading = health::document_reading(row.config);
        CHECK(reading.probe == "document");
        CHECK(reading.good == row.good);
        CHECK(reading.warning == row.warning);
        CHECK(reading.detail == row.detail);
    }
}

TEST_CASE("too little free space is told with its number and the key that sets the limit") {
    auto const enough = health::data_space_reading(std::uint64_t{16} << 20, 16 << 20);
    CHECK(enough.good);
    CHECK(enough.value == 16 << 20);
    CHECK(enough.unit == "bytes");
    auto const less = health::data_space_reading((std::uint64_t{16} << 20) - 1, 16 << 20);
    CHECK(!less.good);
    CHECK(less.detail == "15 MiB free, less than the 16 MiB of trial.data_minimum_mib");
    CHECK(!health::data_space_reading(core::fail(Errc::io, "no such directory"), 1).good);
}

TEST_CASE("a clock before the image was built is wrong, one that nobody vouches for is not") {
    auto const built = *core::parse_wall_time("2026-11-01T00:00:00Z");
    CHECK(health::clock_reading(built, built, true).detail == "synchronised");
    CHECK(health::clock_reading(built, built, false).good);
    auto const reading = health::clock_reading(core::WallTime{}, built, false);
    CHECK(!reading.good);
    CHECK(reading.detail ==
          "it says 1970-01-01T00:00:00Z, before this image was built, 2026-11-01T00:00:00Z");
    CHECK(health::clock_reading(built + 24h * 3650, built, true).good);
}

TEST_CASE("a loop that is held up for more than 2 s is bad") {
    CHECK(health::loop_latency_reading(2s).good);
    CHECK(!health::loop_latency_reading(2001ms).good);
    CHECK(health::loop_latency_reading(12ms).value == 12);
}

TEST_CASE("what holds the loop up is measured by how late an alarm rings") {
    core::asio::io_context io;
    core::SystemClock clock;
    core::Duration late{};
    core::asio::cancellation_signal stop;
    core::asio::co_spawn(io, health::watch_lateness(clock, late),
                         core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    io.poll();
    auto const busy_until = clock.now() + 400ms;   // the work that holds it up
    while (clock.now() < busy_until) {}
    while (late < 1ms && clock.now() < busy_until + 10s) io.run_one_for(10ms);
    CHECK(late >= 250ms);
    stop.emit(core::asio::cancellation_type::terminal);
    io.run();
}

TEST_CASE("only what this device can do something about makes the update server's reading bad") {
    core::Reading const lease{.probe = "wan_lease", .good = true};
    core::Reading const none{.probe = "wan_lease", .good = false, .detail = "eth0 has no address"};
    core::Reading const unplugged{
        .probe = "wan_lease", .detail = "eth0 has no address: no cable", .cable_out = true};
    core::Links routed, unrouted;
    routed.default_route = core::DefaultRoute{"10.0.0.1", "eth0"};
    auto const failed = [](Errc code) { return core::ServerContact{.error = core::fail(code, "its words")}; };
    struct {
        char const* name;
        core::ServerContact contact;
        core::Links const& links;
        core::Reading const& lease;
        bool good;
        bool warning;
        char const* detail;
    } const rows[] = {
        {"an offer", {.status = 200}, routed, lease, true, false, "it answered 200"},
        {"no offer", {.status = 204}, routed, lease, true, false, "it answered 204"},
        {"not modified", {.status = 304}, routed, lease, true, false, "it answered 304"},
        {"an error of ours, as it says",
         {.status = 403},
         routed,
         lease,
         true,
         true,
         "it refuses this device, its certificate perhaps, with status 403"},
        {"no certificate was sent, as nginx says it",
         {.status = 400},
         routed,
         lease,
         true,
         true,
         "it refuses this device, its certificate perhaps, with status 400"},
        {"no such thing", {.status = 404}, routed, lease, true, true, "it answered 404"},
        {"an error of its own", {.status = 503}, routed, lease, true, true, "it answered 503"},
        {"an answer without a lease", {.status = 204}, unrouted, none, true, false, "it answered 204"},
        {"refused or lost", failed(Errc::unreachable), routed, lease, true, true, "its words"},
        {"silent", failed(Errc::timed_out), routed, lease, true, true, "its words"},
        {"not HTTP", failed(Errc::bad_input), routed, lease, true, true, "its words"},
        {"sent elsewhere", failed(Errc::refused), routed, lease, true, true, "its words"},
        {"no lease", failed(Errc::unreachable), routed, none, false, false, "eth0 has no address"},
        {"no route", failed(Errc::unreachable), unrouted, lease, false, false,
         "there is no default route; its words"},
        {"silent without a route", failed(Errc::timed_out), unrouted, lease, false, false,
         "there is no default route; its words"},
        {"a name without an address", failed(Errc::no_address), routed, lease, false, false, "its words"},
        {"a certificate that does not verify", failed(Errc::bad_signature), routed, lease, false, false,
         "its words"},
        {"authorities that cannot be read", failed(Errc::io), routed, lease, false, false, "its words"},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        auto const reading = health::update_server_reading(row.contact, row.links, row.lease);
        CHECK(reading.good == row.good);
        CHECK(reading.warning == row.warning);
        CHECK(reading.detail == row.detail);
        CHECK(!reading.cable_out);
    }
    CHECK(health::update_server_reading(failed(Errc::unreachable), unrouted, unplugged).cable_out);
    CHECK(!health::update_server_reading(failed(Errc::bad_signature), unrouted, unplugged).cable_out);
    CHECK(health::update_server_reading(std::nullopt, routed, lease).good);
}

TEST_CASE("a slot that has lost the update server with the operator's document is bad, and no other") {
    using Source = core::ConfigState::Source;
    core::DeviceState lost;
    lost.config = {.source = Source::built_in, .problems = {"atomix.yaml:2:1: colour: is not known"}};
    lost.update.phase = core::Phase::trial;
    lost.update.baseline.good = {"dns", "update_server"};
    auto const reading = health::missing_server_reading(lost);
    REQUIRE(reading);
    CHECK(reading->probe == "update_server");
    CHECK_FALSE(reading->good);
    CHECK(reading->detail == "this version has no update server configured, the version before reached one");

    auto older = lost;
    older.config.source = Source::last_accepted;
    CHECK(health::missing_server_reading(older));

    auto taken_out = lost;
    taken_out.config = {.source = Source::operator_document};
    CHECK_FALSE(health::missing_server_reading(taken_out));
    auto removed = lost;
    removed.config = {.source = Source::built_in};   // with the whole document
    CHECK_FALSE(health::missing_server_reading(removed));
    auto committed = lost;
    committed.update.phase = core::Phase::committed;
    CHECK_FALSE(health::missing_server_reading(committed));
    auto never = lost;
    never.update.baseline = {.failing = {"update_server"}, .good = {"dns"}};
    CHECK_FALSE(health::missing_server_reading(never));
}
