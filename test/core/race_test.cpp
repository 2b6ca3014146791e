#include "core/race.hpp"

#include "support/fake_clock.hpp"
#include "support/run_task.hpp"

#include <doctest/doctest.h>

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
