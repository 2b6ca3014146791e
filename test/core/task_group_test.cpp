#include "core/task_group.hpp"

#include "support/fake_clock.hpp"
#include "support/started.hpp"

#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using core::Task;

namespace {

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::TaskGroup group{io.get_executor()};
    std::string story;

    // Until cancelled; then tells so, and takes `clean_up` to end.
    Task<void> member(std::string name, core::Duration clean_up = 0s) {
        bool cancelled = false;
        try {
            co_await clock.sleep_for(1000s);
        } catch (boost::system::system_error const&) { cancelled = true; }
        if (!cancelled) co_return;
        story += name + " told, ";
        co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
        co_await clock.sleep_for(clean_up);
        story += name + " ended, ";
    }
    Task<void> failing(core::Duration after) {
        co_await clock.sleep_for(after);
        throw std::runtime_error{"broken"};
    }
    Task<void> sleeper(core::Duration d) { co_await clock.sleep_for(d); }
};

}   // namespace

TEST_CASE_FIXTURE(World, "members are ended newest first, each one after the one before has ended") {
    group.start(member("a"));
    group.start(member("b", 2s));
    group.start(member("c", 1s));
    clock.settle();
    test::Started end{io, group.end_all()};
    clock.settle();
    CHECK(story == "c told, ");
    clock.advance(1s);
    CHECK(story == "c told, c ended, b told, ");
    clock.advance(2s);
    CHECK(story == "c told, c ended, b told, b ended, a told, a ended, ");
    CHECK(end.ended());
    CHECK(group.size() == 0);
}

TEST_CASE_FIXTURE(World, "a cancellation does not interrupt the ending") {
    group.start(member("a", 5s));
    clock.settle();
    test::Started end{io, group.end_all()};
    clock.settle();
    end.cancel();
    clock.advance(4s);
    CHECK(!end.ended());
    clock.advance(1s);
    CHECK(end.ended());
    CHECK(end.threw() == "");
}

TEST_CASE_FIXTURE(World, "counting and starting members while they are being ended does no harm") {
    group.start(member("a"));
    group.start(member("b", 2s));
    clock.settle();
    test::Started end{io, group.end_all()};
    clock.advance(1s);
    CHECK(group.size() == 2);
    group.start(member("late"));
    group.wake();
    clock.advance(1s);
    CHECK(group.size() == 0);
    clock.settle();
    CHECK(end.ended());
    CHECK(story.find("late ended") != std::string::npos);
    CHECK(story.find("a ended") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "a member is told to end once, so its clean-up is not cancelled as well") {
    auto careful = [this]() -> Task<void> {
        bool cancelled = false;
        try {
            co_await clock.sleep_for(1000s);
        } catch (boost::system::system_error const&) { cancelled = true; }
        if (!cancelled) co_return;
        // Interruptible clean-up, as a member may have that does not know of this group.
        co_await core::asio::this_coro::reset_cancellation_state();
        co_await clock.sleep_for(3s);
        story += "cleaned";
    };
    group.start(careful());
    clock.settle();
    test::Started end{io, group.end_all()};
    clock.advance(1s);
    group.wake();
    clock.advance(2s);
    CHECK(story == "cleaned");
    CHECK(end.ended());
}

TEST_CASE_FIXTURE(World, "ended members are forgotten, and their end wakes the owner") {
    group.start(sleeper(1s));
    group.start(sleeper(2s));
    test::Started watch{io, group.changed()};
    clock.settle();
    CHECK(group.size() == 2);
    CHECK(!watch.ended());
    clock.advance(1s);
    CHECK(watch.ended());
    CHECK(group.size() == 1);
    clock.advance(1s);
    CHECK(group.size() == 0);
}

TEST_CASE_FIXTURE(World, "the first bug of a member is kept, a cancellation is none") {
    group.start(sleeper(1s));
    group.start(member("a"));
    clock.settle();
    test::Started end{io, group.end_all()};
    clock.settle();
    CHECK(end.ended());
    CHECK(!group.failed());

    group.start(failing(1s));
    clock.advance(1s);
    REQUIRE(group.failed());
    CHECK_THROWS_WITH(std::rethrow_exception(group.failed()), "broken");
}

TEST_CASE_FIXTURE(World, "a waiting owner that is cancelled returns and is woken by wake too") {
    test::Started cancelled{io, group.changed()};
    test::Started woken{io, group.changed()};
    clock.settle();
    cancelled.cancel();
    clock.settle();
    CHECK(cancelled.ended());
    CHECK(cancelled.threw() == "");
    CHECK(!woken.ended());
    group.wake();
    clock.settle();
    CHECK(woken.ended());
}

TEST_CASE_FIXTURE(World, "ending an empty group returns at once") {
    test::Started end{io, group.end_all()};
    clock.settle();
    CHECK(end.ended());
}
