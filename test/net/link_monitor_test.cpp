#include "net/link_monitor.hpp"

#include "net/network_namespace.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/started.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

using namespace std::chrono_literals;
using Entry = net::LinkTable::Entry;

namespace {

std::optional<Entry> interface(int index, bool carrier) {
    Entry entry{.link = {.index = index, .name = "eth0", .mac = {}, .up = true, .carrier = carrier},
                .addresses = {}};
    return entry;
}

// Tells whether anything was ever watched.
struct Witness final : core::Clock {
    explicit Witness(core::asio::io_context& io) : clock{io} {}
    core::TimePoint now() const override {
        ++asked;
        return clock.now();
    }
    core::WallTime wall_now() const override { return clock.wall_now(); }
    core::Task<void> sleep_until(core::TimePoint when) override { return clock.sleep_until(when); }

    test::FakeClock clock;
    mutable int asked = 0;
};

struct World {
    test::NetworkNamespace space;
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), {}};
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    Witness witness{io};
    core::Progress progress{witness};
    net::LinkMonitor monitor{clock,
                             progress,
                             core::Writer<&core::DeviceState::links>{state},
                             core::Log{lines, "net"},
                             "eth0",
                             "eth1",
                             {{0xac141e01}, 24},
                             {"eth2"}};
    core::asio::cancellation_signal stop;
    bool ended = false;

    World() {
        core::asio::co_spawn(
            io, monitor.run(),
            core::asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr) { ended = true; }));
        REQUIRE(happens([&](auto const& links) { return links.lan.name == "eth1"; }));
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::all);
        test::happens(io, [&] { return ended; });
    }

    template <class Condition> bool happens(Condition is_so) {
        return test::happens(io, [&] { return is_so(state.now().links); });
    }
    std::vector<std::string> const kLanAddress{"172.20.30.1/24"};
};

}   // namespace

TEST_CASE("a carrier is down at once, and up after it has held for two seconds") {
    net::CarrierHold hold;
    core::TimePoint const start{1h};

    hold = hold.after(interface(2, true), start);
    CHECK_FALSE(hold.is_up(start + 1999ms));
    CHECK(hold.wake_at(start + 1s) == start + 2s);
    CHECK(hold.is_up(start + 2s));
    CHECK_FALSE(hold.wake_at(start + 2s));

    hold = hold.after(interface(2, true), start + 5s);   // told again, nothing new
    CHECK(hold.is_up(start + 5s));

    hold = hold.after(interface(2, false), start + 6s);
    CHECK_FALSE(hold.is_up(start + 6s));
    CHECK_FALSE(hold.wake_at(start + 6s));

    hold = hold.after(interface(2, true), start + 7s);
    CHECK_FALSE(hold.is_up(start + 8s));
}

TEST_CASE("an interface that was made anew has to hold again") {
    core::TimePoint const start{1h};
    auto hold = net::CarrierHold{}.after(interface(2, true), start);
    hold = hold.after(interface(3, true), start + 10s);
    CHECK_FALSE(hold.is_up(start + 10s));
    hold = hold.after(std::nullopt, start + 11s);
    CHECK(hold.index == 0);
}

TEST_CASE_FIXTURE(World, "a device without its interfaces says so, and takes them when they come") {
    CHECK_FALSE(state.now().links.wan.present);
    CHECK(state.now().links.lan.error == "there is no interface eth1");

    space.shell("ip link add eth1 address 02:00:00:00:00:01 type veth peer name lan0");
    CHECK(happens([&](auto const& links) { return links.lan.addresses == kLanAddress; }));
    CHECK(state.now().links.lan.mac == "02:00:00:00:00:01");
    CHECK(state.now().links.lan.error.empty());
}

TEST_CASE_FIXTURE(World, "the carrier is shown after two seconds, and its loss at once") {
    space.shell("ip link add eth0 type veth peer name wan0 && ip link set eth0 up && ip link set wan0 up");
    REQUIRE(happens([&](auto const&) {
        clock.advance(100ms);   // may publish: what was handed in is gone then (docs/traps.md, 19)
        return state.now().links.wan.carrier;
    }));
    space.shell("ip link set wan0 down");
    CHECK(happens([](auto const& links) { return !links.wan.carrier; }));   // the clock stands still
    CHECK(lines->contains("link is up interface=eth0"));
    CHECK(lines->contains("link is down interface=eth0"));
    CHECK(state.now().links.wan.up);   // no cable
    space.shell("ip link set eth0 down");
    CHECK(happens([](auto const& links) { return !links.wan.up; }));   // nobody wants it
}

TEST_CASE_FIXTURE(World,
                  "a carrier that comes and goes fifty times in five seconds is up once, when it stays") {
    space.shell("ip link add eth0 type veth peer name wan0 && ip link set eth0 up");
    for (int i = 0; i < 50; ++i) {
        space.shell("ip link set wan0 up");
        clock.advance(50ms);
        space.shell("ip link set wan0 down");
        clock.advance(50ms);
        CHECK_FALSE(state.now().links.wan.carrier);
    }
    CHECK_FALSE(lines->contains("link is up interface=eth0"));
    space.shell("ip link set wan0 up");
    CHECK(happens([&](auto const&) {
        clock.advance(100ms);
        return state.now().links.wan.carrier;
    }));
}

