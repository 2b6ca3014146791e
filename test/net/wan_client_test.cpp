#include "net/wan_client.hpp"

#include "core/files.hpp"
#include "core/task_group.hpp"
#include "net/network_namespace.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

struct Documents {
    config::OperatorDocument wishes;
    config::DeviceDocument device;

    Documents() {
        device.wan_manager.value = "udhcpc";
        device.udhcpc_script.value = SOURCE_DIRECTORY "/deploy/udhcpc";
    }
    void wish_static_wan(char const* address, char const* gateway) {
        wishes.wan.address.value = *core::parse_cidr(address);
        wishes.wan.gateway.value = core::parse_ipv4(gateway);
    }
};

struct FakeHost final : core::ServiceHost {
    Words wanted;
    void want(core::ServiceSpec spec) override { wanted.push_back(spec.name); }
    core::Task<void> run() override { co_return; }
};

// The script itself, in a namespace of its own.
struct World : Documents {
    test::NetworkNamespace space;
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    test::TemporaryDirectory directory;
    core::StateBus state{io.get_executor(), {}};
    core::Writer<&core::DeviceState::links> links{state};
    std::shared_ptr<test::LogLines> log = std::make_shared<test::LogLines>();
    FakeHost host;
    core::SystemProcesses processes;

    World() {
        device.resolv_conf.value = directory / "resolv.conf";
        space.shell("ip link add eth0 type veth peer name wan0 && ip link set wan0 up");
    }
    void wan_is(Words addresses) {
        links.change(
            [&](core::Links& all) { all.wan = {.name = "eth0", .present = true, .addresses = addresses}; });
    }
    std::string resolv_conf() const {
        auto const text = core::read_file(*device.resolv_conf, 1000);
        return text ? *text : "";
    }
    net::WanClient make() {
        return {clock,
                state,
                host,
                processes,
                core::Writer<&core::DeviceState::network>{state},
                {log, "network"},
                net::wan_orders(wishes, device)};
    }
};

}   // namespace

TEST_CASE_FIXTURE(Documents, "without a wish the WAN has a DHCP client that writes the name servers") {
    auto const orders = net::wan_orders(wishes, device);
    CHECK(orders.fixed.empty());
    REQUIRE(orders.clients.size() == 1);
    CHECK(orders.clients[0].client.name == "udhcpc-eth0");
    CHECK(orders.clients[0].client.argv == Words{"/usr/bin/env", "ATOMIX_METRIC=0",
                                                 "RESOLV_CONF=/etc/resolv.conf", "/usr/bin/busybox", "udhcpc",
                                                 "-f", "-i", "eth0", "-s", SOURCE_DIRECTORY "/deploy/udhcpc",
                                                 "-t", "5", "-T", "2", "-A", "10"});
}

TEST_CASE_FIXTURE(Documents, "wishes are handed to the script, and a further interface comes after the WAN") {
    wishes.wan.gateway.value = *core::parse_ipv4("192.0.2.1");
    wishes.wan.dns_servers.value = {"1.1.1.1", "9.9.9.9"};
    config::InterfaceWish further{.name = "eth2"};
    further.address.value = *core::parse_cidr("198.51.100.2/24");
    further.gateway.value = *core::parse_ipv4("198.51.100.1");
    further.dns_servers.value = {"198.51.100.53"};
    further.search_domains.value = {"plant", "lab"};
    wishes.further = {further};
    auto const orders = net::wan_orders(wishes, device);
    REQUIRE(orders.clients.size() == 1);
    auto const& argv = orders.clients[0].client.argv;
    CHECK(Words(argv.begin(), argv.begin() + 7) ==
          Words{"/usr/bin/env", "ATOMIX_METRIC=0", "ATOMIX_GATEWAY=192.0.2.1", "RESOLV_CONF=/etc/resolv.conf",
                "ATOMIX_DNS=1.1.1.1 9.9.9.9", "ATOMIX_MORE_DNS=198.51.100.53", "ATOMIX_SEARCH=plant lab"});
    REQUIRE(orders.fixed.size() == 1);
    CHECK(orders.fixed[0].address == "198.51.100.2/24");
    CHECK(orders.fixed[0].argv == Words{"/usr/bin/env", "ATOMIX_METRIC=2048", "ATOMIX_GATEWAY=198.51.100.1",
                                        "interface=eth2", "ip=198.51.100.2", "mask=24",
                                        SOURCE_DIRECTORY "/deploy/udhcpc", "static"});
}

