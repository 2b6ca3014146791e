#include "net/chrony_wan.hpp"

#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

struct FakeProcesses final : core::Processes {
    std::vector<std::string> ran;   // without the program and its socket
    int status = 0;

    core::Task<core::Result<core::Finished>> run(core::Command command) override {
        std::string line;
        for (std::size_t i = 4; i < command.argv.size(); ++i)
            line += (line.empty() ? "" : " ") + command.argv[i];
        CHECK(command.argv.at(0) + command.argv.at(1) + command.argv.at(2) + command.argv.at(3) ==
              "/usr/bin/chronyc-n-h/run/c/s");
        ran.push_back(line);
        co_return core::Finished{.status = status, .output = {}};
    }
};

using Lines = std::vector<std::string>;

struct World {
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), {}};
    core::Writer<&core::DeviceState::links> links{state};
    core::Writer<&core::DeviceState::services> services{state};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    FakeProcesses processes;
    net::ChronyWan wan{clock, state, processes, core::Log{log, "time"}, "/usr/bin/chronyc", "/run/c/s"};
    core::asio::cancellation_signal stop;

    World() {
        core::asio::co_spawn(io, wan.run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        clock.settle();
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::all);
        clock.settle();
    }
    void wan_is(bool carrier, std::vector<std::string> addresses = {"10.99.0.2/24"}) {
        links.change([&](core::Links& all) {
            all.wan.carrier = carrier;
            all.wan.addresses = std::move(addresses);
        });
        clock.settle();
    }
    void chronyd_runs(unsigned starts) {
        services.set({{"chronyd", {.running = starts > 0, .pid = 7, .starts = starts}}});
        clock.settle();
    }
    Lines taken() { return std::exchange(processes.ran, {}); }
};

}   // namespace

TEST_CASE_FIXTURE(World, "nothing is told to a chronyd that does not run") {
    wan_is(true);
    clock.advance(1min);
    CHECK(processes.ran.empty());
}

TEST_CASE_FIXTURE(World, "chronyd is told of the WAN once per change, online before the burst") {
    chronyd_runs(1);
    clock.advance(1min);
    CHECK(taken() == Lines{"offline"});

    wan_is(true, {});   // a carrier without an address reaches nobody
    clock.advance(1min);
    CHECK(taken() == Lines{});
    wan_is(true);
    clock.advance(4s);
    CHECK(taken() == Lines{});
    clock.advance(1s);
    CHECK(taken() == Lines{"online", "burst 4/4"});
    wan_is(true, {"10.99.0.3/24"});   // another address, still online
    clock.advance(1h);
    CHECK(taken() == Lines{});

    wan_is(false);
    clock.advance(5s);
    CHECK(taken() == Lines{"offline"});
    CHECK(log->lines == Lines{"time: time servers are not asked without a WAN",
                              "time: time servers are asked",
                              "time: time servers are not asked without a WAN"});
}

TEST_CASE_FIXTURE(World, "a WAN that flaps makes no storm") {
    wan_is(true);
    chronyd_runs(1);
    clock.advance(5s);
    CHECK(taken() == Lines{"online", "burst 4/4"});
    for (int i = 0; i < 50; ++i) {
        wan_is(false);
        clock.advance(1s);
        wan_is(true);
        clock.advance(1s);
    }
    clock.advance(1min);
    CHECK(taken() == Lines{});
}

TEST_CASE_FIXTURE(World, "a chronyd that was started anew is told again") {
    chronyd_runs(1);
    clock.advance(5s);
    CHECK(taken() == Lines{"offline"});
    chronyd_runs(0);
    clock.advance(1min);
    CHECK(taken() == Lines{});
    chronyd_runs(2);
    clock.advance(5s);
    CHECK(taken() == Lines{"offline"});
}

TEST_CASE_FIXTURE(World, "what chronyd did not take is told again later, from the beginning") {
    processes.status = 1;
    wan_is(true);
    chronyd_runs(1);
    clock.advance(5s);
    CHECK(taken() == Lines{"online"});
    CHECK(log->lines == Lines{"time: chronyd cannot be told, will retry command=online why=\"status 1\""});
    processes.status = 0;
    clock.advance(14s);
    CHECK(taken() == Lines{});
    clock.advance(1s);
    CHECK(taken() == Lines{"online", "burst 4/4"});
    clock.advance(1h);
    CHECK(taken() == Lines{});
}