TEST_CASE_FIXTURE(World, "a LAN address that someone removed or replaced comes back") {
    space.shell("ip link add eth1 type veth peer name lan0");
    REQUIRE(happens([&](auto const& links) { return links.lan.addresses == kLanAddress; }));
    space.shell("ip addr flush dev eth1 && ip addr add 192.168.9.9/24 dev eth1");
    auto const kernel_agrees = [&](auto const&) {
        return space.succeeds("ip -4 -o addr show dev eth1 | grep -q 172.20.30.1/24") &&
               !space.succeeds("ip -4 -o addr show dev eth1 | grep -q 192.168.9.9");
    };
    CHECK(happens(kernel_agrees));
    CHECK(happens([&](auto const& links) { return links.lan.addresses == kLanAddress; }));
}

TEST_CASE_FIXTURE(World, "the LAN's own route and its rule come back, also after the interface was down") {
    space.shell("ip link add eth1 type veth peer name lan0");
    auto const is_there = [&](auto const&) {
        return space.succeeds("ip route show table 172 | grep -q '172.20.30.0/24 dev eth1'") &&
               space.succeeds("ip rule | grep -q '^1000:.*lookup 172'");
    };
    REQUIRE(happens(is_there));
    for (auto const* const harm :
         {"ip route flush table 172", "ip rule del pref 1000", "ip link set eth1 down",
          "ip link set eth1 down && ip link set eth1 up", "ip addr flush dev eth1"}) {
        CAPTURE(harm);
        space.shell(harm);
        CHECK(happens(is_there));
    }
}

TEST_CASE_FIXTURE(World,
                  "an interface that is renamed away, or deleted and made anew, is followed by its name") {
    space.shell("ip link add eth1 type veth peer name lan0");
    REQUIRE(happens([&](auto const& links) { return links.lan.addresses == kLanAddress; }));

    space.shell("ip link set eth1 down && ip link set eth1 name other");
    CHECK(happens([](auto const& links) { return !links.lan.present; }));
    space.shell("ip link set other down && ip link set other name eth1");
    CHECK(happens([&](auto const& links) { return links.lan.addresses == kLanAddress; }));

    space.shell("ip link del eth1");
    CHECK(happens([](auto const& links) { return !links.lan.present && links.lan.addresses.empty(); }));
    space.shell("ip link add eth1 type veth peer name lan0");
    CHECK(happens([&](auto const& links) { return links.lan.addresses == kLanAddress; }));
}

TEST_CASE_FIXTURE(World, "after more changes than the socket holds, the state is true again") {
    space.shell("ip link add eth1 type veth peer name lan0");
    REQUIRE(happens([&](auto const& links) { return links.lan.addresses == kLanAddress; }));
    // The loop does not run meanwhile; some 200 KiB of events are more than rmem_default.
    space.shell("for i in $(seq 400); do echo link set eth1 mtu $((1000 + i)); done | ip -batch -");
    space.shell("ip link add eth0 type veth peer name wan0");
    CHECK(happens([&](auto const&) {
        clock.advance(100ms);
        return state.now().links.wan.present;
    }));
    CHECK(lines->contains("link changes were lost, reading all again"));
}

TEST_CASE_FIXTURE(World,
                  "the default route is the one that is used, also when it goes with its address or link") {
    auto const route_is = [&](char const* gateway, char const* interface) {
        return happens([&](auto const& links) {
            return links.default_route == core::DefaultRoute{gateway, interface};
        });
    };
    auto const is_gone = [&] { return happens([](auto const& links) { return !links.default_route; }); };
    space.shell(
        "ip link add eth0 type veth peer name wan0 && ip link set wan0 up && ip link set eth0 up && "
        "ip link add eth2 type veth peer name other && ip link set other up && ip link set eth2 up && "
        "ip addr add 10.9.0.2/24 dev eth0 && ip addr add 10.8.0.2/24 dev eth2");
    space.shell("ip route add default via 10.8.0.1 metric 2048");
    CHECK(route_is("10.8.0.1", "eth2"));
    space.shell("ip route add default via 10.9.0.1 metric 1024");
    CHECK(route_is("10.9.0.1", "eth0"));
    space.shell("ip route replace default via 10.9.0.9 metric 1024");
    CHECK(route_is("10.9.0.9", "eth0"));
    space.shell("ip addr flush dev eth0");   // the kernel says nothing of the route
    CHECK(route_is("10.8.0.1", "eth2"));
    space.shell("ip link set eth2 down");
    CHECK(is_gone());
    space.shell("ip link set eth2 up && ip route add default dev eth2");
    CHECK(route_is("", "eth2"));
    space.shell("ip link del eth2");
    CHECK(is_gone());
}

TEST_CASE_FIXTURE(World, "further interfaces are shown, with the speed of a link that is up") {
    REQUIRE(state.now().links.further.size() == 1);
    CHECK_FALSE(state.now().links.further[0].present);
    space.shell(
        "ip link add eth2 type veth peer name other && ip link set other up && ip link set eth2 up && "
        "ip addr add 10.8.0.2/24 dev eth2");
    CHECK(happens([&](auto const& links) {
        auto const further = links.further[0];
        clock.advance(100ms);
        return further.carrier && further.addresses == std::vector<std::string>{"10.8.0.2/24"} &&
               further.speed_mbit == 10000;
    }));
    CHECK(lines->contains("interface appeared interface=eth2"));
}

TEST_CASE_FIXTURE(World, "the reading of all links is watched, from its begin to its end") {
    CHECK(witness.asked >= 1);
    witness.clock.advance(1h);
    CHECK(progress.overdue().empty());
}
