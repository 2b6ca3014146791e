#include "health/container_units.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_systemd.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using health::ContainerUnits;
using health::QuadletFile;
using Kind = config::ContainerUnitKind;
using Names = std::vector<std::string>;

namespace {

QuadletFile container(std::string const& name, std::string const& text = "[X]\n") {
    QuadletFile made;
    made.kind = Kind::container;
    made.name = name + ".container";
    made.service = name + ".service";
    made.text = text;
    return made;
}

struct World {
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::TemporaryDirectory directory;
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    test::FakeSystemd systemd{io, directory / "units"};
    std::unique_ptr<core::Units> bus = systemd.connection();

    ContainerUnits make(std::vector<QuadletFile> wanted) {
        return {clock, core::Log{log, "containers"}, std::move(wanted)};
    }
    core::Result<void> look(ContainerUnits& units) {
        ContainerUnits::Places places{
            .files = directory / "units", .unread = directory / "unread", .readers = {}};
        return test::run_task(io, units.look(*bus, std::move(places)));
    }
    std::string text(std::string const& name) {
        auto const read = core::read_file(directory / "units" / name, 1000);
        return read ? *read : "";
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "new containers are written together, read once, and all asked for at once") {
    auto units = make({container("web"), container("db")});
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start web.service", "start db.service"});
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders().empty());
    CHECK(units.as_wanted());
    CHECK(units.errors().empty());
    CHECK(!units.next());
}

TEST_CASE_FIXTURE(World, "another document stops, writes and starts what changed, and nothing else") {
    auto before = make({container("web"), container("db"), container("old")});
    REQUIRE(look(before).has_value());
    auto const run = systemd.unit("db.service").invocation;
    systemd.take_orders();

    auto after = make({container("web", "[Y]\n"), container("db")});
    REQUIRE(look(after).has_value());
    CHECK(systemd.take_orders() == Names{"stop old.service", "stop web.service"});
    CHECK(!after.as_wanted());
    CHECK(text("web.container").ends_with("\n[X]\n"));
    REQUIRE(look(after).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start web.service"});
    REQUIRE(look(after).has_value());
    CHECK(after.as_wanted());
    CHECK(text("web.container").ends_with("\n[Y]\n"));
    CHECK(text("old.container").empty());
    CHECK(systemd.unit("db.service").invocation == run);
}

TEST_CASE_FIXTURE(World, "a service that takes its time to end holds up its own file only") {
    auto before = make({container("web"), container("db")});
    REQUIRE(look(before).has_value());
    systemd.take_orders();
    systemd.slow = {"web.service"};

    auto after = make({container("web", "[Y]\n"), container("db", "[Y]\n")});
    for (int i = 0; i < 3; ++i) REQUIRE(look(after).has_value());
    CHECK(systemd.take_orders() ==
          Names{"stop web.service", "stop db.service", "reload", "start db.service"});
    CHECK(!after.as_wanted());
    systemd.end("web.service");
    REQUIRE(look(after).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start web.service"});
    CHECK(after.as_wanted());
}

TEST_CASE_FIXTURE(World, "a program that died before systemd had read its files has it read them") {
    auto units = make({container("web")});
    REQUIRE(look(units).has_value());
    systemd.take_orders();
    REQUIRE(core::replace_file(directory / "unread", "").has_value());
    auto next = make({container("web")});
    REQUIRE(look(next).has_value());
    CHECK(systemd.take_orders() == Names{"reload"});
    CHECK(!std::filesystem::exists(directory / "unread"));
}

TEST_CASE_FIXTURE(World, "a unit that does not come up is asked for after 1, 2, 4 … 60 s") {
    systemd.broken = {"web.service"};
    auto units = make({container("web")});
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start web.service"});
    for (auto const pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        CAPTURE(pause.count());
        clock.advance(pause - 1ms);
        REQUIRE(look(units).has_value());
        CHECK(systemd.take_orders().empty());
        REQUIRE(units.next().has_value());
        CHECK(*units.next() - clock.now() == 1ms);
        clock.advance(1ms);
        REQUIRE(look(units).has_value());
        CHECK(systemd.take_orders() == Names{"start web.service"});
    }
}

TEST_CASE_FIXTURE(World, "a unit that was up for a minute is started again after a second") {
    auto units = make({container("web")});
    REQUIRE(look(units).has_value());
    clock.advance(61s);
    REQUIRE(look(units).has_value());
    systemd.end("web.service");
    systemd.take_orders();
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"start web.service"});
}

TEST_CASE_FIXTURE(World, "what systemd refuses is told in its words, until it is done") {
    systemd.refusals["start web.service"] = "Transaction is destructive.";
    auto units = make({container("web")});
    REQUIRE(look(units).has_value());
    CHECK(units.errors() == Names{"web.service: Transaction is destructive. [refused]"});
    CHECK(log->contains("containers are not as wanted why=\"web.service: Transaction"));
    systemd.refusals.clear();
    clock.advance(1s);
    REQUIRE(look(units).has_value());
    REQUIRE(look(units).has_value());
    CHECK(units.errors().empty());
}

TEST_CASE_FIXTURE(World,
                  "a file that the generator makes nothing of is told, and read again ever more seldom") {
    systemd.without_unit = {"web.service"};
    auto units = make({container("web")});
    for (int i = 0; i < 3; ++i) REQUIRE(look(units).has_value());
    CHECK(units.errors() ==
          Names{"systemd has made no web.service: /usr/libexec/podman/quadlet -dryrun says why"});
    CHECK(!units.as_wanted());
    CHECK(systemd.take_orders() == Names{"reload", "reload"});
    systemd.without_unit.clear();
    clock.advance(1s);
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start web.service"});
    CHECK(units.errors().empty());
}

TEST_CASE_FIXTURE(World, "a stop that is refused is told and asked for ever more seldom, until it is taken") {
    auto before = make({container("web")});
    REQUIRE(look(before).has_value());
    systemd.take_orders();
    systemd.refusals["stop web.service"] = "Operation refused.";
    auto units = make({});
    for (auto const pause : {0s, 1s, 2s, 4s, 8s}) {
        CAPTURE(pause.count());
        if (pause > 0s) {
            clock.advance(pause - 1ms);
            REQUIRE(look(units).has_value());
            CHECK(systemd.take_orders().empty());
            REQUIRE(units.next().has_value());
            CHECK(*units.next() - clock.now() == 1ms);
            clock.advance(1ms);
        }
        REQUIRE(look(units).has_value());
        CHECK(systemd.take_orders() == Names{"stop web.service"});
        CHECK(units.errors() == Names{"web.service: Operation refused. [refused]"});
    }
    systemd.refusals.clear();
    clock.advance(16s);
    REQUIRE(look(units).has_value());
    CHECK(units.errors().empty());
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"stop web.service", "reload"});
    CHECK(units.as_wanted());
    CHECK(!units.next());
}

