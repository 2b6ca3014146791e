#include "net/normal_listing.hpp"

#include "net/firewall_ruleset.hpp"
#include "net/network_namespace.hpp"
#include "net/nft.hpp"
#include "net/repairs.hpp"
#include "support/run_task.hpp"

using namespace std::chrono_literals;

namespace {

struct Kernel {
    test::NetworkNamespace space;
    core::asio::io_context io{1};
    net::Nft nft;

    void apply(std::string commands) {
        INFO(commands);
        auto const done = test::run_task(io, nft.apply(commands));
        REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().text()));
    }
    net::NormalListing normal() {
        return *net::normal_listing(*test::run_task(io, nft.list_table("inet atomix")), "ssh_on_wan");
    }
    std::string handle_of(std::string const& chain, std::string const& rule) const {
        return "$(nft -a list chain inet atomix " + chain + " | grep -F '" + rule +
               "' | head -1 | sed 's/.*# handle //')";
    }
};

net::FirewallPolicy any_policy() {
    net::FirewallFacts const facts{.wan = "eth0",
                                   .lan = "eth1",
                                   .wanted_on_wan = {.tcp = {443, 80}, .udp = {51820}},
                                   .wanted_on_lan = {.tcp = {443}, .udp = {}},
                                   .is_provisioned = true};
    return *net::policy(facts, {});
}

}   // namespace

TEST_CASE_FIXTURE(Kernel, "the same table applied twice, and used, has the same normal listing") {
    apply(net::render(any_policy()));
    auto const first = normal();
    space.succeeds("ping -c 1 -W 1 127.0.0.1");
    apply(net::render(any_policy()));
    CHECK(net::first_difference(first, normal()) == "");

    auto open = any_policy();
    open.ssh_on_wan = true;
    REQUIRE(test::run_task(io, nft.set(net::ssh_rule(open))).has_value());
    CHECK(net::first_difference(first, normal()) == "");   // that chain is checked by its verdict
}

TEST_CASE_FIXTURE(Kernel, "an edit within a rule shows, whatever it changes") {
    struct {
        char const* chain;
        char const* rule;
        char const* instead;
    } const cases[] = {
        {"from_wan", "tcp dport @wan_tcp accept", "tcp dport @lan_tcp accept"},
        {"from_wan", "tcp dport @wan_tcp accept", "tcp dport != @wan_tcp accept"},
        {"from_vpn", "tcp dport 22 accept", "tcp dport 23 accept"},
        {"input", "iifname \"lo\" accept", "iifname \"eth0\" accept"},
        {"input", "fib daddr . iif type", "fib daddr . iif type != unicast drop"},
        {"input", "ct state established,related accept", "ct state established,related,new accept"},
        {"drop_wan_closed", "counter name", "counter name \"invalid\" drop"},
        {"echo", "iifname \"eth0\" limit", "iifname \"eth0\" limit rate 1000/second burst 20 packets accept"},
        {"output", "jump ssh_on_wan", "oifname \"eth2\" tcp sport 22 jump ssh_on_wan"},
    };
    for (auto const& c : cases) {
        CAPTURE(std::string{c.instead});
        apply(net::render(any_policy()));
        auto const first = normal();
        space.shell("nft replace rule inet atomix " + std::string{c.chain} + " handle " +
                    handle_of(c.chain, c.rule) + " '" + c.instead + "'");
        CHECK(net::first_difference(first, normal()) != "");
    }
}

TEST_CASE_FIXTURE(Kernel, "rules in another order, further chains and sets show as well") {
    for (auto const* change :
         {"nft add chain inet atomix more", "nft add set inet atomix more '{ type ipv4_addr; }'",
          "nft insert rule inet atomix input accept", "nft delete element inet atomix lan_tcp '{ 53 }'"}) {
        CAPTURE(std::string{change});
        apply(net::render(any_policy()));
        auto const first = normal();
        space.shell(change);
        CHECK(net::first_difference(first, normal()) != "");
    }
}

TEST_CASE("handles, counts, the order of elements and what packets added do not matter") {
    auto const listing = [](char const* text) { return *net::normal_listing(text, "skip"); };
    auto const one = listing(
        R"({"nftables": [{"set": {"name": "a", "handle": 3, "elem": [53, 22]}},
             {"set": {"name": "s", "timeout": 60, "elem": [{"elem": {"val": "10.0.0.1"}}]}},
             {"counter": {"name": "c", "packets": 7, "bytes": 70}},
             {"rule": {"chain": "skip", "expr": [{"accept": null}]}},
             {"rule": {"chain": "x", "handle": 9, "expr": [{"match": {"right": {"set": ["b", "a"]}}},
                        {"counter": {"packets": 1, "bytes": 2}}]}}]})");
    auto const other = listing(
        R"({"nftables": [{"set": {"name": "a", "handle": 8, "elem": [22, 53]}},
             {"set": {"name": "s", "timeout": 60}},
             {"counter": {"name": "c", "packets": 0, "bytes": 0}},
             {"rule": {"chain": "x", "handle": 1, "expr": [{"match": {"right": {"set": ["a", "b"]}}},
                        {"counter": {"packets": 0, "bytes": 0}}]}}]})");
    CHECK(net::first_difference(one, other) == "");
    CHECK(one.size() == 4);
}

TEST_CASE("the first difference is told in one short line") {
    CHECK(net::first_difference({"a", "b"}, {"a", "b"}) == "");
    CHECK(net::first_difference({"a", "b"}, {"a", "c"}) == "c in place of b");
    CHECK(net::first_difference({"a"}, {"a", "c"}) == "c in place of nothing");
    CHECK(net::first_difference({"a", "b"}, {"a"}) == "nothing in place of b");
    CHECK(net::first_difference({}, {std::string(5000, 'x')}).size() < 300);
}

TEST_CASE("what is not nft's JSON has no normal listing") {
    for (auto const* text : {"", "[]", "{}", "{\"nftables\": 3}"}) {
        CAPTURE(std::string{text});
        CHECK_FALSE(net::normal_listing(text, "x").has_value());
    }
    CHECK(net::normal_listing("{\"nftables\": [3, {\"rule\": 4}, null]}", "x")->size() == 3);
}

TEST_CASE("a repair comes at once, then later each time, and at once again after a quiet minute") {
    net::Repairs repairs;
    core::TimePoint now{1h};
    std::vector<core::Duration> pauses;
    for (int i = 0; i < 9; ++i) {
        pauses.push_back(repairs.pause(now));
        now += pauses.back() + 1ms;
    }
    CHECK(pauses == std::vector<core::Duration>{0s, 1s, 2s, 4s, 5s, 5s, 5s, 5s, 5s});
    CHECK(repairs.pause(now + 61s) == 0s);
}
