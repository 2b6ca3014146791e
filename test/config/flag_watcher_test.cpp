#include "config/flag_watcher.hpp"

#include "core/task_group.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <fcntl.h>

#include <fstream>

namespace {

namespace fs = std::filesystem;
using core::Flags;

struct World {
    core::asio::io_context io;
    test::TemporaryDirectory data;
    fs::path directory = data.path() / "config";
    core::StateBus state{io.get_executor(), {}};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    config::FlagWatcher watcher{directory, core::Writer<&core::DeviceState::flags>{state}, {log, "config"}};
    core::TaskGroup tasks{io.get_executor()};

    ~World() { test::run_task(io, tasks.end_all()); }

    void start() {
        tasks.start(watcher.run());
        settle();
    }
    // Everything that has happened already: inotify queues an event before the act that made it returns.
    void settle() {
        io.restart();
        io.poll();
    }
    Flags seen() {
        settle();
        return state.now().flags;
    }
    void set(char const* flag) const { std::ofstream{directory / flag}; }
    void clear(char const* flag) const { fs::remove(directory / flag); }
};

}   // namespace

TEST_CASE_FIXTURE(World, "flags that are there at the start are published at once") {
    fs::create_directory(directory);
    set("ssh-wan-enabled");
    set("hold-updates");
    set("something-else");
    start();
    CHECK(state.now().flags == Flags{"hold-updates", "ssh-wan-enabled"});
    CHECK(log->lines == std::vector<std::string>{"config: flag set flag=ssh-wan-enabled",
                                                 "config: flag set flag=hold-updates"});
}

TEST_CASE_FIXTURE(World, "a flag is seen when it is made and when it is removed, with one log line each") {
    start();
    CHECK(seen() == Flags{});
    set("ssh-wan-enabled");
    CHECK(seen() == Flags{"ssh-wan-enabled"});
    clear("ssh-wan-enabled");
    CHECK(seen() == Flags{});
    set("unknown");
    CHECK(seen() == Flags{});
    CHECK(log->lines == std::vector<std::string>{"config: flag set flag=ssh-wan-enabled",
                                                 "config: flag cleared flag=ssh-wan-enabled"});
}

TEST_CASE_FIXTURE(World, "a flag that comes or goes by a rename is seen") {
    start();
    set("draft");
    fs::rename(directory / "draft", directory / "hold-updates");
    CHECK(seen() == Flags{"hold-updates"});
    set("draft");
    fs::rename(directory / "draft", directory / "hold-updates");   // replaced: still set
    CHECK(seen() == Flags{"hold-updates"});
    fs::rename(directory / "hold-updates", data / "elsewhere");
    CHECK(seen() == Flags{});
    CHECK(log->lines.size() == 2);
}

TEST_CASE_FIXTURE(World, "a directory or a link with a flag's name is not a flag") {
    start();
    fs::create_directory(directory / "retry-update");
    set("target");
    fs::create_symlink(directory / "target", directory / "hold-updates");
    CHECK(seen() == Flags{});
}

TEST_CASE_FIXTURE(World, "the missing directory is made at the start, for everybody to read") {
    start();
    REQUIRE(fs::is_directory(directory));
    CHECK(fs::status(directory).permissions() == fs::perms{0755});
    CHECK(log->lines.empty());
}

TEST_CASE_FIXTURE(World, "flags are cleared with their directory, and seen in the one made anew") {
    start();
    set("ssh-wan-enabled");
    CHECK(seen() == Flags{"ssh-wan-enabled"});
    fs::remove_all(directory);
    CHECK(seen() == Flags{});
    CHECK_FALSE(fs::exists(directory));   // whoever removed it may be replacing it
    CHECK(log->contains("directory of the flags is missing, waiting for it"));

    fs::create_directory(directory);
    set("hold-updates");
    CHECK(seen() == Flags{"hold-updates"});
    clear("hold-updates");
    CHECK(seen() == Flags{});
}

TEST_CASE_FIXTURE(World, "a directory replaced by a rename is watched, and the old one no more") {
    start();
    auto const old = data / "old", fresh = data / "fresh";
    fs::create_directory(fresh);
    std::ofstream{fresh / "hold-updates"};
    fs::rename(directory, old);
    fs::rename(fresh, directory);
    CHECK(seen() == Flags{"hold-updates"});
    std::ofstream{old / "ssh-wan-enabled"};
    CHECK(seen() == Flags{"hold-updates"});
    clear("hold-updates");
    CHECK(seen() == Flags{});
}

TEST_CASE_FIXTURE(World, "a directory removed while somebody is still in it is noticed") {
    start();
    set("ssh-wan-enabled");
    CHECK(seen() == Flags{"ssh-wan-enabled"});
    core::OwnedFd const open{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    fs::remove_all(directory);
    fs::create_directory(directory);
    CHECK(seen() == Flags{});   // the last event of the old directory is behind us
    set("hold-updates");
    CHECK(seen() == Flags{"hold-updates"});
}

TEST_CASE_FIXTURE(
    World,
    "the task ends, flags cleared, when there is nothing left to watch, and can be started again") {
    start();
    set("ssh-wan-enabled");
    CHECK(seen() == Flags{"ssh-wan-enabled"});
    fs::remove_all(data.path());
    CHECK(seen() == Flags{});
    CHECK(tasks.size() == 0);
    CHECK(log->contains("flags cannot be watched"));

    start();
    set("hold-updates");
    CHECK(seen() == Flags{"hold-updates"});
}

TEST_CASE_FIXTURE(World, "a burst that overflows the kernel's queue loses nothing") {
    start();
    // fs.inotify.max_queued_events is 16384 by default; more than that many events are made before any is
    // read.
    for (int i = 0; i < 9000; ++i) {
        set("noise");
        clear("noise");
    }
    set("hold-updates");
    CHECK(seen() == Flags{"hold-updates"});
    clear("hold-updates");
    CHECK(seen() == Flags{});
}
