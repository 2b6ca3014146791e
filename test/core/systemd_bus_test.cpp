#include "core/systemd_bus.hpp"

#include "support/run_task.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>

// What a real systemd says is test/system/service_host_test.cpp's; here are peers that are none.

using core::SystemdBus;

namespace {

// Listens where a manager would.
struct World {
    core::asio::io_context io;
    test::TemporaryDirectory directory;
    std::filesystem::path socket = directory / "private";
    core::OwnedFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    World() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener.get(), 5) == 0);
    }
    core::OwnedFd accept() {
        return core::OwnedFd{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "where nobody listens there is no connection, and the error says where") {
    auto const bus = SystemdBus::open(io.get_executor(), directory / "absent");
    REQUIRE(!bus.has_value());
    CHECK(bus.error().text() ==
          "connecting to systemd at " + (directory / "absent").string() + " [No such file or directory]");
}

TEST_CASE_FIXTURE(World, "a peer that hangs up ends what is asked") {
    auto bus = SystemdBus::open(io.get_executor(), socket);
    REQUIRE(bus.has_value());
    REQUIRE(bus->watch("a-b.service").has_value());
    { auto const peer = accept(); }
    auto const state = test::run_task(io, bus->state("a-b.service"));
    REQUIRE(!state.has_value());
    CHECK(state.error().text() ==
          "systemd does not answer: Connection terminated; while asking for the state "
          "of a-b.service [unreachable]");
    CHECK(!test::run_task(io, bus->changed()).has_value());
}

TEST_CASE_FIXTURE(World, "what talks nonsense is no systemd") {
    auto bus = SystemdBus::open(io.get_executor(), socket);
    REQUIRE(bus.has_value());
    auto const peer = accept();
    REQUIRE(::send(peer.get(), "ERROR\r\nNO\r\n", 11, 0) == 11);
    CHECK(!test::run_task(io, bus->start("a.service")).has_value());
    CHECK(!test::run_task(io, bus->stop("a.service")).has_value());
    CHECK(!test::run_task(io, bus->reload()).has_value());
}

TEST_CASE_FIXTURE(World, "a question that is not answered can be given up") {
    auto bus = SystemdBus::open(io.get_executor(), socket);
    REQUIRE(bus.has_value());
    auto const peer = accept();
    {
        test::Started asking{
            io, [](SystemdBus& to) -> core::Task<void> { (void)co_await to.state("a.service"); }(*bus)};
        io.poll();
        CHECK(!asking.ended());
        asking.cancel();
        CHECK(test::happens(io, [&] { return asking.ended(); }));
        CHECK(asking.threw() == "cancelled");
    }
}
