// A boot environment or a state directory that cannot be written, at each step of an update.

#include "support/update_world.hpp"

#include <algorithm>

using namespace std::chrono_literals;
using core::Phase;
using core::Slot;
using World = test::UpdateWorld;

namespace {

auto const kReadOnly = core::fail(core::Errc::io, "the flash is read-only");

struct Errors : World {
    // What holds of every update that did not reach its activation.
    void check_not_activated() {
        CHECK(!env.state.trial);
        CHECK(env.state.order.front() == Slot::a);
        CHECK(board.reboots.empty());
        CHECK(slot_is_old("boot-a"));
        CHECK(slot_is_old("rootfs-a"));
    }
    void check_activated_within(core::Duration limit) {
        clock.advance(limit);
        REQUIRE(work_until([this] { return !board.reboots.empty(); }));
        CHECK(env.state.trial == Slot::b);
        CHECK(state.now().update.error.empty());
        CHECK(test::read_whole(data / "boot-b").starts_with(test::small_images().boot));
        CHECK(test::read_whole(data / "rootfs-b").starts_with(test::small_images().rootfs));
    }
    // On disk, which is all that the next start knows.
    std::optional<Phase> recorded() {
        ota::Books const kept{data / "state"};
        if (!kept.update()) return std::nullopt;
        return kept.update()->phase;
    }
};

}   // namespace

TEST_CASE_FIXTURE(Errors,
                  "a spare slot that cannot be marked bad is not touched, which is shown and retried") {
    env.read_only = kReadOnly;
    poll();
    CHECK(is_error("read-only"));
    CHECK(nothing_changed());
    CHECK(state.now().update.phase == Phase::idle);
    CHECK(recorded() == Phase::idle);

    env.read_only.reset();
    check_activated_within(3min);
}

TEST_CASE_FIXTURE(Errors,
                  "an activation that the environment refuses is shown and retried at the next poll") {
    write_and_hold();
    env.read_only = kReadOnly;
    set_flags({});
    REQUIRE(work_until([this] { return is_error("read-only"); }));
    CHECK(is_error("activating version 2.1"));
    CHECK(lines->contains("could not activate"));
    check_not_activated();
    CHECK(state.now().update.phase == Phase::written);
    CHECK(recorded() == Phase::written);

    // A poll that finds it still read-only says so, and fetches the signature and nothing else.
    server.bundle.given = 0;
    clock.advance(65min);
    auto const is_failure = [](std::string const& line) {
        return line.find("could not activate") != std::string::npos;
    };
    REQUIRE(work_until(
        [&] { return std::ranges::count_if(lines->lines, is_failure) == 3; }));   // before and after
    CHECK(server.offer.requests.size() == 2);
    CHECK(is_error("read-only"));
    check_not_activated();
    CHECK(server.bundle.given == 65'536);

    env.read_only.reset();
    check_activated_within(65min);
    CHECK(server.bundle.given <= 2 * 65'536);
}

TEST_CASE_FIXTURE(Errors, "an offer that cannot be recorded changes nothing, is shown and retried") {
    test::break_books(data.path());
    poll();
    CHECK(is_error("update.json"));
    CHECK(nothing_changed());
    CHECK(state.now().update.phase == Phase::idle);
    CHECK(server.bundle.requests.size() == 1);   // its signature

    test::mend_books(data.path());
    CHECK(!recorded());
    check_activated_within(3min);
}

TEST_CASE_FIXTURE(Errors, "a download that cannot be recorded does not touch the spare slot") {
    server.bundle.before_reply = [this](test::MemoryHttp&, core::HttpRequest const& request) {
        bool const is_data = request.range && request.range->first == 0u && request.range->last > 65'536;
        if (is_data && std::filesystem::is_directory(data / "state")) test::break_books(data.path());
    };
    task.poll_now();
    REQUIRE(work_until([this] { return is_error("update.json"); }));
    CHECK(nothing_changed());
    CHECK(lines->contains("could not record that the update ended"));

    test::mend_books(data.path());
    server.bundle.before_reply = nullptr;
    CHECK(recorded() == Phase::offered);
    check_activated_within(3min);
}

TEST_CASE_FIXTURE(Errors, "images whose arrival cannot be recorded are not activated") {
    server.bundle.drop_after = 1'000'000;   // so that there is a request in mid-stream
    server.bundle.before_reply = [this](test::MemoryHttp& http, core::HttpRequest const&) {
        if (state.now().update.phase != Phase::downloading) return;
        http.drop_after = test::MemoryHttp::kNever;
        if (std::filesystem::is_directory(data / "state")) test::break_books(data.path());
    };
    task.poll_now();
    REQUIRE(work_until([this] { return is_error("update.json"); }));
    check_not_activated();
    CHECK(env.state.order == std::vector{Slot::a});
    CHECK(env.writes == 1);

    test::mend_books(data.path());
    server.bundle.before_reply = nullptr;
    CHECK(recorded() == Phase::downloading);
    check_activated_within(3min);
}

TEST_CASE_FIXTURE(Errors, "an activation that cannot be recorded is not made, and made at the next poll") {
    write_and_hold();
    test::break_books(data.path());
    auto const writes = env.writes;
    set_flags({});
    REQUIRE(work_until([this] { return is_error("update.json"); }));
    check_not_activated();
    CHECK(env.writes == writes);
    CHECK(state.now().update.phase == Phase::written);

    test::mend_books(data.path());
    CHECK(recorded() == Phase::written);
    server.bundle.given = 0;
    check_activated_within(65min);
    CHECK(server.bundle.given <= 65'536);
}
