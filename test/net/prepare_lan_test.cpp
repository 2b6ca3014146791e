#include "net/prepare_lan.hpp"

#include "core/files.hpp"
#include "net/network_namespace.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

namespace {

struct World {
    test::TemporaryDirectory directory;
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    config::OperatorDocument document;
    config::DeviceDocument device;

    World() {
        document.lan.value = *core::parse_cidr("10.44.0.1/24");
        document.dhcp_start.value = *core::parse_ipv4("10.44.0.10");
        document.dhcp_end.value = *core::parse_ipv4("10.44.0.99");
        device.run.value = directory / "run";
        device.data.value = directory / "data";
    }
    core::Result<void> prepare() {
        core::asio::io_context io{1};
        return test::run_task(io, net::prepare_lan(document, device, core::Log{lines, "lan"}));
    }
    std::string file(std::string const& name) const {
        auto const text = core::read_file(directory / name, 100'000);
        return text ? *text : "";
    }
};

}   // namespace

TEST_CASE("what was served last is one text, each part with its name") {
    CHECK(net::print_last(*core::parse_cidr("10.44.0.1/24"),
                          {.dnsmasq_config = "a\nb\n", .dnsmasq_hosts = "", .chrony_config = "c\n"}) ==
          "== address\n10.44.0.1/24\n== dnsmasq.conf\na\nb\n== dnsmasq-hosts\n== chrony.conf\nc\n== end\n");
}

TEST_CASE_FIXTURE(World,
                  "the LAN is prepared: link up, the document's address, the services' files, and all kept") {
    test::NetworkNamespace const own;
    own.shell("ip link add eth1 address 02:00:00:00:00:01 type veth peer name lan0");
    REQUIRE(prepare().has_value());
    CHECK(own.succeeds("ip -4 address show dev eth1 up | grep 'inet 10.44.0.1/24 brd 10.44.0.255 '"));
    CHECK(file("run/dnsmasq.conf").find("dhcp-range=10.44.0.10,10.44.0.99,") != std::string::npos);
    CHECK(file("run/dnsmasq-hosts").starts_with("10.44.0.1 atomixos "));
    CHECK(file("run/chrony.conf").find("allow 10.44.0.0/24\n") != std::string::npos);
    CHECK(file("data/lan/last") ==
          net::print_last(*document.lan,
                          {file("run/dnsmasq.conf"), file("run/dnsmasq-hosts"), file("run/chrony.conf")}));

    // Once more, with a name that needs the interface's MAC: nothing to set, one file to change.
    document.hostname_pattern.value = "gw-{mac}";
    REQUIRE(prepare().has_value());
    CHECK(file("run/dnsmasq-hosts").starts_with("10.44.0.1 gw-020000000001 "));
    CHECK(file("data/lan/last").find("gw-020000000001") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "an interface that is not there yet is no error, the files are there for it") {
    test::NetworkNamespace const own;
    REQUIRE(prepare().has_value());
    CHECK(!file("run/dnsmasq.conf").empty());
    CHECK(lines->contains("lan services are prepared, the interface is not there yet"));
}

TEST_CASE_FIXTURE(World, "files that cannot be written are an error, so that what was kept is served") {
    test::NetworkNamespace const own;
    own.shell("ip link add eth1 type veth peer name lan0");
    REQUIRE(core::replace_file(directory / "run", "in the way").has_value());
    CHECK(!prepare().has_value());
    CHECK(!own.succeeds("ip -4 address show dev eth1 | grep inet"));
}

TEST_CASE_FIXTURE(World, "what is kept already is not written again") {
    test::NetworkNamespace const own;
    REQUIRE(prepare().has_value());
    auto const last = directory / "data/lan/last";
    auto const then = std::filesystem::last_write_time(last) - std::chrono::hours{1};
    std::filesystem::last_write_time(last, then);
    REQUIRE(prepare().has_value());
    CHECK(std::filesystem::last_write_time(last) == then);
}

TEST_CASE_FIXTURE(World, "networkd's files are written where networkd has the WAN, and only there") {
    test::NetworkNamespace const own;
    device.networkd.value = directory / "network";
    REQUIRE(prepare().has_value());
    CHECK(!std::filesystem::exists(directory / "network"));

    device.wan_manager.value = "networkd";
    document.wan.address.value = *core::parse_cidr("192.0.2.10/24");
    REQUIRE(prepare().has_value());
    CHECK(file("network/05-atomix-eth0.network").find("\nAddress=192.0.2.10/24\n") != std::string::npos);
    CHECK(file("network/05-atomix-eth1.network").find("\nUnmanaged=true\n") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "the LAN is prepared although the WAN's files cannot be written") {
    test::NetworkNamespace const own;
    own.shell("ip link add eth1 type veth peer name lan0");
    device.wan_manager.value = "networkd";
    device.networkd.value = directory / "network";
    REQUIRE(core::replace_file(directory / "network", "in the way").has_value());
    REQUIRE(prepare().has_value());
    CHECK(own.succeeds("ip -4 address show dev eth1 | grep 'inet 10.44.0.1/24'"));
    CHECK(lines->contains("the wan is not as the operator wishes until networkd's files can be written"));
}
