#include "net/firewall_policy.hpp"

#include "net/firewall_listing.hpp"
#include "net/firewall_ruleset.hpp"
#include "net/network_namespace.hpp"
#include "net/nft.hpp"
#include "support/run_task.hpp"

using core::Errc;
using core::LanAccess;
using net::FirewallPolicy;
using Ports = std::vector<std::uint16_t>;

namespace {

net::FirewallFacts facts_with(config::Ports wan, config::Ports lan) {
    return {.wan = "eth0",
            .lan = "eth1",
            .wanted_on_wan = std::move(wan),
            .wanted_on_lan = std::move(lan),
            .is_provisioned = true};
}

net::FirewallFacts const kUnprovisioned{.wan = "eth0", .lan = "eth1"};
config::Ports const kRequired{.tcp = {22, 53, 8080, 8443}, .udp = {53, 123}};

FirewallPolicy policy_for(net::FirewallFacts const& facts, core::Flags const& flags = {}) {
    return *net::policy(facts, flags);
}

// Its own kernel, so to speak.
struct Kernel {
    test::NetworkNamespace space;
    core::asio::io_context io{1};
    net::Nft nft;

    core::Result<void> apply(std::string commands) {
        return test::run_task(io, nft.apply(std::move(commands)));
    }
    std::string listing() { return *test::run_task(io, nft.list_table("inet atomix")); }
};

}   // namespace

TEST_CASE("the WAN has only the operator's ports, each once") {
    CHECK(policy_for(kUnprovisioned).open_on_wan == config::Ports{});
    CHECK_FALSE(policy_for(kUnprovisioned).ssh_on_wan);
    CHECK(policy_for(facts_with({.tcp = {443, 80, 443}, .udp = {51820}}, {})).open_on_wan ==
          config::Ports{.tcp = {80, 443}, .udp = {51820}});
}

