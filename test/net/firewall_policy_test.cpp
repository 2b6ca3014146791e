#include "net/firewall_policy.hpp"

#include "net/firewall_listing.hpp"
#include "net/network_namespace.hpp"
#include "net/nft.hpp"
#include "support/run_task.hpp"

using core::Errc;
using net::FirewallPolicy;
using Ports = std::vector<std::uint16_t>;

namespace {

config::OperatorDocument document_with(config::Ports wan, config::Ports lan) {
    config::OperatorDocument document;
    document.open_on_wan.value = std::move(wan);
    document.open_on_lan.value = std::move(lan);
    return document;
}

FirewallPolicy policy_for(config::OperatorDocument const& document, core::Flags const& flags = {}) {
    return *net::policy(document, "eth0", "eth1", flags);
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

TEST_CASE("the WAN has only the operator's ports, the LAN the gateway's services as well") {
    auto const bare = policy_for({});
    CHECK(bare.open_on_wan == config::Ports{});
    CHECK(bare.open_on_lan == config::Ports{.tcp = {22, 53, 8080, 8443}, .udp = {53, 123}});
    CHECK_FALSE(bare.ssh_on_wan);

    auto const more =
        policy_for(document_with({.tcp = {443, 80, 443}, .udp = {}}, {.tcp = {443, 53}, .udp = {5353}}));
    CHECK(more.open_on_wan.tcp == Ports{80, 443});
    CHECK(more.open_on_lan == config::Ports{.tcp = {22, 53, 443, 8080, 8443}, .udp = {53, 123, 5353}});
}

TEST_CASE("the flag's presence alone opens SSH on the WAN") {
    CHECK(policy_for({}, {"ssh-wan-enabled"}).ssh_on_wan);
    CHECK_FALSE(policy_for({}, {"hold-updates"}).ssh_on_wan);
    CHECK(net::render_ssh_change(policy_for({}, {"ssh-wan-enabled"})) ==
          "flush chain inet atomix ssh_on_wan\nadd rule inet atomix ssh_on_wan accept\n");
    CHECK(net::render_ssh_change(policy_for({})) ==
          "flush chain inet atomix ssh_on_wan\nadd rule inet atomix ssh_on_wan drop\n");
}

TEST_CASE("a name that nft would read as something else is no interface") {
    for (auto const* name : {"", "eth0\" accept", "eth*", "a-name-that-is-too-long", "eth 0", "eth0\n"}) {
        CAPTURE(name);
        auto const refused = net::policy({}, name, "eth1", {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().is(Errc::bad_input));
    }
    CHECK_FALSE(net::policy({}, "eth0", "eth0", {}).has_value());
    CHECK(net::policy({}, "br-lan.10", "eth1", {}).has_value());
}

TEST_CASE("SSH on the WAN is judged before what is established, and in both directions") {
    auto const text = net::render(policy_for({}));
    auto const ssh = text.find("iifname \"eth0\" tcp dport 22 jump ssh_on_wan");
    REQUIRE(ssh != std::string::npos);
    CHECK(ssh < text.find("ct state established"));
    CHECK(text.find("oifname \"eth0\" tcp sport 22 jump ssh_on_wan") != std::string::npos);
    CHECK(text.starts_with("add table inet atomix\ndelete table inet atomix\ntable inet atomix {\n"));
    CHECK(text.find('@' + std::string{"WAN"}) == std::string::npos);
}

TEST_CASE_FIXTURE(Kernel, "the kernel takes the table, whatever was there, and lists what was rendered") {
    auto const bare = policy_for({});
    REQUIRE(apply(net::render(bare)).has_value());
    CHECK(net::check_listing(listing(), bare).has_value());

    auto const full = policy_for(document_with({.tcp = {443}, .udp = {51820}}, {.tcp = {80}, .udp = {5353}}));
    REQUIRE(apply(net::render(full)).has_value());
    CHECK(net::check_listing(listing(), full).has_value());

    auto const open = policy_for(document_with({.tcp = {443}, .udp = {51820}}, {.tcp = {80}, .udp = {5353}}),
                                 {"ssh-wan-enabled"});
    REQUIRE(apply(net::render_ssh_change(open)).has_value());
    CHECK(net::check_listing(listing(), open).has_value());
}

TEST_CASE_FIXTURE(Kernel, "a table that differs from the policy is found out") {
    auto const wanted = policy_for(document_with({.tcp = {443}, .udp = {}}, {}));
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
        CHECK_FALSE(net::check_listing(text, policy_for({})).has_value());
    }
}

TEST_CASE_FIXTURE(Kernel, "other tables are left alone") {
    space.shell("nft add table inet operators_own");
    REQUIRE(apply(net::render(policy_for({}))).has_value());
    CHECK(space.succeeds("nft list table inet operators_own"));
}

TEST_CASE_FIXTURE(Kernel, "a refused change leaves the old table, and tells nft's reason in one short line") {
    auto const wanted = policy_for({});
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
