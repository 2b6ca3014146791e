#include "net/firewall.hpp"

#include "net/network_namespace.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/started.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <random>

using namespace std::chrono_literals;

namespace {

// The real kernel's filter, which a test can make refuse, and which counts.
struct CountingFilter final : net::PacketFilter {
    net::Nft nft;
    std::vector<std::string> applied;
    bool refuses = false;

    net::Task<net::Result<void>> apply(std::string commands) override {
        applied.push_back(commands);
        if (refuses) co_return core::fail(core::Errc::refused, "nft: Error: syntax error");
        co_return co_await nft.apply(commands);
    }
    net::Task<net::Result<void>> set(net::OnlyRule rule) override {
        applied.push_back(net::text_of(rule));
        if (refuses) co_return core::fail(core::Errc::refused, "the kernel refuses a rule: Out of memory");
        co_return co_await nft.set(rule);
    }
    net::Task<net::Result<std::string>> list_table(std::string table) override {
        co_return co_await nft.list_table(std::move(table));
    }
    net::Task<void> changed_by_others() override { return nft.changed_by_others(); }
};

struct World {
    test::NetworkNamespace space;
    core::asio::io_context io{1};
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), {}};
    core::Writer<&core::DeviceState::flags> flags{state};
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    CountingFilter filter;
    net::Firewall firewall{clock,
                           filter,
                           state,
                           core::Writer<&core::DeviceState::firewall>{state},
                           core::Log{lines, "net"},
                           net::FirewallFacts{.wan = "eth0", .lan = "eth1"}};
    core::asio::cancellation_signal stop;

    void start() {
        core::asio::co_spawn(io, firewall.run(),
                             core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
        clock.settle();
    }
    ~World() {
        stop.emit(core::asio::cancellation_type::all);
        clock.settle();
    }
    core::FirewallState const& now() const { return state.now().firewall; }
    std::string ssh_rule() const {
        for (std::string const rule : {"accept", "drop"})
            if (space.succeeds("nft list chain inet atomix ssh_on_wan | grep -w " + rule)) return rule;
        return "none";
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "the firewall is applied at start, and then only its SSH rule follows the flag") {
    start();
    CHECK(now() == core::FirewallState{.applied = true, .transactions = 1});
    CHECK(ssh_rule() == "drop");

    flags.set({"ssh-wan-enabled"});
    clock.settle();
    CHECK(now() == core::FirewallState{.applied = true, .ssh_on_wan = true, .transactions = 2});
    CHECK(ssh_rule() == "accept");
    CHECK(filter.applied.at(1) == "accept");

    flags.set({});
    clock.settle();
    CHECK(now().transactions == 3);
    CHECK(ssh_rule() == "drop");
    CHECK(lines->lines ==
          std::vector<std::string>{"net: firewall applied wan=eth0 lan=eth1 lan_access=required",
                                   "net: ssh on wan opened", "net: ssh on wan closed"});
}

TEST_CASE_FIXTURE(World,
                  "ten thousand toggles of the flag end with its rule, once, and with no other change") {
    start();
    std::mt19937 random{11};
    for (int i = 0; i < 10'000; ++i) {
        bool const open = random() % 2 == 0;
        flags.set(open ? core::Flags{"ssh-wan-enabled"} : core::Flags{});
        if (random() % 4 == 0) clock.settle();   // else the next toggle comes first
    }
    for (bool const open : {true, false}) {
        flags.set(open ? core::Flags{"ssh-wan-enabled"} : core::Flags{});
        clock.settle();
        CHECK(now().applied);
        CHECK(now().ssh_on_wan == open);
        CHECK(now().repairs == 0);
        CHECK(ssh_rule() == (open ? "accept" : "drop"));
        CHECK(space.succeeds("test $(nft list chain inet atomix ssh_on_wan | grep -cwE 'accept|drop') = 1"));
    }
    CHECK(filter.applied.size() == now().transactions);
    CHECK(std::ranges::count_if(filter.applied,
                                [](auto const& text) { return text.starts_with("add table"); }) == 1);
}

TEST_CASE_FIXTURE(World, "what changes nothing in the firewall makes no transaction") {
    start();
    flags.set({"hold-updates"});
    clock.advance(1h);
    CHECK(now().transactions == 1);
    CHECK(filter.applied.size() == 1);
}

TEST_CASE_FIXTURE(
    World,
    "a refused change leaves the old table, shows nft's words and is tried again later each time") {
    start();
    filter.refuses = true;
    flags.set({"ssh-wan-enabled"});
    clock.settle();
    CHECK_FALSE(now().applied);
    CHECK_FALSE(now().ssh_on_wan);
    CHECK(now().error.starts_with("nft: Error: syntax error"));
    CHECK(ssh_rule() == "drop");

    clock.advance(7s);   // after 1, 2 and 4 s
    CHECK(filter.applied.size() == 6);
    CHECK(filter.applied.back().starts_with("add table"));   // all of it, nothing is taken for granted

    filter.refuses = false;
    clock.advance(8s);
    CHECK(now().applied);
    CHECK(now().ssh_on_wan);
    CHECK(now().error.empty());
    CHECK(ssh_rule() == "accept");
}

TEST_CASE_FIXTURE(World, "a flag that goes while a change is refused closes at once when the refusal ends") {
    start();
    filter.refuses = true;
    flags.set({"ssh-wan-enabled"});
    clock.settle();
    filter.refuses = false;
    flags.set({});   // no second passes
    clock.settle();
    CHECK(now().applied);
    CHECK_FALSE(now().ssh_on_wan);
}

TEST_CASE_FIXTURE(World, "a table that another program changed or deleted is put back at once") {
    start();
    for (auto const* change :
         {"nft add rule inet atomix forward accept", "nft delete table inet atomix", "nft flush ruleset",
          "nft add rule inet atomix ssh_on_wan accept",
          "nft replace rule inet atomix from_wan handle $(nft -a list chain inet atomix "
          "from_wan | sed -n 's/.*@wan_tcp accept # handle //p') tcp dport 1-65535 accept"}) {
        CAPTURE(change);
        auto const before = now().transactions;
        clock.advance(2min);   // long enough for it to be the first one
        space.shell(change);
        CHECK(test::happens(io, [&] { return now().transactions == before + 1; }));
        CHECK(now().applied);
        CHECK_FALSE(space.succeeds("nft list chain inet atomix forward | grep -w accept"));
        CHECK(ssh_rule() == "drop");
    }
    CHECK(lines->contains("firewall was not left as it was applied, applying all of it again"));
    CHECK(now().repairs == 5);
}

TEST_CASE_FIXTURE(World, "what keeps being changed is put back later each time, and the state says so") {
    start();
    for (int i = 0; i < 5; ++i) {
        auto const before = now().repairs;
        space.shell("nft add rule inet atomix from_wan accept");
        REQUIRE(test::happens(io, [&] { return now().repairs == before + 1; }));
        auto const pause = std::chrono::seconds{i == 0 ? 0 : std::min(1 << (i - 1), 5)};
        if (pause > 0s) {
            CHECK_FALSE(now().applied);
            CHECK(now().error.starts_with("does not stay as it was applied: the kernel's table differs"));
            clock.advance(pause - 1ms);
            CHECK_FALSE(now().applied);
            clock.advance(1ms);
        }
        CHECK(test::happens(io, [&] { return now().applied; }));
        CHECK(now().error.empty());
        CHECK_FALSE(space.succeeds("nft list chain inet atomix from_wan | grep -x '[[:space:]]*accept'"));
    }
}

TEST_CASE_FIXTURE(World, "a flag does not wait until it is time to put another program's change back") {
    start();
    for (int i = 0; i < 2; ++i) {
        auto const before = now().repairs;
        space.shell("nft add rule inet atomix from_wan accept");
        REQUIRE(test::happens(io, [&] { return now().repairs == before + 1; }));
    }
    REQUIRE_FALSE(now().applied);
    flags.set({"ssh-wan-enabled"});
    clock.settle();
    CHECK(now().applied);
    CHECK(ssh_rule() == "accept");
}

TEST_CASE_FIXTURE(World, "another program's change that comes together with a flag's is put back as well") {
    start();
    space.shell("nft add element inet atomix wan_tcp '{ 23 }'");
    flags.set({"ssh-wan-enabled"});
    clock.settle();
    CHECK(now().applied);
    CHECK(now().repairs == 1);
    CHECK(ssh_rule() == "accept");
    CHECK_FALSE(space.succeeds("nft list set inet atomix wan_tcp | grep -w 23"));
    space.shell("nft add element inet atomix wan_tcp '{ 24 }'");
    flags.set({"ssh-wan-enabled", "hold-updates"});   // of no interest
    clock.settle();
    CHECK(now().repairs == 2);
}

TEST_CASE_FIXTURE(World, "another program's own table is no reason to do anything") {
    start();
    space.shell("nft add table inet operators_own");
    clock.settle();
    CHECK(now().transactions == 1);
}