TEST_CASE("the LAN is closed until a document is in force, then open unless it lists ports") {
    struct {
        char const* name;
        net::FirewallFacts facts;
        LanAccess access;
        config::Ports open;
    } const cases[] = {
        {"nobody has said anything", kUnprovisioned, LanAccess::required, kRequired},
        {"a document without ports", facts_with({}, {}), LanAccess::open, {}},
        {"ports of the WAN say nothing about the LAN",
         facts_with({.tcp = {443}, .udp = {}}, {}),
         LanAccess::open,
         {}},
        {"TCP alone restricts UDP as well",
         facts_with({}, {.tcp = {443, 53}, .udp = {}}),
         LanAccess::listed,
         {.tcp = {22, 53, 443, 8080, 8443}, .udp = {53, 123}}},
        {"UDP alone restricts TCP as well",
         facts_with({}, {.tcp = {}, .udp = {5353, 5353}}),
         LanAccess::listed,
         {.tcp = {22, 53, 8080, 8443}, .udp = {53, 123, 5353}}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const made = policy_for(c.facts);
        CHECK(made.lan_access == c.access);
        CHECK(made.open_on_lan == c.open);
    }
}

TEST_CASE("the bootstrap port is open on the WAN while not provisioned and only where the image allows it") {
    for (bool const allowed : {false, true})
        for (bool const provisioned : {false, true}) {
            CAPTURE(allowed);
            CAPTURE(provisioned);
            auto facts = kUnprovisioned;
            facts.bootstrap_on_wan = allowed;
            facts.is_provisioned = provisioned;
            auto const made = policy_for(facts);
            CHECK(made.bootstrap_on_wan == (allowed && !provisioned));
            CHECK(made.open_on_wan.tcp == (made.bootstrap_on_wan ? Ports{8080} : Ports{}));
        }
}

TEST_CASE("the last accepted document counts as an operator's, the built-in default does not") {
    using Source = core::ConfigState::Source;
    config::DeviceDocument device;
    device.bootstrap_on_wan.value = true;
    config::InForce in_force;
    in_force.document.open_on_wan.value.tcp = {443};
    in_force.document.open_on_lan.value.udp = {5353};
    for (auto const source : {Source::built_in, Source::last_accepted, Source::operator_document}) {
        in_force.state.source = source;
        auto const facts = net::firewall_facts(device, in_force);
        CHECK(facts.is_provisioned == (source != Source::built_in));
        CHECK(facts.wan + facts.lan == "eth0eth1");
        CHECK(facts.wanted_on_wan.tcp == Ports{443});
        CHECK(facts.wanted_on_lan.udp == Ports{5353});
        CHECK(facts.bootstrap_on_wan);
    }
}

TEST_CASE("the flag's presence alone opens SSH on the WAN") {
    CHECK(policy_for(kUnprovisioned, {"ssh-wan-enabled"}).ssh_on_wan);
    CHECK_FALSE(policy_for(kUnprovisioned, {"hold-updates"}).ssh_on_wan);
    CHECK(net::ssh_rule(policy_for(kUnprovisioned, {"ssh-wan-enabled"})) ==
          net::OnlyRule{.chain = "ssh_on_wan", .accept = true});
    CHECK(net::ssh_rule(policy_for(kUnprovisioned)) ==
          net::OnlyRule{.chain = "ssh_on_wan", .counter = "ssh_closed", .accept = false});
}

TEST_CASE("a name that nft would read as something else is no interface") {
    for (auto const* name : {"", "eth0\" accept", "eth*", "a-name-that-is-too-long", "eth 0", "eth0\n"}) {
        CAPTURE(name);
        auto const refused = net::policy({.wan = name, .lan = "eth1"}, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().is(Errc::bad_input));
    }
    CHECK_FALSE(net::policy({.wan = "eth0", .lan = "eth0"}, {}).has_value());
    CHECK_FALSE(net::policy({.wan = "tun0", .lan = "eth1"}, {}).has_value());
    CHECK_FALSE(net::policy({.wan = "eth0", .lan = "tun0"}, {}).has_value());
    CHECK(net::policy({.wan = "br-lan.10", .lan = "eth1"}, {}).has_value());
}

TEST_CASE("an open LAN accepts what is no echo, a closed one only its ports, the VPN only SSH") {
    auto const chain = [](FirewallPolicy const& policy, std::string const& name) {
        auto const text = net::render(policy);
        auto const begin = text.find("    chain " + name + " {\n");
        return text.substr(begin, text.find("    }\n", begin) - begin);
    };
    auto const open = chain(policy_for(facts_with({}, {})), "from_lan");
    CHECK(open.ends_with("        meta l4proto { icmp, ipv6-icmp } goto drop_lan_closed\n        accept\n"));
    CHECK(open.find("@lan") == std::string::npos);
    auto const closed = chain(policy_for(kUnprovisioned), "from_lan");
    CHECK(closed.ends_with("        tcp dport @lan_tcp accept\n"
                           "        udp dport @lan_udp accept\n"
                           "        goto drop_lan_closed\n"));
    for (auto const& policy : {policy_for(facts_with({}, {})), policy_for(kUnprovisioned)})
        CHECK(chain(policy, "from_vpn") == "    chain from_vpn {\n"
                                           "        tcp dport 22 accept\n"
                                           "        goto drop_vpn_closed\n");
}

TEST_CASE("SSH on the WAN is judged before what is established, and in both directions") {
    auto const text = net::render(policy_for(kUnprovisioned));
    auto const ssh = text.find("iifname \"eth0\" tcp dport 22 jump ssh_on_wan");
    REQUIRE(ssh != std::string::npos);
    CHECK(ssh < text.find("ct state established"));
    CHECK(text.find("oifname \"eth0\" tcp sport 22 jump ssh_on_wan") != std::string::npos);
    CHECK(text.starts_with("add table inet atomix\ndelete table inet atomix\ntable inet atomix {\n"));
    CHECK(text.find('$') == std::string::npos);
}

TEST_CASE_FIXTURE(Kernel, "the kernel takes the table, whatever was there, and lists what was rendered") {
    auto const bare = policy_for(kUnprovisioned);
    REQUIRE(apply(net::render(bare)).has_value());
    CHECK(net::check_listing(listing(), bare).has_value());

    auto const full = policy_for(facts_with({.tcp = {443}, .udp = {51820}}, {.tcp = {80}, .udp = {5353}}));
    REQUIRE(apply(net::render(full)).has_value());
    CHECK(net::check_listing(listing(), full).has_value());

    auto const open = policy_for(facts_with({.tcp = {443}, .udp = {51820}}, {.tcp = {80}, .udp = {5353}}),
                                 {"ssh-wan-enabled"});
    REQUIRE(test::run_task(io, nft.set(net::ssh_rule(open))).has_value());
    CHECK(net::check_listing(listing(), open).has_value());
}

TEST_CASE_FIXTURE(Kernel, "a table that differs from the policy is found out") {
    auto const wanted = policy_for(facts_with({.tcp = {443}, .udp = {}}, {.tcp = {8443}, .udp = {}}));
    struct {
        char const* change;
        char const* why;
    } const cases[] = {
        {"add rule inet atomix forward accept", "the number of rules in a chain"},
        {"flush chain inet atomix from_wan", "the number of rules in a chain"},
        {"add chain inet atomix input { policy accept; }", "its base chains or their policies"},
        {"add chain inet atomix late { type filter hook input priority 10; }",
         "its base chains or their policies"},
        {"add element inet atomix wan_tcp { 23 }", "the ports in set wan_tcp"},
        {"delete element inet atomix lan_udp { 123 }", "the ports in set lan_udp"},
        {"flush chain inet atomix ssh_on_wan; add rule inet atomix ssh_on_wan accept",
         "SSH on the WAN is not \"drop\""},
        {"flush chain inet atomix ssh_on_wan", "SSH on the WAN is not \"drop\""},
    };
    for (auto const& c : cases) {
        CAPTURE(c.change);
        REQUIRE(apply(net::render(wanted)).has_value());
        REQUIRE(apply(c.change).has_value());
        auto const checked = net::check_listing(listing(), wanted);
        REQUIRE_FALSE(checked.has_value());
        CHECK(checked.error().context == std::string{"the kernel's table differs: "} + c.why);
    }
}

TEST_CASE("what is not nft's JSON is refused") {
    for (auto const* text :
         {"", "[]", "{}", "{\"nftables\": 3}", "{\"nftables\": [3]}", "{\"nftables\": []}"}) {
        CAPTURE(text);
        CHECK_FALSE(net::check_listing(text, policy_for(kUnprovisioned)).has_value());
    }
}

TEST_CASE_FIXTURE(Kernel, "other tables are left alone") {
    space.shell("nft add table inet operators_own");
    REQUIRE(apply(net::render(policy_for(kUnprovisioned))).has_value());
    CHECK(space.succeeds("nft list table inet operators_own"));
}

TEST_CASE_FIXTURE(Kernel, "a refused change leaves the old table, and tells nft's reason in one short line") {
    auto const wanted = policy_for(kUnprovisioned);
    REQUIRE(apply(net::render(wanted)).has_value());
    auto const refused = apply("add rule inet atomix forward accept\nadd rule inet atomix nowhere accept\n");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().is(Errc::refused));
    CHECK(refused.error().context.find("No such file or directory") != std::string::npos);
    CHECK(net::check_listing(listing(), wanted).has_value());
    CHECK(net::first_words(std::string(5000, 'x') + "\nsecond").size() == 300);
    CHECK(net::first_words("one\ntwo\n") == "one");
    CHECK(net::first_words("") == "it gave no reason");
}