TEST_CASE_FIXTURE(Documents, "wishes that nobody acts on are said to be without effect") {
    CHECK(net::first_setup(wishes, device) == core::NetworkSetup{});
    device.wan_manager.value = "none";
    CHECK(net::first_setup(wishes, device).applied);
    wishes.wan.dns_servers.value = {"1.1.1.1"};
    CHECK_FALSE(net::first_setup(wishes, device).applied);
    CHECK(net::first_setup(wishes, device).error.find("interfaces.manager is none") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "a static WAN has its address and no other, its route and its name servers") {
    wish_static_wan("192.0.2.10/24", "192.0.2.1");
    wishes.wan.dns_servers.value = {"1.1.1.1"};
    wishes.wan.search_domains.value = {"lab"};
    auto client = make();
    space.shell(
        "ip link set eth0 up && ip addr add 192.0.2.9/24 dev eth0 && ip addr add 10.1.1.1/8 dev eth0 && "
        "ip route add default via 192.0.2.254");
    wan_is({"192.0.2.9/24", "10.1.1.1/8"});
    core::TaskGroup tasks{io.get_executor()};
    tasks.start(client.run());
    CHECK(test::happens(io, [&] { return state.now().network.applied; }));
    test::run_task(io, tasks.end_all());
    CHECK(space.succeeds("test \"$(ip -4 -o addr show dev eth0 | awk '{print $4}')\" = 192.0.2.10/24"));
    CHECK(space.succeeds("test \"$(ip -4 route show default | awk '{print $3}')\" = 192.0.2.1"));
    CHECK(resolv_conf() == "search lab\nnameserver 1.1.1.1\n");
    CHECK(host.wanted.empty());
}

TEST_CASE_FIXTURE(World, "an address that is lost is set again, and one that cannot be set is tried again") {
    wish_static_wan("192.0.2.10/24", "192.0.2.1");
    auto client = make();
    core::TaskGroup tasks{io.get_executor()};
    tasks.start(client.run());
    auto const has_address = [&] {
        return space.succeeds("ip -4 addr show dev eth0 | grep -q 192.0.2.10/24");
    };
    wan_is({});
    CHECK(test::happens(io, has_address));
    wan_is({"192.0.2.10/24"});
    space.shell("ip addr flush dev eth0");
    wan_is({});
    CHECK(test::happens(io, has_address));
    CHECK(test::happens(io, [&] { return state.now().network.applied; }));

    space.shell("ip link del eth0");
    wan_is({"10.0.0.1/8"});
    CHECK(test::happens(io, [&] { return !state.now().network.error.empty(); }));
    CHECK(log->contains("a static address is not set, will retry"));
    space.shell("ip link add eth0 type veth peer name wan0");
    clock.advance(10s);
    CHECK(test::happens(io, has_address));
    test::run_task(io, tasks.end_all());
}

TEST_CASE_FIXTURE(World, "a route that went when the interface was down is back with the carrier") {
    wish_static_wan("192.0.2.10/24", "192.0.2.1");
    auto client = make();
    core::TaskGroup tasks{io.get_executor()};
    tasks.start(client.run());
    auto const carrier_is = [&](bool carrier) {
        links.change([&](auto& all) { all.wan.carrier = carrier; });
    };
    auto const has_route = [&] { return space.succeeds("ip -4 route show default | grep -q 192.0.2.1"); };
    auto const times_set = [&] {
        return std::ranges::count_if(
            log->lines, [](auto const& line) { return line.find("static address set") != line.npos; });
    };
    wan_is({"192.0.2.10/24"});
    CHECK(test::happens(io, [&] { return times_set() == 1 && state.now().network.applied; }));
    carrier_is(true);   // for the first time: nothing has gone
    clock.settle();
    CHECK(has_route());
    space.shell("ip link set eth0 down && ip link set eth0 up");   // the address stays
    CHECK(!has_route());
    carrier_is(false);
    clock.settle();
    CHECK(times_set() == 1);
    carrier_is(true);
    CHECK(test::happens(io, has_route));
    CHECK(test::happens(io, [&] { return times_set() == 2; }));
    test::run_task(io, tasks.end_all());
}

TEST_CASE_FIXTURE(World, "a client is started once, when its interface is there") {
    wishes.further = {config::InterfaceWish{.name = "eth2"}};
    auto client = make();
    core::TaskGroup tasks{io.get_executor()};
    tasks.start(client.run());
    wan_is({});
    CHECK(test::happens(io, [&] { return host.wanted == Words{"udhcpc-eth0"}; }));
    links.change([](core::Links& all) { all.further = {{.name = "eth2", .present = false}}; });
    clock.settle();
    CHECK(host.wanted == Words{"udhcpc-eth0"});
    links.change([](core::Links& all) { all.further[0].present = true; });
    CHECK(test::happens(io, [&] { return host.wanted == Words{"udhcpc-eth0", "udhcpc-eth2"}; }));
    wan_is({"10.99.0.50/24"});
    clock.settle();
    CHECK(host.wanted.size() == 2);
    test::run_task(io, tasks.end_all());
}
