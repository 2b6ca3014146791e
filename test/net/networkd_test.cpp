#include "net/networkd.hpp"

#include "core/files.hpp"
#include "core/task_group.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

struct FakeProcesses final : core::Processes {
    std::vector<std::string> ran;
    std::vector<int> statuses;   // of the next runs; then 0
    bool answers = true;

    core::Task<core::Result<core::Finished>> run(core::Command command) override {
        std::string line;
        for (auto const& word : command.argv) line += (line.empty() ? "" : " ") + word;
        ran.push_back(line);
        if (!answers) co_return core::fail(core::Errc::timed_out, command.argv[0] + " did not end in time");
        core::Finished finished;
        if (!statuses.empty()) {
            finished.status = statuses.front();
            statuses.erase(statuses.begin());
        }
        co_return finished;
    }
};

struct World {
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    test::TemporaryDirectory directory;
    core::StateBus state{io.get_executor(), {}};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    FakeProcesses processes;
    std::string const kReload = "/usr/bin/networkctl reload";
    std::string const kRestart = "/usr/bin/systemctl try-restart systemd-networkd.service";

    // A life of the program: it is started, runs for a while and is ended.
    void run(std::vector<net::NetworkFile> files, core::Duration duration = 1s) {
        net::Networkd networkd{clock,
                               processes,
                               core::Writer<&core::DeviceState::network>{state},
                               {log, "network"},
                               std::move(files),
                               {.directory = directory / "network", .told = directory / "told"}};
        core::TaskGroup tasks{io.get_executor()};
        tasks.start(networkd.run());
        clock.advance(duration);
        test::run_task(io, tasks.end_all());
    }
    std::vector<net::NetworkFile> const kFirst{{"05-atomix-eth0.network", "a"}};
    std::vector<net::NetworkFile> const kSecond{{"05-atomix-eth0.network", "b"}};
};

}   // namespace

TEST_CASE_FIXTURE(World, "networkd is told once of the same files, also by the next life of the program") {
    run(kFirst, 3h);
    CHECK(processes.ran == std::vector{kReload});
    CHECK(state.now().network == core::NetworkSetup{.applied = true, .error = ""});
    run(kFirst);
    CHECK(processes.ran == std::vector{kReload});
    run(kSecond);
    CHECK(processes.ran == std::vector{kReload, kReload});
}

TEST_CASE_FIXTURE(World, "what was written before this program ran is told of all the same") {
    run(kFirst);
    REQUIRE(core::replace_file(directory / "network/05-atomix-eth0.network", "b").has_value());
    run(kSecond);
    CHECK(processes.ran == std::vector{kReload, kReload});
}

TEST_CASE_FIXTURE(World, "without a message bus networkd is restarted") {
    processes.statuses = {1};
    run(kFirst);
    CHECK(processes.ran == std::vector{kReload, kRestart});
    CHECK(state.now().network.applied);
}

TEST_CASE_FIXTURE(World, "networkd is not restarted for being slow, which a trial would hold against its slot") {
    processes.answers = false;
    run(kFirst, 11s);
    CHECK(processes.ran == std::vector{kReload, kReload});
    CHECK_FALSE(state.now().network.applied);
}

TEST_CASE_FIXTURE(World, "what cannot be told is told again, and the state says so meanwhile") {
    processes.statuses = {1, 5};
    run(kFirst, 9s);
    CHECK_FALSE(state.now().network.applied);
    CHECK(state.now().network.error.find("/usr/bin/systemctl try-restart ended with status 5") !=
          std::string::npos);
    CHECK(log->contains("networkd is not set up, will retry"));
    run(kFirst, 11s);
    CHECK(state.now().network.applied);
    CHECK(state.now().network.error.empty());
}

TEST_CASE_FIXTURE(World, "files that cannot be written are not told of") {
    REQUIRE(core::replace_file(directory / "network", "in the way").has_value());
    run(kFirst);
    CHECK(processes.ran.empty());
    CHECK_FALSE(state.now().network.error.empty());
}

TEST_CASE_FIXTURE(World, "a file that somebody takes away is back within the hour, and told of") {
    net::Networkd networkd{clock,
                           processes,
                           core::Writer<&core::DeviceState::network>{state},
                           {log, "network"},
                           kFirst,
                           {.directory = directory / "network", .told = directory / "told"}};
    core::TaskGroup tasks{io.get_executor()};
    tasks.start(networkd.run());
    clock.advance(1s);
    REQUIRE(core::remove_file(directory / "network/05-atomix-eth0.network").has_value());
    clock.advance(1h);
    CHECK(core::read_file(directory / "network/05-atomix-eth0.network", 10).has_value());
    CHECK(processes.ran == std::vector{kReload, kReload});
    test::run_task(io, tasks.end_all());
}
