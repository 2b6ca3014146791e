#include "core/notify.hpp"

#include "core/owned.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>

namespace {

// Where the service manager listens, by the name that $NOTIFY_SOCKET gives.
class Manager {
public:
    explicit Manager(std::string const& name)
        : fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name.copy(address.sun_path, sizeof address.sun_path - 1);
        if (name[0] == '@') address.sun_path[0] = '\0';
        auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        bound_ = ::bind(fd_.get(), reinterpret_cast<sockaddr const*>(&address), length) == 0;
        ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    }
    ~Manager() { ::unsetenv("NOTIFY_SOCKET"); }

    bool bound() const { return bound_; }
    std::string heard() {
        char text[256];
        auto const n = ::recv(fd_.get(), text, sizeof text, 0);
        return n < 0 ? "" : std::string{text, static_cast<std::size_t>(n)};
    }

private:
    core::OwnedFd fd_;
    bool bound_ = false;
};

}   // namespace

TEST_CASE("the service manager hears what it is told at a path") {
    test::TemporaryDirectory const directory;
    Manager manager{(directory / "notify").string()};
    REQUIRE(manager.bound());
    core::notify_service_manager("READY=1\nSTATUS=all well");
    CHECK(manager.heard() == "READY=1\nSTATUS=all well");
    CHECK(manager.heard() == "");
}

TEST_CASE("the service manager hears what it is told at an abstract name") {
    Manager manager{"@atomix-notify-test-" + std::to_string(::getpid())};
    REQUIRE(manager.bound());
    core::notify_service_manager("STOPPING=1");
    CHECK(manager.heard() == "STOPPING=1");
}

TEST_CASE("the watchdog's interval is what the service manager told this very process") {
    struct {
        char const* name;
        char const* microseconds;
        std::string pid;
        std::optional<core::Duration> interval;
    } const cases[] = {{"nobody watches", nullptr, "", std::nullopt},
                       {"this process", "30000000", std::to_string(::getpid()), std::chrono::seconds{30}},
                       {"whoever hears of it", "1500000", "", std::chrono::milliseconds{1500}},
                       {"its parent", "30000000", std::to_string(::getppid()), std::nullopt},
                       {"no number", "often", "", std::nullopt}};
    for (auto const& c : cases) {
        CAPTURE(c.name);
        ::unsetenv("WATCHDOG_PID");
        ::unsetenv("WATCHDOG_USEC");
        if (c.microseconds) ::setenv("WATCHDOG_USEC", c.microseconds, 1);
        if (!c.pid.empty()) ::setenv("WATCHDOG_PID", c.pid.c_str(), 1);
        CHECK(core::watchdog_interval() == c.interval);
    }
    ::unsetenv("WATCHDOG_PID");
    ::unsetenv("WATCHDOG_USEC");
}

TEST_CASE("nothing happens where nobody listens") {
    ::unsetenv("NOTIFY_SOCKET");
    core::notify_service_manager("READY=1");
    for (auto const& nowhere :
         {std::string{}, std::string{"/"}, std::string{"/no/such/socket"}, std::string(200, 'x')}) {
        ::setenv("NOTIFY_SOCKET", nowhere.c_str(), 1);
        core::notify_service_manager("READY=1");
    }
    ::unsetenv("NOTIFY_SOCKET");
}
