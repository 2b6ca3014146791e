#include "net/file_watch.hpp"

#include "core/task_group.hpp"
#include "support/fake_clock.hpp"
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
    fs::path file = directory / "sub" / "file";
    int looks = 0;
    std::string ended;
    core::TaskGroup tasks{io.get_executor()};

    World() {
        tasks.start(watch());
        clock.settle();
    }
    ~World() { test::run_task(io, tasks.end_all()); }
    core::Task<void> watch() {
        std::function<void()> const look = [this] { ++looks; };
        ended = co_await net::watch_file(clock, file, look);
    }
    void settle() {
        clock.settle();
        clock.advance(100ms);
    }
};

}   // namespace

TEST_CASE_FIXTURE(World,
                  "a file is looked at once, then after each change, and its neighbours do not matter") {
    CHECK(looks == 1);
    std::ofstream{file} << "a";
    settle();
    CHECK(looks == 2);
    std::ofstream{directory / "sub" / "other"} << "a";
    settle();
    CHECK(looks == 2);
    fs::remove(file);
    settle();
    CHECK(looks == 3);
}

TEST_CASE_FIXTURE(World, "the watch ends with its directory, and says so") {
    fs::remove_all(directory / "sub");
    settle();
    CHECK(ended == "it is gone");
    CHECK(looks == 2);
}
