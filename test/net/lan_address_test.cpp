#include "net/lan_address.hpp"

#include "core/ipv4.hpp"
#include "net/network_namespace.hpp"
#include "net/route_socket.hpp"
#include "support/run_task.hpp"

using net::AddressChange;
using Kind = net::AddressChange::Kind;

namespace {

constexpr core::Cidr kWanted{{0xac141e01}, 24};   // 172.20.30.1/24

net::LinkTable::Entry lan_with(std::vector<std::string> const& addresses, bool up = true) {
    net::LinkTable::Entry lan{.link = {.index = 3, .name = "eth1", .mac = {}, .up = up}, .addresses = {}};
    for (auto const& text : addresses)
        lan.addresses.push_back(
            {.index = 3, .cidr = *core::parse_cidr(text), .global = !text.starts_with("169.254")});
    return lan;
}

// What the kernel has now.
core::Task<net::LinkTable> read_table() {
    net::LinkTable table;
    auto socket = net::RouteSocket::open(co_await core::asio::this_coro::executor);
    REQUIRE(socket.has_value());
    REQUIRE(socket->request_links().has_value());
    for (int ends = 0; ends < 2;) {
        auto const events = co_await socket->next();
        REQUIRE(events.has_value());
        for (auto const& event : *events) {
            if (auto const* link = std::get_if<net::LinkEvent>(&event)) table.apply(*link);
            if (auto const* address = std::get_if<net::AddressEvent>(&event)) table.apply(*address);
            if (std::holds_alternative<net::DumpEnd>(event) && ++ends == 1)
                REQUIRE(socket->request_addresses().has_value());
        }
    }
    co_return table;
}

std::vector<std::string> addresses_of(net::LinkTable const& table, std::string_view name) {
    std::vector<std::string> all;
    auto const found = table.find(name);
    REQUIRE(found.has_value());
    for (auto const& address : found->addresses) all.push_back(core::print(address.cidr));
    return all;
}

}   // namespace

TEST_CASE("the LAN interface is set up, gets its address first, and only then loses others") {
    using Changes = std::vector<AddressChange>;
    auto const old = *core::parse_cidr("172.20.30.9/24");
    struct {
        char const* name;
        net::LinkTable::Entry lan;
        Changes want;
    } const cases[] = {
        {"as wanted", lan_with({"172.20.30.1/24"}), {}},
        {"bare", lan_with({}), {{Kind::add, kWanted}}},
        {"down and bare", lan_with({}, false), {{Kind::set_up}, {Kind::add, kWanted}}},
        {"another one",
         lan_with({"172.20.30.9/24"}),
         {{Kind::add, kWanted}, {Kind::remove, old}, {Kind::add, kWanted}}},
        {"one too many",
         lan_with({"172.20.30.9/24", "172.20.30.1/24"}),
         {{Kind::remove, old}, {Kind::add, kWanted}}},
        {"a link-local one stays", lan_with({"169.254.3.4/16", "172.20.30.1/24"}), {}},
        {"another prefix is another address",
         lan_with({"172.20.30.1/16"}),
         {{Kind::add, kWanted}, {Kind::remove, *core::parse_cidr("172.20.30.1/16")}, {Kind::add, kWanted}}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(net::address_changes(c.lan, kWanted) == c.want);
    }
}

TEST_CASE(
    "the kernel ends with exactly the wanted address, also where an older one of the same network goes") {
    test::NetworkNamespace const space;
    core::asio::io_context io{1};
    space.shell("ip link add eth1 type veth peer name lan0");
    space.shell("ip addr add 172.20.30.9/24 dev eth1 && ip addr add 10.1.2.3/8 dev eth1");
    net::LanAddress const address{kWanted};

    auto const before = test::run_task(io, read_table());
    REQUIRE(address.ensure(*before.find("eth1")).has_value());
    auto const after = test::run_task(io, read_table());
    CHECK(addresses_of(after, "eth1") == std::vector<std::string>{"172.20.30.1/24"});
    CHECK(after.find("eth1")->link.up);
    CHECK(space.succeeds("ip -4 addr show dev eth1 | grep 'brd 172.20.30.255'"));

    // Told the old facts once more, it does no harm.
    REQUIRE(address.ensure(*before.find("eth1")).has_value());
    CHECK(addresses_of(test::run_task(io, read_table()), "eth1") ==
          std::vector<std::string>{"172.20.30.1/24"});
}

TEST_CASE("no route of another interface takes the LAN's traffic, however narrow it is") {
    test::NetworkNamespace const space;
    core::asio::io_context io{1};
    space.shell("ip link add eth1 type veth peer name lan0 && ip link add eth0 type veth peer name wan0");
    space.shell("ip link set lan0 up && ip link set wan0 up && ip link set eth0 up");
    net::LanAddress const address{kWanted};
    REQUIRE(address.ensure(*test::run_task(io, read_table()).find("eth1")).has_value());

    // What a DHCP server on the WAN can bring: an address of the LAN's network, routes of its own, a gateway.
    space.shell("ip addr add 172.20.30.130/25 dev eth0 && ip route add 172.20.30.0/26 dev eth0");
    space.shell("ip route add 172.20.30.7 dev eth0 && ip route add default dev eth0");
    auto const goes_by = [&](std::string const& to, std::string const& interface) {
        return space.succeeds("ip route get " + to + " | grep 'dev " + interface + " '");
    };
    for (auto const* const host : {"172.20.30.7", "172.20.30.20", "172.20.30.100", "172.20.30.200"})
        CHECK_MESSAGE(goes_by(std::string{host} + " from 172.20.30.1", "eth1"), host);
    CHECK(space.succeeds("ip route get 172.20.30.200 | grep 'src 172.20.30.1 '"));
    CHECK(goes_by("192.0.2.1", "eth0"));

    SUBCASE("what is there is not put once more") {
        auto const count = "test $(ip rule | grep -c 172) = 1 && test $(ip route show table 172 | wc -l) = 1";
        CHECK(space.succeeds(count));
        REQUIRE(address.ensure(*test::run_task(io, read_table()).find("eth1")).has_value());
        CHECK(space.succeeds(count));
    }
    SUBCASE("an earlier network of the LAN is the WAN's again") {
        net::LanAddress const narrower{{{0xac141e01}, 26}};   // the same address
        REQUIRE(narrower.ensure(*test::run_task(io, read_table()).find("eth1")).has_value());
        CHECK(goes_by("172.20.30.20", "eth1"));
        CHECK(goes_by("172.20.30.200", "eth0"));
        net::LanAddress const moved{{{0x0a2c0001}, 24}};
        REQUIRE(moved.ensure(*test::run_task(io, read_table()).find("eth1")).has_value());
        CHECK(goes_by("10.44.0.9", "eth1"));
        CHECK(goes_by("172.20.30.20", "eth0"));
    }
}

TEST_CASE("a change that the kernel refuses is named") {
    test::NetworkNamespace const space;
    net::LanAddress const address{kWanted};
    auto lan = lan_with({});
    lan.link.index = 4711;   // no such interface
    auto const refused = address.ensure(lan);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().context == "adding 172.20.30.1/24 to eth1");
    CHECK(refused.error().code == boost::system::errc::no_such_device);
}
