#include "net/forwarding.hpp"

#include "core/files.hpp"
#include "net/netconf_event.hpp"
#include "net/netconf_socket.hpp"
#include "net/network_namespace.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/started.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <libmnl/libmnl.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

using namespace std::chrono_literals;

namespace {

struct Message {
    alignas(8) std::array<std::byte, 128> bytes{};
    nlmsghdr* header = mnl_nlmsg_put_header(bytes.data());

    Message(std::uint16_t type, int interface, std::uint32_t forwarding) {
        header->nlmsg_type = type;
        auto* about = static_cast<netconfmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(netconfmsg)));
        about->ncm_family = AF_INET;
        mnl_attr_put_u32(header, NETCONFA_IFINDEX, static_cast<std::uint32_t>(interface));
        mnl_attr_put_u32(header, NETCONFA_FORWARDING, forwarding);
    }
    std::span<std::byte const> whole() const { return std::span{bytes}.first(header->nlmsg_len); }
};

struct World {
    test::NetworkNamespace space;
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), {}};
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    core::asio::cancellation_signal stop;
    std::optional<net::Forwarding> forwarding;

    void start(std::filesystem::path const& sysctl_net = "/proc/sys/net") {
        forwarding.emplace(clock, core::Writer<&core::DeviceState::forwarding>{state},
                           core::Log{lines, "net"}, sysctl_net);
        core::asio::co_spawn(io, forwarding->run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        clock.settle();
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::all);
        clock.settle();
    }
    core::Forwarding const& now() const { return state.now().forwarding; }
    std::string value(std::string const& name) const { return *core::read_file("/proc/sys/net/" + name, 10); }
    void set(std::string const& name, char const* value) const {
        space.shell("echo " + std::string{value} + " > /proc/sys/net/" + name);
    }
};

}   // namespace

TEST_CASE("a netconf message says whether forwarding is on") {
    CHECK(*net::says_forwarding(Message{RTM_NEWNETCONF, NETCONFA_IFINDEX_ALL, 1}.whole()));
    CHECK(*net::says_forwarding(Message{RTM_NEWNETCONF, 7, 1}.whole()));
    CHECK_FALSE(*net::says_forwarding(Message{RTM_NEWNETCONF, NETCONFA_IFINDEX_ALL, 0}.whole()));
    CHECK_FALSE(*net::says_forwarding(Message{RTM_DELNETCONF, 7, 1}.whole()));
    CHECK_FALSE(*net::says_forwarding({}));

    Message const off{RTM_NEWNETCONF, 7, 0}, on{RTM_NEWNETCONF, 8, 1};
    std::vector<std::byte> both(off.whole().begin(), off.whole().end());
    both.insert(both.end(), on.whole().begin(), on.whole().end());
    CHECK(*net::says_forwarding(both));
}

TEST_CASE("a netconf message cut anywhere is refused, and never read beyond its end") {
    Message const on{RTM_NEWNETCONF, 7, 1};
    for (std::size_t size = 1; size < on.whole().size(); ++size) {
        CAPTURE(size);
        std::vector<std::byte> const cut(on.bytes.begin(), on.bytes.begin() + static_cast<long>(size));
        CHECK_FALSE(net::says_forwarding(cut).has_value());
    }
    Message bare{RTM_NEWNETCONF, 7, 1};
    bare.header->nlmsg_len = sizeof(nlmsghdr);
    CHECK_FALSE(net::says_forwarding(bare.whole()).has_value());
    Message greedy{RTM_NEWNETCONF, 7, 1};
    static_cast<nlattr*>(mnl_nlmsg_get_payload_offset(greedy.header, sizeof(netconfmsg)))->nla_len = 2000;
    CHECK_FALSE(*net::says_forwarding(greedy.whole()));
}

TEST_CASE("a netconf message without an end is refused") {
    Message endless{RTM_NEWNETCONF, NETCONFA_IFINDEX_ALL, 1};
    auto const bytes = endless.whole();
    endless.header->nlmsg_len = 0xffffffff;
    CHECK_FALSE(net::says_forwarding(bytes).has_value());
}

TEST_CASE_FIXTURE(World, "forwarding that is on at start is switched off") {
    set("ipv4/ip_forward", "1");
    set("ipv6/conf/all/forwarding", "1");
    start();
    CHECK(value("ipv4/ip_forward") == "0\n");
    CHECK(value("ipv6/conf/all/forwarding") == "0\n");
    CHECK(now() == core::Forwarding{.off = true, .error = "", .switched_off = 1});
    CHECK(lines->lines.at(0).starts_with("net: ip forwarding was on, switched off switch=ipv4/ip_forward"));
}

TEST_CASE_FIXTURE(World, "whoever switches forwarding on finds it off again, whichever switch it was") {
    space.shell("ip link add eth0 type veth peer name eth1");
    start();
    CHECK(now() == core::Forwarding{.off = true, .error = "", .switched_off = 0});
    unsigned times = 0;
    for (std::string const name : {"ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/eth0/forwarding",
                                   "ipv6/conf/eth1/forwarding", "ipv4/conf/default/forwarding"}) {
        CAPTURE(name);
        clock.advance(2min);
        set(name, "1");
        CHECK(test::happens(io, [&] { return value(name) == "0\n"; }));
        CHECK(now().switched_off == ++times);
    }
    CHECK(lines->contains("ip forwarding was on, switched off"));
}

TEST_CASE_FIXTURE(World, "a program that keeps switching forwarding on is answered later each time") {
    start();
    set("ipv4/ip_forward", "1");
    REQUIRE(test::happens(io, [&] { return value("ipv4/ip_forward") == "0\n"; }));
    set("ipv4/ip_forward", "1");
    clock.settle();
    CHECK(value("ipv4/ip_forward") == "1\n");
    clock.advance(1s);
    CHECK(value("ipv4/ip_forward") == "0\n");
}

TEST_CASE_FIXTURE(World, "forwarding that cannot be switched off is told, and tried again") {
    test::TemporaryDirectory sysctl;
    std::filesystem::create_directories(sysctl /
                                        "ipv4/ip_forward");   // neither readable nor writable as a file
    start(sysctl.path());
    CHECK_FALSE(now().off);
    CHECK(now().error.find("switching IP forwarding off") != std::string::npos);
    std::filesystem::remove(sysctl / "ipv4/ip_forward");
    REQUIRE(core::replace_file(sysctl / "ipv4/ip_forward", "1\n").has_value());
    clock.advance(1s);
    CHECK(now() ==
          core::Forwarding{.off = true, .error = "", .switched_off = 1});   // no IPv6 here, no complaint
}
