#include "health/container_host.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_systemd.hpp"
#include "support/log_lines.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <optional>

using namespace std::chrono_literals;
using core::Phase;
using health::ContainerOwner;
using health::PodmanContainer;
using Names = std::vector<std::string>;

namespace {

// Two systemds, the system's and the app user's, and a podman of each.
struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::TemporaryDirectory directory;
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    core::Progress progress{clock};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    health::AppUser user{.name = "app",
                         .uid = ::geteuid() == 0 ? 880 : ::geteuid(),
                         .gid = ::getegid(),
                         .home = "/nonexistent"};
    std::string uid = std::to_string(user.uid);
    test::FakeSystemd root{io, directory / "rootful"}, own{io, directory / "rootless" / uid};
    health::ContainerHost::Settings settings{.app_user = "app",
                                             .rootful_units = directory / "rootful",
                                             .rootless_units = directory / "rootless",
                                             .data = directory / "data",
                                             .run = directory / "run",
                                             .podman_socket = directory / "podman.sock",
                                             .trial_interval = 5s,
                                             .systemd = directory / "systemd",
                                             .users = directory / "users"};
    std::vector<PodmanContainer> podman{{.name = "systemd-web", .state = "running"},
                                        {.name = "systemd-app", .state = "running", .health = "healthy"}};
    std::optional<core::Error> podman_fails;
    std::vector<int> asked_at_s;   // of root's podman, since the start
    bool has_user = true, has_systemd = true, podman_hangs = false, rootless_podman_fails = false;
    std::optional<health::ContainerHost> host;
    std::optional<test::Started> running;
    core::TimePoint begun = clock.now();

    World() {
        std::filesystem::create_directory(settings.data);
        root.set("podman.socket", "active");
        own.set("podman.socket", "active");
        root.set("network-online.target", "inactive");
    }
    void want(std::string const& name, bool privileged, std::string const& text = "[X]\n") {
        config::ContainerUnit unit;
        unit.name = name;
        unit.privileged = privileged;
        settings.wanted.units.push_back(unit);
        health::QuadletFile file;
        file.owner = privileged ? ContainerOwner::system : ContainerOwner::app_user;
        file.name = name + ".container";
        file.service = name + ".service";
        file.text = text;
        settings.files.push_back(file);
    }
    core::Result<std::unique_ptr<core::Units>> connect(std::filesystem::path const& socket, unsigned owner) {
        bool const is_root = socket == settings.systemd;
        CHECK(owner == (is_root ? 0 : user.uid));
        if (!is_root) CHECK(socket == settings.users / uid / "systemd" / "private");
        if (!has_systemd) return core::fail(core::Errc::unreachable, "nobody listens");
        return (is_root ? root : own).connection();
    }
    core::Task<core::Result<std::vector<PodmanContainer>>> ask(std::filesystem::path socket, unsigned owner) {
        CHECK(owner == (socket == settings.podman_socket ? 0 : user.uid));
        if (socket == settings.podman_socket)
            asked_at_s.push_back(static_cast<int>((clock.now() - begun) / 1s));
        if (podman_hangs) co_await clock.sleep_for(100h);
        if (podman_fails) co_return *podman_fails;
        if (rootless_podman_fails && socket != settings.podman_socket)
            co_return core::fail(core::Errc::unreachable, "nobody listens");
        co_return podman;
    }
    void start() {
        begun = clock.now();
        health::ContainerHost::Acts acts{
            .connect = [this](auto, auto const& socket, auto owner) { return connect(socket, owner); },
            .containers = [this](auto socket, auto owner) { return ask(std::move(socket), owner); },
            .find_user = [this](auto const& name) -> core::Result<health::AppUser> {
                if (!has_user) return core::fail(core::Errc::not_found, "there is no user " + name);
                return user;
            }};
        host.emplace(clock, progress, state, core::Writer<&core::DeviceState::containers>{state},
                     core::Log{log, "containers"}, settings, std::move(acts));
        running.emplace(io, host->run());
        clock.advance(1s);
    }
    void end() {
        running->cancel();
        CHECK(test::happens(io, [&] { return running->ended(); }));
        running.reset();
        host.reset();
    }
    core::Containers const& told() { return state.now().containers; }
    core::Container const& told(std::string const& name) { return told().known.at(name); }
};

}   // namespace

