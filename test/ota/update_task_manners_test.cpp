// How the update task treats the server, and at which time it lets certificates be judged.

#include "support/ota_samples.hpp"
#include "support/update_world.hpp"

#include <algorithm>

using namespace std::chrono_literals;
using core::Slot;
using World = test::UpdateWorld;

namespace {

std::optional<std::string> header_of(core::HttpRequest const& request, std::string const& name) {
    auto const found = std::ranges::find(request.headers, name, &std::pair<std::string, std::string>::first);
    if (found == request.headers.end()) return std::nullopt;
    return found->second;
}

// Certificates that this test made are valid then.
core::WallTime soon() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 1h;
}
constexpr core::WallTime k1970{};
constexpr core::WallTime k2036{std::chrono::seconds{2'085'978'496}};   // where NTP's seconds begin anew

// Asks once, and returns the wall clock's time of that.
core::WallTime ask(World& world) {
    auto const now = world.clock.wall_now();
    world.task.poll_now();
    world.clock.settle();
    REQUIRE(world.work_until(
        [&] { return !world.state.now().update.error.empty() || !world.board.reboots.empty(); }));
    return now;
}

// Of every request, and in the status.
void check_judged_at(World& world, core::WallTime want, std::string const& which) {
    CHECK(world.server.offer.requests.size() == 1);
    CHECK(world.server.bundle.requests.size() > 0);
    for (auto const* server : {&world.server.offer, &world.server.bundle})
        for (auto const& request : server->requests) CHECK(request.judge_at == want);
    CHECK(world.state.now().update.judged_at == which + ' ' + core::print_wall_time(want));
}

}   // namespace

TEST_CASE("a server that wants to be asked later for an offer is asked later") {
    for (unsigned const status : {429u, 503u}) {
        CAPTURE(status);
        World world;
        auto& offer = world.server.offer;
        offer.status = status;
        offer.retry_after = 2h;
        world.poll();
        CHECK(world.is_error("answered " + std::to_string(status)));
        CHECK(offer.requests.size() == 1);
        world.clock.advance(119min);
        CHECK(offer.requests.size() == 1);
        offer.status = 0;
        world.clock.advance(1min);
        CHECK(offer.requests.size() == 1);   // others were told the same: up to ten minutes more
        world.clock.advance(5min + 1s);
        CHECK(offer.requests.size() == 2);
        CHECK(world.work_until([&] { return !world.board.reboots.empty(); }));
        CHECK(world.state.now().update.error.empty());
    }
}

TEST_CASE_FIXTURE(World, "a server that asks for seconds does not shorten the pause after failures") {
    server.offer.status = 503;
    server.offer.retry_after = 1s;
    for (int i = 0; i < 6; ++i) poll();   // the pause is an hour by now
    CHECK(server.offer.requests.size() == 6);
    clock.advance(1h);
    CHECK(server.offer.requests.size() == 6);
    clock.advance(6min);
    CHECK(server.offer.requests.size() == 7);
}

TEST_CASE_FIXTURE(World,
                  "an ETag goes back with the next question, and 304 stands for the offer it came with") {
    server.bundle.status = 404;
    server.offer.etag = "\"seven\"";
    poll();
    CHECK(is_error("404"));
    CHECK(!header_of(server.offer.requests.at(0), "If-None-Match"));

    server.bundle.status = 0;
    server.offer.status = 304;
    server.offer.file.clear();
    poll();
    CHECK(header_of(server.offer.requests.at(1), "If-None-Match") == "\"seven\"");
    CHECK(env.state.trial == Slot::b);
    CHECK(board.reboots.size() == 1);
}

TEST_CASE_FIXTURE(World, "the ETag of an answer that says nothing does not replace that of an offer") {
    server.bundle.status = 404;
    server.offer.etag = "\"seven\"";
    poll();
    auto const asked_with = [&] {
        poll();
        return header_of(server.offer.requests.back(), "If-None-Match");
    };
    auto const good = server.offer.file;
    server.offer.etag = "\"eight\"";
    server.offer.file = "<html>";
    CHECK(asked_with() == "\"seven\"");
    server.offer.file = good;
    server.offer.status = 500;
    CHECK(asked_with() == "\"seven\"");
    server.offer.status = 0;
    server.offer.etag.clear();
    CHECK(asked_with() == "\"seven\"");
    CHECK(!asked_with());   // the last offer came without one
}

TEST_CASE("certificates are judged at the wall clock or at the floor, for every request of a poll") {
    struct {
        char const* name;
        core::WallTime wall;
        bool is_synchronised;
        bool at_wall;
    } const cases[] = {
        {"1970, vouched for", k1970, true, false},
        {"1970, nobody vouches", k1970, false, false},
        {"2036, vouched for", k2036, true, true},
        {"2036, nobody vouches", k2036, false, false},
        {"a second below the floor", soon() - 2h, true, false},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const built = soon();
        World world{{}, built};
        world.clock.set_wall(c.wall);
        world.clock_is_synchronised = c.is_synchronised;
        auto const asked_at = ask(world);
        check_judged_at(world, c.at_wall ? asked_at : built, c.at_wall ? "wall clock" : "floor");
        if (c.at_wall) continue;   // whether today's certificates live that long is not this test's business
        CHECK(world.server.bundle.requests.size() > 3);   // all of it
        CHECK(world.env.state.trial == Slot::b);
    }
}

TEST_CASE(
    "the newest bundle that was committed lifts the floor above the image's time, an older one does not") {
    auto const built = soon();
    struct {
        core::Duration later;
        core::Duration want;
    } const cases[] = {{24h, 24h}, {-24h, 0h}};
    for (auto const& c : cases) {
        World world{{}, built};
        world.clock.set_wall(k1970);
        auto committed = test::sample_bundle("1.0.0", 9);
        committed.issued =
            core::print_wall_time(built + std::chrono::duration_cast<std::chrono::seconds>(c.later));
        REQUIRE(
            world.books.set(ota::Committed{.last = Slot::a, .bundles = {{Slot::a, committed}}}).has_value());
        ask(world);
        check_judged_at(world, built + std::chrono::duration_cast<std::chrono::seconds>(c.want), "floor");
    }
}
