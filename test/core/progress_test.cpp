#include "core/progress.hpp"

#include "support/fake_clock.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

TEST_CASE("what outlives its limit is overdue, from its beginning to its end, the oldest first") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::Progress progress{clock};
    CHECK(progress.overdue().empty());
    {
        auto const old = progress.busy("monitor", "a round of probes", 20s);
        clock.advance(5s);
        auto const next = progress.busy("firewall", "a transaction", 10s);
        clock.advance(10s);
        CHECK(progress.overdue().empty());
        clock.advance(1s);
        REQUIRE(progress.overdue().size() == 1);
        CHECK(progress.overdue()[0].task == "firewall");
        clock.advance(5s);
        REQUIRE(progress.overdue().size() == 2);
        CHECK(progress.overdue()[0] == core::Operation{.id = 1,
                                                       .task = "monitor",
                                                       .what = "a round of probes",
                                                       .since = clock.now() - 21s,
                                                       .limit = 20s});
    }
    CHECK(progress.overdue().empty());
}