TEST_CASE_FIXTURE(World, "rootful and rootless containers are started and told, each by its own systemd") {
    want("web", true);
    want("app", false);
    settings.wanted.required = {"app"};
    settings.wanted.warnings = {"a warning"};
    start();
    CHECK(root.orders == Names{"reload", "start web.service", "start user@" + uid + ".service",
                               "start network-online.target"});
    CHECK(own.orders == Names{"reload", "start app.service"});
    CHECK(told().applied);
    CHECK(told().errors.empty());
    CHECK(told().warnings == Names{"a warning"});
    CHECK(told("web").rootful);
    CHECK(told("web").unit == "active");
    CHECK(told("web").starts == 1);
    CHECK(told("web").state == "running");
    CHECK(!told("app").rootful);
    CHECK(told("app").required);
    CHECK(told("app").health == "healthy");
    CHECK(std::filesystem::exists(settings.data / "containers" / "users" / uid));
    end();
}

TEST_CASE_FIXTURE(World, "a container that ends is told with its reason, and its next run is counted") {
    want("web", true);
    start();
    auto& unit = root.unit("web.service");
    unit.sub = "auto-restart";
    unit.active = "activating";
    unit.pid = 0;
    unit.code = CLD_EXITED;
    unit.status = 3;
    unit.result = "exit-code";
    root.tell();
    clock.advance(200ms);
    CHECK(told("web").error == "ended with status 3");
    CHECK(told("web").unit == "activating");
    root.set("web.service", "active");
    clock.advance(200ms);
    CHECK(told("web").error.empty());
    CHECK(told("web").starts == 2);
    end();
}

TEST_CASE_FIXTURE(World, "podman is asked every minute, after a change, and in a trial at its interval") {
    want("web", true);
    start();
    clock.advance(120s);
    auto const after_start = asked_at_s;
    CHECK(std::ranges::count_if(after_start, [](int s) { return s > 1; }) == 2);   // at 60 and 120 s
    asked_at_s.clear();
    root.set("web.service", "active");
    clock.advance(1s);
    CHECK(asked_at_s.size() == 1);
    asked_at_s.clear();
    core::Writer<&core::DeviceState::update>{state}.change([](auto& update) { update.phase = Phase::trial; });
    clock.advance(16s);
    CHECK(asked_at_s.size() == 4);   // at once, and three times
    end();
}

TEST_CASE_FIXTURE(World, "a podman that does not answer is told, and its word of before is not kept") {
    want("web", true);
    start();
    podman_fails = core::fail(core::Errc::unreachable, "nobody listens");
    clock.advance(60s);
    CHECK(told().rootful_podman_error == "nobody listens [unreachable]");
    CHECK(told("web").state.empty());
    CHECK(told("web").unit == "active");
    podman_fails.reset();
    clock.advance(60s);
    CHECK(told().rootful_podman_error.empty());
    CHECK(told("web").state == "running");
    end();
}

TEST_CASE_FIXTURE(World, "the socket of podman is started where it is not there") {
    want("web", true);
    root.set("podman.socket", "inactive");
    start();
    CHECK(std::ranges::count(root.orders, "start podman.socket") == 1);
    clock.advance(2s);
    CHECK(told("web").state == "running");
    CHECK(told().rootful_podman_error.empty());
    end();
}

TEST_CASE_FIXTURE(World, "while podman's socket starts, nobody says that podman does not know a container") {
    want("web", true);
    root.set("podman.socket", "inactive");
    root.idle.insert("podman.socket");
    start();
    CHECK(told("web").unit == "active");
    CHECK(told().rootful_podman_error ==
          "podman.socket is not active: systemctl status podman.socket says why");
    end();
}

TEST_CASE_FIXTURE(World, "a podman that is not installed is told") {
    want("web", true);
    root.unit("podman.socket") = {.load = "not-found", .active = "inactive"};
    start();
    CHECK(std::ranges::count(root.orders, "start podman.socket") == 0);
    CHECK(told().rootful_podman_error == "systemd knows no podman.socket: install podman");
    end();
}

TEST_CASE_FIXTURE(World, "what is not wanted any more is stopped and removed, for both owners") {
    want("web", true);
    want("app", false);
    start();
    end();
    settings.wanted = {};
    settings.files.clear();
    root.orders.clear();
    own.orders.clear();
    start();
    CHECK(root.orders == Names{"stop web.service", "reload"});
    CHECK(own.orders == Names{"stop app.service", "reload"});
    CHECK(std::filesystem::is_empty(directory / "rootful"));
    CHECK(std::filesystem::is_empty(directory / "rootless" / uid));
    CHECK(told().applied);
    CHECK(told().known.empty());
    end();
}

