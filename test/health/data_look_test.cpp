#include "health/data_look.hpp"

#include "support/fake_clock.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

#include <stdexcept>

using namespace std::chrono_literals;

namespace {

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::asio::steady_timer card{io, core::asio::steady_timer::time_point::max()};
    bool hangs = false;
    bool throws = false;
    std::uint64_t free = 1;
    int calls = 0;
    health::DataLook data{clock, [this] { return call(); }};
    std::vector<health::DataFacts> seen;
    int thrown = 0;

    core::Task<health::DataFacts> call() {
        ++calls;
        auto const was = free;
        while (hangs) co_await card.async_wait(core::asio::as_tuple(core::asio::use_awaitable));
        if (throws) throw std::runtime_error{"a bug"};
        co_return health::DataFacts{.free_bytes = was, .written = {}};
    }
    void look() {
        core::asio::co_spawn(io, data.look(), [this](std::exception_ptr failed, health::DataFacts facts) {
            if (failed)
                ++thrown;
            else
                seen.push_back(std::move(facts));
        });
        clock.settle();
    }
    void recover() {
        hangs = false;
        card.cancel();
        clock.settle();
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "data that answers is looked at anew each time") {
    look();
    free = 2;
    look();
    CHECK(calls == 2);
    REQUIRE(seen.size() == 2);
    CHECK(*seen[0].free_bytes == 1);
    CHECK(*seen[1].free_bytes == 2);
    CHECK(seen[1].written.has_value());
}

TEST_CASE_FIXTURE(World, "data that hangs is bad after ten seconds, and no other call waits behind it") {
    hangs = true;
    look();
    clock.advance(9s + 999ms);
    CHECK(seen.empty());
    clock.advance(1ms);
    REQUIRE(seen.size() == 1);
    auto const space = health::data_space_reading(seen[0].free_bytes, 1);
    auto const written = health::data_writable_reading(seen[0].written);
    CHECK(!space.good);
    CHECK(!written.good);
    CHECK(space.detail.starts_with("did not answer within 10 s"));
    CHECK(written.detail == space.detail);

    clock.advance(5min);
    look();   // at once
    CHECK(seen.size() == 2);
    CHECK(!seen.at(1).written);
    CHECK(calls == 1);
    recover();
}

TEST_CASE_FIXTURE(World, "what a call that hung has seen is old, so data is looked at anew") {
    hangs = true;
    look();
    clock.advance(11s);
    recover();
    free = 2;
    look();
    CHECK(calls == 2);
    REQUIRE(seen.size() == 2);
    CHECK(*seen[1].free_bytes == 2);
}

TEST_CASE_FIXTURE(World, "two who ask at the same time share one call") {
    hangs = true;
    look();
    look();
    recover();
    CHECK(calls == 1);
    CHECK(seen.size() == 2);
}

TEST_CASE_FIXTURE(World, "a look that throws does so at whoever asked, and the next one is made") {
    throws = true;
    look();
    CHECK(thrown == 1);
    throws = false;
    look();
    CHECK(seen.size() == 1);
}