TEST_CASE_FIXTURE(World, "a refused stop is forgotten when somebody else has brought it about") {
    auto before = make({container("web")});
    REQUIRE(look(before).has_value());
    systemd.refusals["stop web.service"] = "Operation refused.";
    auto units = make({});
    REQUIRE(look(units).has_value());
    CHECK(units.errors().size() == 1);
    systemd.end("web.service");
    REQUIRE(look(units).has_value());
    CHECK(units.errors().empty());
    CHECK(units.as_wanted());
}

TEST_CASE_FIXTURE(World, "a file that the generator never makes a unit of is given up until it changes") {
    systemd.without_unit = {"web.service"};
    auto units = make({container("web"), container("db")});
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() ==
          Names{"reload", "reload", "start db.service"});   // with the new file, and once more
    for (auto const pause : {1s, 2s, 4s, 8s, 16s}) {
        clock.advance(pause);
        REQUIRE(look(units).has_value());
        CHECK(systemd.take_orders() == Names{"reload"});
    }
    CHECK(!units.next());
    clock.advance(24h);
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders().empty());
    CHECK(units.errors() == Names{"systemd has made no web.service: /usr/libexec/podman/quadlet -dryrun "
                                  "says why; systemd is not asked again before its file changes"});
    CHECK(!units.as_wanted());

    auto const written = text("web.container");
    auto const line = written.find('\n');
    REQUIRE(core::replace_file(directory / "units" / "web.container", written.substr(0, line) + "\n[Z]\n"));
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "reload"});
    systemd.without_unit.clear();
    clock.advance(1s);
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start web.service"});
    CHECK(units.errors().empty());
    CHECK(units.as_wanted());
}

TEST_CASE_FIXTURE(World, "a network, volume or build that failed is an error") {
    QuadletFile disk;
    disk.kind = Kind::volume;
    disk.name = "data.volume";
    disk.service = "data-volume.service";
    systemd.broken = {"data-volume.service"};
    systemd.unit("data-volume.service").result = "exit-code";
    auto units = make({disk});
    REQUIRE(look(units).has_value());
    REQUIRE(look(units).has_value());
    CHECK(units.errors() == Names{"data-volume.service failed, exit-code: its journal says why"});
}

TEST_CASE_FIXTURE(World, "a build that is done is not built again, until it is wanted otherwise") {
    auto image = container("site");
    image.kind = Kind::build;
    image.name = "site.build";
    image.service = "site-build.service";
    auto units = make({image});
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start site-build.service"});
    REQUIRE(look(units).has_value());
    systemd.end("site-build.service");
    clock.advance(10min);
    REQUIRE(look(units).has_value());
    systemd.unit("site-build.service").invocation.clear();   // forgotten
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders().empty());

    systemd.unit("site-build.service").invocation = "run-1";
    auto next = make({image});   // another process
    REQUIRE(look(next).has_value());
    CHECK(systemd.take_orders().empty());
    image.text = "[Y]\n";
    auto other = make({image});
    REQUIRE(look(other).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start site-build.service"});
}

TEST_CASE_FIXTURE(World, "files that cannot be written are told and tried again") {
    REQUIRE(core::replace_file(directory / "units", "in the way").has_value());
    auto units = make({container("web")});
    CHECK(!look(units).has_value());   // listing it fails
    REQUIRE(core::remove_file(directory / "units").has_value());
    REQUIRE(look(units).has_value());
    CHECK(systemd.take_orders() == Names{"reload", "start web.service"});
}

TEST_CASE_FIXTURE(World, "a systemd that is gone ends the look") {
    auto units = make({container("web")});
    systemd.gone = true;
    auto const looked = look(units);
    REQUIRE(!looked.has_value());
    CHECK(looked.error().is(core::Errc::unreachable));
}
