#include "net/lease_watcher.hpp"

#include "core/task_group.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

constexpr auto kCamera = "1 02:00:00:00:00:77 172.20.30.5 camera *\n";
constexpr auto kLaptop = "1 02:00:00:00:00:78 172.20.30.10 laptop *\n";

struct World {
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    test::TemporaryDirectory data;
    fs::path file = data.path() / "lan" / "dnsmasq.leases";
    core::StateBus state{io.get_executor(), {}};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    net::LeaseWatcher watcher{clock, core::Writer<&core::DeviceState::leases>{state}, {log, "leases"}, file};
    core::TaskGroup tasks{io.get_executor()};

    ~World() { test::run_task(io, tasks.end_all()); }

    void start() {
        tasks.start(watcher.run());
        clock.settle();
    }
    std::string seen() {
        clock.settle();   // the event
        clock.advance(100ms);
        std::string names;
        for (auto const& lease : state.now().leases.known) names += lease.name + ' ';
        return names;
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "leases that are there at the start are facts at once") {
    fs::create_directory(file.parent_path());
    std::ofstream{file} << kCamera;
    start();
    REQUIRE(state.now().leases.known.size() == 1);
    CHECK(state.now().leases.known[0].name == "camera");
}

TEST_CASE_FIXTURE(World, "the facts follow the file, in the ways that it changes") {
    start();
    CHECK(seen() == "");
    std::ofstream file_of_dnsmasq{file};
    file_of_dnsmasq << kCamera << std::flush;   // it keeps its file open
    CHECK(seen() == "camera ");
    fs::resize_file(file, 0);
    file_of_dnsmasq.seekp(0);
    file_of_dnsmasq << kCamera << kLaptop << std::flush;
    CHECK(seen() == "camera laptop ");

    std::ofstream{data.path() / "new"} << kLaptop;
    fs::rename(data.path() / "new", file);
    CHECK(seen() == "laptop ");
    fs::remove(file);
    CHECK(seen() == "");
    CHECK(log->lines.empty());
}

TEST_CASE_FIXTURE(World, "a file that is cut and written again is not seen in between") {
    start();
    std::ofstream{file} << kCamera;
    CHECK(seen() == "camera ");
    fs::resize_file(file, 0);
    clock.settle();
    clock.advance(50ms);
    CHECK(state.now().leases.known.size() == 1);
    std::ofstream{file} << kLaptop;
    CHECK(seen() == "laptop ");
}

TEST_CASE_FIXTURE(World, "other files of the directory change nothing") {
    start();
    auto const before = state.get();
    std::ofstream{file.parent_path() / "chrony.drift"} << kCamera;
    CHECK(seen() == "");
    CHECK(state.get() == before);
}

TEST_CASE_FIXTURE(World, "a file that is too large is said once and no fact") {
    start();
    std::ofstream{file} << kCamera;
    CHECK(seen() == "camera ");
    fs::resize_file(file, (1 << 20) + 1);
    CHECK(seen() == "");
    fs::resize_file(file, (1 << 20) + 2);
    CHECK(seen() == "");
    CHECK(log->lines.size() == 1);
}

TEST_CASE_FIXTURE(World, "a directory that goes away ends the watch with a warning") {
    start();
    fs::remove_all(file.parent_path());
    CHECK(seen() == "");
    clock.settle();
    CHECK(tasks.size() == 0);
    CHECK(log->contains("leases cannot be watched, will retry"));
}
