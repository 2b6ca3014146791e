#include "core/systemd_host.hpp"

#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

// With a real systemd: test/system/service_host_test.cpp.

using namespace std::chrono_literals;

TEST_CASE("a systemd that cannot be asked is told after 700 ms, since one that re-executes is soon back") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    auto const log = std::make_shared<test::LogLines>();
    test::TemporaryDirectory const directory;
    core::Writer<&core::DeviceState::services> services{state};
    services.set({{"dns", {.running = true, .pid = 7, .starts = 2}}});
    core::Progress progress{clock};
    core::SystemdHost host{
        clock, progress, services, core::Log{log, "core"}, directory.path(), directory / "private"};
    host.want({.name = "dns", .argv = {"/bin/true"}, .configuration = ""});
    host.observe("other.service");
    test::Started running{io, host.run()};

    clock.advance(699ms);
    CHECK(log->lines.size() == 3);   // at 0, 100 and 300 ms
    CHECK(state.now().services.at("dns").running);
    clock.advance(1ms);
    auto const dns = state.now().services.at("dns");
    CHECK(!dns.running);
    CHECK(dns.pid == 0);
    CHECK(dns.starts == 2);
    CHECK(dns.error == "not known: connecting to systemd at " + (directory / "private").string() +
                           " [No such file or directory]");

    CHECK(state.now().services.at("unit:other.service").error == dns.error);

    log->lines.clear();
    clock.advance(60s);
    CHECK(log->lines.size() == 13);   // after 0.8, 1.6 and 3.2 s, then every 5 s
    running.cancel();
    CHECK(test::happens(io, [&] { return running.ended(); }));
    CHECK(running.threw() == "cancelled");
}

TEST_CASE("a systemd that takes the question and never answers is known to be overdue") {
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::Progress progress{clock};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    test::TemporaryDirectory const directory;
    core::OwnedFd const listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (directory / "private").string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 5) == 0);
    core::SystemdHost host{clock,
                           progress,
                           core::Writer<&core::DeviceState::services>{state},
                           core::Log{std::make_shared<test::LogLines>(), "core"},
                           directory.path(),
                           directory / "private"};
    SUBCASE("of a service") {
        host.want({.name = "dns", .argv = {"/bin/true"}, .configuration = ""});
    }
    SUBCASE("of a unit that is observed") {
        host.observe("dns");
    }
    test::Started running{io, host.run()};
    clock.advance(60s);
    CHECK(progress.overdue().empty());
    clock.advance(1s);
    auto const late = progress.overdue();
    REQUIRE(late.size() == 1);
    CHECK(late.at(0).task == "services");
    CHECK(late.at(0).what == "asking systemd for dns");
    running.cancel();
    CHECK(test::happens(io, [&] { return running.ended(); }));
    CHECK(progress.overdue().empty());
}
