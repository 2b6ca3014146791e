#include "core/workers.hpp"

#include "core/result.hpp"
#include "support/run_task.hpp"
#include "support/started.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

using core::Task;

TEST_CASE("work runs on another thread and its value comes back to the caller's") {
    core::asio::io_context io;
    core::Workers workers{1};
    auto const here = std::this_thread::get_id();
    auto task = [&]() -> Task<bool> {
        auto work = [] { return std::this_thread::get_id(); };
        auto const there = co_await workers.run(std::move(work));
        co_return there != here&& std::this_thread::get_id() == here;
    };
    CHECK(test::run_task(io, task()));
}

TEST_CASE("an exception of the work is thrown where it is awaited") {
    core::asio::io_context io;
    core::Workers workers{1};
    auto task = [&]() -> Task<std::string> {
        std::string got = "nothing thrown";
        try {
            auto work = []() -> int { throw std::runtime_error{"disk gone"}; };
            co_await workers.run(std::move(work));
        } catch (std::exception const& failed) { got = failed.what(); }
        co_return got;
    };
    CHECK(test::run_task(io, task()) == "disk gone");
}

TEST_CASE("values that can only be moved, and results that cannot be made from nothing, come through") {
    core::asio::io_context io;
    core::Workers workers{2};
    struct Digest {
        explicit Digest(int v) : value{v} {}
        int value;
    };
    auto task = [&]() -> Task<int> {
        auto owned = std::make_unique<int>(5);
        auto work = [owned = std::move(owned)] { return std::make_unique<int>(*owned + 1); };
        auto const six = co_await workers.run(std::move(work));
        auto more = [] { return core::Result<Digest>{Digest{7}}; };
        auto const seven = co_await workers.run(std::move(more));
        co_return *six + seven->value;
    };
    CHECK(test::run_task(io, task()) == 13);
}

TEST_CASE("what was begun is finished when its caller is cancelled, and the caller's next step throws") {
    core::asio::io_context io;
    std::latch begun{1}, may_end{1};
    std::atomic<bool> finished = false;
    bool after_work = false, after_step = false;
    core::Workers workers{1};
    auto task = [&]() -> Task<void> {
        auto work = [&] {
            begun.count_down();
            may_end.wait();
            finished = true;
            return 1;
        };
        co_await workers.run(std::move(work));
        after_work = true;
        auto more = [] { return 2; };
        co_await workers.run(std::move(more));
        after_step = true;
    };
    test::Started started{io, task()};
    io.poll();
    begun.wait();
    started.cancel();
    io.restart();
    io.poll();
    CHECK(!started.ended());
    may_end.count_down();
    REQUIRE(test::happens(io, [&] { return started.ended(); }));
    CHECK(finished);
    CHECK(after_work);
    CHECK(!after_step);
    CHECK(started.threw() == "cancelled");
}

TEST_CASE("with two threads two pieces of work run at the same time") {
    core::asio::io_context io;
    core::Workers workers{2};
    std::latch both{2};   // each waits for the other: with one thread this would never end
    auto task = [&]() -> Task<void> {
        auto work = [&] {
            both.arrive_and_wait();
            return 0;
        };
        co_await workers.run(std::move(work));
    };
    test::Started first{io, task()};
    test::Started second{io, task()};
    CHECK(test::happens(io, [&] { return first.ended() && second.ended(); }));
}

TEST_CASE("a pool that goes finishes what it was given") {
    core::asio::io_context io;
    std::atomic<int> done = 0;
    auto task = [&](core::Workers& workers) -> Task<void> {
        auto work = [&] { return ++done; };
        co_await workers.run(std::move(work));
    };
    auto workers = std::make_unique<core::Workers>(1);
    test::Started first{io, task(*workers)};
    test::Started second{io, task(*workers)};
    io.poll();
    workers.reset();
    CHECK(done == 2);
    CHECK(test::happens(io, [&] { return first.ended() && second.ended(); }));
}