TEST_CASE_FIXTURE(World, "what a document does not name that stands in for a refused one goes on running") {
    want("web", true);
    want("app", false);
    start();
    end();
    settings.wanted = {};
    settings.files.clear();
    settings.left_over = health::LeftOver::keep;
    root.orders.clear();
    own.orders.clear();
    root.set("user@" + uid + ".service", "inactive");   // as after a boot
    SUBCASE("it names nothing") {}
    SUBCASE("it names another one") {
        want("db", true);
    }
    start();
    CHECK(std::ranges::none_of(root.orders, [](auto const& order) { return order.starts_with("stop "); }));
    CHECK(std::ranges::count(root.orders, "start user@" + uid + ".service") == 1);
    CHECK(own.orders.empty());
    CHECK(root.unit("web.service").active == "active");
    CHECK(std::filesystem::exists(directory / "rootful" / "web.container"));
    CHECK(std::filesystem::exists(directory / "rootless" / uid / "app.container"));
    CHECK(told().applied);
    CHECK(!told().known.contains("web"));
    end();
}

TEST_CASE_FIXTURE(World,
                  "without an app user the rootful containers run all the same, and the reason is told") {
    want("web", true);
    want("app", false);
    has_user = false;
    start();
    CHECK(told("web").unit == "active");
    CHECK(told("app").error == "not known: there is no user app [not found]");
    CHECK(told().errors == Names{"there is no user app [not found]"});
    CHECK(!told().applied);
    has_user = true;
    clock.advance(60s);
    CHECK(told("app").unit == "active");
    CHECK(told().applied);
    end();
}

TEST_CASE_FIXTURE(World, "rootless containers start the moment that the app user's systemd is up") {
    want("app", false);
    root.starting = {"user@" + uid + ".service"};
    start();
    CHECK(root.orders == Names{"start user@" + uid + ".service", "start network-online.target"});
    CHECK(told("app").error == "not known: user@" + uid + ".service is starting [unreachable]");
    CHECK(!told().applied);
    CHECK(!log->contains("cannot be looked after"));
    clock.advance(25s);   // it may take its time
    CHECK(root.orders.size() == 2);
    root.set("user@" + uid + ".service", "active");
    clock.advance(1s);
    CHECK(told("app").unit == "active");
    CHECK(told().applied);
    end();
}

TEST_CASE_FIXTURE(World, "an app user's systemd that does not start is asked for again, and told") {
    want("app", false);
    root.broken = {"user@" + uid + ".service"};
    start();
    CHECK(told("app").error == "not known: user@" + uid +
                                   ".service does not run yet: systemctl status user@" + uid +
                                   ".service [unreachable]");
    auto const orders = root.orders.size();
    clock.advance(3min);
    CHECK(root.orders.size() > orders + 2);
    CHECK(root.orders.size() < orders + 40);
    root.broken.clear();
    clock.advance(61s);
    CHECK(told("app").unit == "active");
    end();
}

TEST_CASE_FIXTURE(World, "a connection to systemd that ends is made again, and runs are counted on") {
    want("web", true);
    start();
    root.gone = true;
    has_systemd = false;
    root.tell();
    clock.advance(1s);
    CHECK(told("web").error == "not known: nobody listens [unreachable]");
    root.gone = false;
    has_systemd = true;
    clock.advance(60s);
    CHECK(told("web").unit == "active");
    CHECK(told("web").starts == 1);
    CHECK(log->contains("containers cannot be looked after, will retry"));
    end();
}

TEST_CASE_FIXTURE(World, "after a connection to systemd has ended, podman's word is known again within 2 s") {
    want("web", true);
    start();
    clock.advance(10s);
    REQUIRE(told("web").state == "running");
    root.gone = true;
    root.tell();
    clock.advance(200ms);
    CHECK(told("web").state.empty());
    root.gone = false;
    clock.advance(1800ms);
    CHECK(told("web").unit == "active");
    CHECK(told("web").state == "running");
    end();
}

TEST_CASE_FIXTURE(World, "one owner's podman that does not answer excuses nothing of the other's") {
    want("web", true);
    want("app", false);
    rootless_podman_fails = true;
    start();
    CHECK(told().rootful_podman_error.empty());
    CHECK(told().rootless_podman_error == "nobody listens [unreachable]");
    CHECK(told("web").state == "running");
    CHECK(told("app").state.empty());
    end();
}

TEST_CASE_FIXTURE(World, "where nothing is wanted and nothing is left over, nobody is asked") {
    has_systemd = false;
    start();
    clock.advance(2h);
    CHECK(told().applied);
    CHECK(told().errors.empty());
    CHECK(root.orders.empty());
    CHECK(log->lines.empty());
    end();
}

TEST_CASE_FIXTURE(World, "a look that does not end is overdue, a wait for news never is") {
    want("web", true);
    start();
    clock.advance(1h);
    CHECK(progress.overdue().empty());
    podman_hangs = true;
    clock.advance(14min);
    CHECK(progress.overdue().empty());
    clock.advance(3min);
    REQUIRE(progress.overdue().size() == 1);
    CHECK(progress.overdue().front().task == "containers");   // as main.cpp calls it
    end();
    CHECK(progress.overdue().empty());
}
