#include "net/lan_services.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

using namespace std::chrono_literals;

namespace {

struct RecordingHost final : core::ServiceHost {
    std::vector<core::ServiceSpec> wanted;
    void want(core::ServiceSpec spec) override { wanted.push_back(std::move(spec)); }
    core::Task<void> run() override { co_return; }
};

config::OperatorDocument operator_document() {
    config::OperatorDocument document;
    document.hostname_pattern.value = "gw-{mac}";
    return document;
}

struct World {
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), {}};
    core::Writer<&core::DeviceState::links> links{state};
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    test::TemporaryDirectory directory;
    RecordingHost host;
    net::LanServices services{
        clock, state, host, core::Log{lines, "net"}, operator_document(), device(directory)};
    core::asio::cancellation_signal stop;

    static config::DeviceDocument device(test::TemporaryDirectory const& directory) {
        config::DeviceDocument device;
        device.run.value = directory / "run";
        device.data.value = directory / "data";
        device.set_clock.value = false;
        return device;
    }
    World() {
        core::asio::co_spawn(io, services.run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        clock.settle();
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::all);
        clock.settle();
    }
    void lan_is(std::vector<std::string> addresses, std::string mac) {
        links.change([&](core::Links& all) {
            all.lan.addresses = std::move(addresses);
            all.lan.mac = std::move(mac);
        });
        clock.settle();
    }
    std::string file(std::string const& name) const { return *core::read_file(directory / name, 10'000); }
};

}   // namespace

TEST_CASE_FIXTURE(World, "the services are wanted once the LAN has its address, not before") {
    CHECK(host.wanted.empty());
    lan_is({"10.0.0.1/8"}, "00:11:22:33:44:55");
    CHECK(host.wanted.empty());

    lan_is({"172.20.30.1/24"}, "00:11:22:33:44:55");
    REQUIRE(host.wanted.size() == 2);
    CHECK(host.wanted[0].name == "dnsmasq");
    CHECK(host.wanted[0].argv ==
          std::vector<std::string>{"/usr/sbin/dnsmasq", "-k",
                                   "--conf-file=" + (directory / "run/dnsmasq.conf").string()});
    CHECK(host.wanted[1].argv == std::vector<std::string>{"/usr/sbin/chronyd", "-d", "-u", "root", "-f",
                                                          (directory / "run/chrony.conf").string(), "-x"});
    CHECK(file("run/dnsmasq.conf").find("interface=eth1\n") != std::string::npos);
    CHECK(file("run/dnsmasq-hosts").starts_with("172.20.30.1 gw-001122334455 gw-001122334455.local\n"));
    CHECK(file("run/chrony.conf").find("allow 172.20.30.0/24\n") != std::string::npos);
    CHECK(file("data/lan/last").find(file("run/dnsmasq.conf")) !=
          std::string::npos);   // for a start without us
    auto const mode = std::filesystem::status(directory / "run/chrony").permissions();
    CHECK(mode == std::filesystem::perms{0750});   // chronyd's own condition for its socket
}

TEST_CASE_FIXTURE(World, "another MAC makes other names and so a restart, anything else changes nothing") {
    lan_is({"172.20.30.1/24"}, "00:11:22:33:44:55");
    lan_is({}, "00:11:22:33:44:55");
    lan_is({"172.20.30.1/24"}, "00:11:22:33:44:55");
    CHECK(host.wanted.size() == 2);

    lan_is({"172.20.30.1/24"}, "00:11:22:33:44:66");
    REQUIRE(host.wanted.size() == 4);
    CHECK(host.wanted[2].configuration != host.wanted[0].configuration);
    CHECK(host.wanted[3] == host.wanted[1]);   // chronyd goes on
    CHECK(file("run/dnsmasq-hosts").starts_with("172.20.30.1 gw-001122334466 "));
}

// chronyd takes any process with the number in it for another chronyd, and gives up.
TEST_CASE_FIXTURE(World, "a pid file that a killed chronyd left does not stand in the next one's way") {
    auto const left = directory / "run/chrony/chronyd.pid";
    REQUIRE(core::replace_file(left, "1\n").has_value());
    lan_is({"172.20.30.1/24"}, "00:11:22:33:44:55");
    CHECK(host.wanted.size() == 2);
    CHECK(!std::filesystem::exists(left));
}

TEST_CASE_FIXTURE(World, "the LAN is served although that cannot be kept for a start without this program") {
    std::filesystem::create_directories(directory / "data/lan/last/in the way");
    lan_is({"172.20.30.1/24"}, "00:11:22:33:44:55");
    CHECK(host.wanted.size() == 2);
    CHECK(lines->contains("without this program the lan would be served as before"));
}

TEST_CASE_FIXTURE(World, "a file that cannot be written is reported and tried again") {
    REQUIRE(core::replace_file(directory / "run", "in the way").has_value());
    lan_is({"172.20.30.1/24"}, "00:11:22:33:44:55");
    CHECK(host.wanted.empty());
    CHECK(lines->contains("lan services are not set up, will retry"));

    REQUIRE(core::remove_file(directory / "run").has_value());
    clock.advance(5s);
    CHECK(host.wanted.size() == 2);
}
