#include "core/supervisor.hpp"

#include "support/started.hpp"
#include "support/supervised_world.hpp"

#include <boost/asio/this_coro.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using core::Task;

namespace {

struct World : test::SupervisedWorld {
    std::vector<long long> starts_at_s;
    std::string story;

    void end(test::Started& running) {
        running.cancel();
        clock.settle();
        CHECK(running.ended());
        CHECK(running.threw() == "");
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a service that keeps failing is restarted after 1, 2, 4 … s") {
    supervisor.add("links", [&]() -> Task<void> {
        starts_at_s.push_back(seconds());
        throw std::runtime_error{"netlink socket closed"};
        co_return;
    });
    test::Started running{io, supervisor.run()};

    clock.advance(10s);

    CHECK(starts_at_s == std::vector{0ll, 1ll, 3ll, 7ll});
    REQUIRE(log->lines.size() == 4);
    CHECK(log->lines[0] ==
          "core: service ended, will restart service=links why=\"netlink socket closed\" in_s=1");
    CHECK(log->lines[3] ==
          "core: service ended, will restart service=links why=\"netlink socket closed\" in_s=8");
    end(running);
}

TEST_CASE_FIXTURE(World, "a service that ran for a minute starts again at the shortest pause") {
    int runs = 0;
    supervisor.add("links", [&]() -> Task<void> {
        starts_at_s.push_back(seconds());
        bool const long_run = ++runs == 3;
        if (long_run) co_await clock.sleep_for(60s);
        throw std::runtime_error{"x"};
    });
    test::Started running{io, supervisor.run()};
    clock.advance(70s);
    // Third run: 3 s to 63 s, then 1 s, 2 s.
    CHECK(starts_at_s == std::vector{0ll, 1ll, 3ll, 64ll, 66ll, 70ll});
    end(running);
}

TEST_CASE_FIXTURE(World, "every way of ending is restarted, and the log says which it was") {
    supervisor.add("returns", []() -> Task<void> { co_return; });
    supervisor.add("odd", []() -> Task<void> {
        throw 42;
        co_return;
    });
    supervisor.add("gives-up", []() -> Task<void> {
        throw boost::system::system_error(core::asio::error::operation_aborted);
        co_return;
    });
    supervisor.add("no-task", []() -> Task<void> { throw std::logic_error{"not even started"}; });
    test::Started running{io, supervisor.run()};
    clock.settle();
    CHECK(log->contains("service=returns why=returned in_s=1"));
    CHECK(log->contains("service=odd why=\"threw what is not an exception\" in_s=1"));
    CHECK(log->contains("service=gives-up why=\"gave itself up\" in_s=1"));
    CHECK(log->contains("service=no-task why=\"not even started\" in_s=1"));
    clock.advance(1s);
    CHECK(log->lines.size() == 8);
    end(running);
}

TEST_CASE_FIXTURE(World, "one service's failures do not touch another one") {
    int steady_starts = 0;
    supervisor.add("fails", []() -> Task<void> {
        throw std::runtime_error{"x"};
        co_return;
    });
    supervisor.add("steady", [&]() -> Task<void> {
        ++steady_starts;
        co_await clock.sleep_for(1h);
    });
    test::Started running{io, supervisor.run()};
    clock.advance(30s);
    CHECK(steady_starts == 1);
    end(running);
}

TEST_CASE_FIXTURE(World,
                  "when it is cancelled, services end in the reverse order, each one's clean-up waited for") {
    auto service = [&](std::string name) {
        return [this, name]() -> Task<void> {
            bool cancelled = false;
            try {
                co_await clock.sleep_for(1h);
            } catch (boost::system::system_error const&) { cancelled = true; }
            if (!cancelled) co_return;
            co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
            co_await clock.sleep_for(2s);
            story += name + std::to_string(seconds()) + ' ';
        };
    };
    supervisor.add("a", service("a"));
    supervisor.add("b", service("b"));
    test::Started running{io, supervisor.run()};
    clock.advance(10s);
    running.cancel();
    clock.advance(3s);
    CHECK(story == "b12 ");
    CHECK(!running.ended());
    clock.advance(10s);
    CHECK(story == "b12 a14 ");
    CHECK(running.ended());
    // Both returned without an exception after the order to end: no warning, no restart.
    CHECK(log->lines.empty());
}

TEST_CASE_FIXTURE(World, "a service that is waiting for its restart ends at once") {
    int starts = 0;
    supervisor.add("fails", [&]() -> Task<void> {
        ++starts;
        throw std::runtime_error{"x"};
        co_return;
    });
    test::Started running{io, supervisor.run()};
    clock.advance(20s);
    auto const before = starts;
    end(running);
    clock.advance(1h);
    CHECK(starts == before);
}

TEST_CASE_FIXTURE(World,
                  "a service that is told to start again is cancelled, waited for, and started again") {
    auto service = [&](std::string name) {
        return [this, name]() -> Task<void> {
            story += name + std::to_string(seconds()) + ' ';
            bool cancelled = false;
            try {
                co_await clock.sleep_for(1h);
            } catch (boost::system::system_error const&) { cancelled = true; }
            if (!cancelled) co_return;
            co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
            co_await clock.sleep_for(2s);
            story += "end-" + name + std::to_string(seconds()) + ' ';
        };
    };
    supervisor.add("a", service("a"));
    supervisor.add("b", service("b"));
    supervisor.restart("a");   // before it runs
    test::Started running{io, supervisor.run()};
    clock.advance(10s);
    supervisor.restart("nobody");
    supervisor.restart("a");
    supervisor.restart("a");
    clock.advance(10s);
    CHECK(story == "a0 b0 end-a12 a13 ");
    CHECK(log->lines ==
          std::vector<std::string>{"core: service ended, will restart service=a why=\"was told to\" in_s=1"});
    supervisor.restart("a");
    clock.advance(10s);
    CHECK(story == "a0 b0 end-a12 a13 end-a22 a24 ");
    running.cancel();
    clock.advance(10s);
    CHECK(running.ended());
}

TEST_CASE_FIXTURE(World, "a supervisor without services waits to be cancelled") {
    test::Started running{io, supervisor.run()};
    clock.advance(1h);
    CHECK(!running.ended());
    end(running);
}
