#include "net/resolver_watcher.hpp"

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

struct World {
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    test::TemporaryDirectory directory;
    core::StateBus state{io.get_executor(), {}};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    net::ResolverWatcher watcher{clock,
                                 core::Writer<&core::DeviceState::resolver>{state},
                                 {log, "resolver"},
                                 directory / "etc/resolv.conf"};
    core::TaskGroup tasks{io.get_executor()};

    ~World() { test::run_task(io, tasks.end_all()); }
    std::vector<std::string> servers() {
        clock.settle();
        clock.advance(100ms);
        return state.now().resolver.servers;
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "the name servers are those of the file, also where that is a link to another one") {
    fs::create_directories(directory / "etc");
    fs::create_directories(directory / "run");
    std::ofstream{directory / "run/resolv.conf"} << "nameserver 1.1.1.1\n";
    fs::create_symlink("../run/resolv.conf", directory / "etc/resolv.conf");
    tasks.start(watcher.run());
    CHECK(servers() == std::vector<std::string>{"1.1.1.1"});
    std::ofstream{directory / "run/resolv.conf"} << "nameserver 9.9.9.9\nsearch lab\n";
    CHECK(servers() == std::vector<std::string>{"9.9.9.9"});
    CHECK(state.now().resolver.search == std::vector<std::string>{"lab"});
    fs::remove(directory / "run/resolv.conf");
    CHECK(servers().empty());
}

TEST_CASE_FIXTURE(World,
                  "a link to a file that comes later is followed, as at a boot before systemd-resolved") {
    fs::create_directories(directory / "etc");
    fs::create_symlink("../run/resolve/resolv.conf", directory / "etc/resolv.conf");
    tasks.start(watcher.run());
    CHECK(servers().empty());
    fs::create_directories(directory / "run/resolve");
    std::ofstream{directory / "run/resolve/resolv.conf"} << "nameserver 1.1.1.1\n";
    CHECK(servers() == std::vector<std::string>{"1.1.1.1"});
}

TEST_CASE_FIXTURE(World, "a file that comes later is read then") {
    tasks.start(watcher.run());
    CHECK(servers().empty());
    std::ofstream{directory / "etc/resolv.conf"} << "nameserver 1.1.1.1\n";
    CHECK(servers() == std::vector<std::string>{"1.1.1.1"});
}
