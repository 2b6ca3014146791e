#include "core/race.hpp"

#include "support/fake_clock.hpp"
#include "support/started.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace std::chrono_literals;
using core::Task;

namespace {

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};

    Task<int> value_after(core::Duration d, int value) {
        co_await clock.sleep_for(d);
        co_return value;
    }
    Task<int> failure_after(core::Duration d) {
        co_await clock.sleep_for(d);
        throw std::runtime_error{"broken"};
        co_return 0;
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "first_of gives the value when the task ends before its limit") {
    std::optional<int> got;
    core::asio::co_spawn(io, core::first_of(value_after(1s, 7), clock.sleep_for(2s)),
                         [&](std::exception_ptr, std::optional<int> value) { got = value; });
    clock.advance(1s);
    CHECK(got == 7);
}

TEST_CASE_FIXTURE(World, "first_of gives nothing, and cancels the task, when its limit ends first") {
    bool ended = false;
    std::optional<int> got = 1;
    core::asio::co_spawn(io, core::first_of(value_after(3s, 7), clock.sleep_for(2s)),
                         [&](std::exception_ptr, std::optional<int> value) {
                             got = value;
                             ended = true;
                         });
    clock.advance(2s);
    CHECK(ended);
    CHECK(!got);
}

TEST_CASE_FIXTURE(World, "first_of throws what the task throws, at once") {
    std::exception_ptr thrown;
    core::asio::co_spawn(io, core::first_of(failure_after(1s), clock.sleep_for(100s)),
                         [&](std::exception_ptr failed, std::optional<int>) { thrown = failed; });
    clock.advance(1s);
    REQUIRE(thrown);
    CHECK_THROWS_WITH(std::rethrow_exception(thrown), "broken");
}

TEST_CASE_FIXTURE(World, "a result that cannot be default-constructed can be raced") {
    struct Value {
        explicit Value(int v) : number{v} {}
        int number;
    };
    auto make = [this]() -> Task<Value> {
        co_await clock.sleep_for(1s);
        co_return Value{5};
    };
    std::optional<Value> got;
    core::asio::co_spawn(io, core::first_of(make(), clock.sleep_for(2s)),
                         [&](std::exception_ptr, std::optional<Value> value) { got = std::move(value); });
    clock.advance(1s);
    REQUIRE(got);
    CHECK(got->number == 5);
}

TEST_CASE_FIXTURE(World, "first_of throws what its limit throws") {
    std::exception_ptr thrown;
    auto broken_limit = [this]() -> Task<void> {
        co_await clock.sleep_for(1s);
        throw std::runtime_error{"broken limit"};
    };
    core::asio::co_spawn(io, core::first_of(value_after(3s, 7), broken_limit()),
                         [&](std::exception_ptr failed, std::optional<int>) { thrown = failed; });
    clock.advance(1s);
    REQUIRE(thrown);
    CHECK_THROWS_WITH(std::rethrow_exception(thrown), "broken limit");
}

TEST_CASE_FIXTURE(World, "a loser's exception never hides the winner's value") {
    std::optional<int> got;
    auto sore_loser = [this]() -> Task<void> {
        bool cancelled = false;
        try {
            co_await clock.sleep_for(100s);
        } catch (boost::system::system_error const&) { cancelled = true; }
        if (cancelled) throw std::runtime_error{"sore loser"};
    };
    core::asio::co_spawn(io, core::first_of(value_after(1s, 7), sore_loser()),
                         [&](std::exception_ptr failed, std::optional<int> value) {
                             CHECK(!failed);
                             got = value;
                         });
    clock.advance(1s);
    CHECK(got == 7);
}

TEST_CASE_FIXTURE(World, "ends_before says who ended first, and the other one has ended too") {
    struct {
        core::Duration task, stop;
        bool want;
    } const cases[] = {{1s, 2s, true}, {2s, 1s, false}};
    for (auto const& c : cases) {
        int endings = 0;
        struct Count {
            int& endings;
            ~Count() { ++endings; }
        };
        auto counted = [&](core::Duration d) -> Task<void> {
            Count const count{endings};
            co_await clock.sleep_for(d);
        };
        std::optional<bool> got;
        core::asio::co_spawn(io, core::ends_before(counted(c.task), counted(c.stop)),
                             [&](std::exception_ptr, bool ended) { got = ended; });
        clock.advance(1s);
        CHECK(got == c.want);
        CHECK(endings == 2);
    }
}

TEST_CASE_FIXTURE(World, "ends_before waits for the loser's clean-up") {
    bool cleaned = false;
    auto careful = [&]() -> Task<void> {
        bool cancelled = false;
        try {
            co_await clock.sleep_for(100s);
        } catch (boost::system::system_error const&) { cancelled = true; }
        co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
        if (cancelled) co_await clock.sleep_for(5s);
        cleaned = true;
    };
    std::optional<bool> got;
    core::asio::co_spawn(io, core::ends_before(careful(), clock.sleep_for(1s)),
                         [&](std::exception_ptr, bool ended) { got = ended; });
    clock.advance(5s);
    CHECK(!got);
    clock.advance(1s);
    CHECK(cleaned);
    CHECK(got == false);
}

TEST_CASE_FIXTURE(World, "a cancellation from outside ends both tasks of a race and is thrown") {
    int endings = 0;
    auto noted = [&]() -> Task<void> {
        try {
            co_await clock.sleep_for(100s);
        } catch (...) {
            ++endings;
            throw;
        }
    };
    auto race = [&]() -> Task<void> { co_await core::ends_before(noted(), noted()); };
    test::Started outer{io, race()};
    clock.settle();
    outer.cancel();
    clock.settle();
    REQUIRE(outer.ended());
    CHECK(outer.threw() == "cancelled");
    CHECK(endings == 2);
}

TEST_CASE_FIXTURE(World, "a cancellation that both tasks of a race swallow is thrown all the same") {
    auto swallowing = [&]() -> Task<void> {
        try {
            co_await clock.sleep_for(100s);
        } catch (boost::system::system_error const&) {}
    };
    auto race = [&]() -> Task<void> { co_await core::ends_before(swallowing(), swallowing()); };
    test::Started outer{io, race()};
    clock.settle();
    outer.cancel();
    clock.settle();
    CHECK(outer.threw() == "cancelled");
}

TEST_CASE_FIXTURE(World, "a loser that switches its cancellation off leaves the caller's on") {
    auto stubborn = [&]() -> Task<void> {
        co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
        co_await clock.sleep_for(2s);
    };
    auto race_then_sleep = [&]() -> Task<void> {
        co_await core::ends_before(stubborn(), clock.sleep_for(1s));
        co_await clock.sleep_for(100s);
    };
    test::Started outer{io, race_then_sleep()};
    clock.advance(3s);
    outer.cancel();
    clock.settle();
    CHECK(outer.threw() == "cancelled");
}
