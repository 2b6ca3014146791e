#include "net/chrony_time.hpp"

#include "support/run_task.hpp"

#include <doctest/doctest.h>

namespace {

struct OneAnswer final : core::Processes {
    core::Result<core::Finished> answer;
    std::vector<std::string> asked;

    explicit OneAnswer(core::Result<core::Finished> a) : answer{std::move(a)} {}
    core::Task<core::Result<core::Finished>> run(core::Command command) override {
        asked = command.argv;
        co_return answer;
    }
};

constexpr char kSynchronised[] =
    "0A630001,10.99.0.1,4,1795414323.312,0.000000012,-0.000001,0.000004,-1.5,-0.2,0.9,"
    "0.000061,0.000120,64.3,Normal\n";

}   // namespace

TEST_CASE("the clock is vouched for by a server, never by the gateway itself") {
    struct {
        char const* name;
        std::string tracking;
        bool want;
    } const cases[] = {
        {"a server", kSynchronised, true},
        {"a leap second is coming", "0A630001,10.99.0.1,4,1,2,3,4,5,6,7,8,9,10,Insert second\n", true},
        {"own clock", "7F7F0101,,10,1795414323.312,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,Normal\n", false},
        {"own clock, whatever its stratum", "7F7F0101,,5,1,2,3,4,5,6,7,8,9,10,Normal\n", false},
        {"nobody yet", "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n", false},
        {"a server that lost its own", "0A630001,10.99.0.1,4,1,2,3,4,5,6,7,8,9,10,Not synchronised\n", false},
        {"another gateway's own clock", "AC141E01,172.20.30.1,11,1,2,3,4,5,6,7,8,9,10,Normal\n", false},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const answer = net::is_synchronised(c.tracking);
        REQUIRE(answer.has_value());
        CHECK(*answer == c.want);
    }
}

TEST_CASE("a report that is none is refused") {
    for (auto const* text :
         {"", "506 Cannot talk to daemon\n", ",,,,,,,,,,,,,\n", "A,B,x4,1,2,3,4,5,6,7,8,9,10,Normal"}) {
        CAPTURE(text);
        CHECK_FALSE(net::is_synchronised(text).has_value());
    }
}

TEST_CASE("chronyc is asked over the socket, and no answer is no time") {
    core::asio::io_context io{1};
    OneAnswer good{core::Finished{.status = 0, .output = kSynchronised}};
    CHECK(test::run_task(io, net::ChronyTime{good, "/usr/bin/chronyc", "/run/c/s"}.synchronised()));
    CHECK(good.asked ==
          std::vector<std::string>{"/usr/bin/chronyc", "-n", "-h", "/run/c/s", "-c", "tracking"});

    OneAnswer failed{core::Finished{.status = 1, .output = kSynchronised}};
    CHECK_FALSE(test::run_task(io, net::ChronyTime{failed, "/usr/bin/chronyc", "/run/c/s"}.synchronised()));
    OneAnswer absent{core::fail(core::Errc::not_found, "there is no program")};
    CHECK_FALSE(test::run_task(io, net::ChronyTime{absent, "/usr/bin/chronyc", "/run/c/s"}.synchronised()));
}
