#include "config/operator_document.hpp"

#include "config/documents.hpp"

namespace {

auto parse(std::string const& text) {
    return config::parse_operator_document(text, "atomix.yaml");
}

// Under these lines the body stands in line 4, column 5.
std::string dnsmasq(std::string const& body) {
    return "version: 1\nnetwork:\n  dnsmasq:\n    " + body + "\n";
}
std::string ports(std::string const& scopes) {
    return "version: 1\nnetwork:\n  firewall:\n    inbound: " + scopes + "\n";
}
std::string servers(std::string const& list) {
    return "version: 1\nnetwork:\n  ntp:\n    servers: " + list + "\n";
}
std::string upgrade(std::string const& url) {
    return "version: 1\nos_upgrade:\n  server_url: " + url + "\n";
}

config::OperatorDocument accepted(std::string const& text) {
    auto const parsed = parse(text);
    REQUIRE(test::problem_in(parsed) == "");
    return std::get<config::OperatorDocument>(parsed);
}

std::string range_of(config::OperatorDocument const& document) {
    return core::print(*document.dhcp_start) + '-' + core::print(*document.dhcp_end);
}

}   // namespace

TEST_CASE("a complete operator's document means what it says") {
    auto const document = accepted(R"(version: 1
network:
  dnsmasq:
    enable: true
    interface: eth1
    gateway_cidr: 10.44.0.1/24
    dhcp_start: 10.44.0.50
    dhcp_end: 10.44.0.200
    domain: Lab.
    hostname_pattern: Gateway-{mac}
    gateway_aliases: [atomixos, Gateway.Lab., ATOMIXOS]
  ntp:
    servers: [0.pool.ntp.org, 192.0.2.7, "2001:DB8::7"]
  firewall:
    inbound:
      wan: {tcp: [443, 80, 443], udp: [1194]}
      lan: {tcp: [9090, 22, 8080]}
os_upgrade:
  server_url: HTTPS://Updates.Example.com:8443/fleet/
  window: [02:00-04:00, "Sat,Sun 01:00-05:30", 02:00-04:00]
  only_security: true
watchdog: true
)");
    CHECK(core::print(*document.lan) == "10.44.0.1/24");
    CHECK(document.lan.at == config::Place{"atomix.yaml", 6, 19});
    CHECK(range_of(document) == "10.44.0.50-10.44.0.200");
    CHECK(*document.domain == "lab");
    CHECK(*document.hostname_pattern == "gateway-{mac}");
    CHECK(*document.gateway_aliases == std::vector<std::string>{"atomixos", "gateway.lab"});
    CHECK(*document.ntp_servers == std::vector<std::string>{"0.pool.ntp.org", "192.0.2.7", "2001:db8::7"});
    CHECK(*document.open_on_wan == config::Ports{.tcp = {443, 80}, .udp = {1194}});
    CHECK(*document.open_on_lan == config::Ports{.tcp = {9090, 22, 8080}, .udp = {}});
    CHECK(*document.server_url == "https://updates.example.com:8443/fleet");
    CHECK(print(*document.update_windows) == "02:00-04:00 UTC, Sat,Sun 01:00-05:30 UTC");
    CHECK(document.update_windows.at == config::Place{"atomix.yaml", 20, 11});
    CHECK(*document.only_security);
    CHECK(*document.watchdog);
}

TEST_CASE("a document with nothing but its version is the built-in default") {
    auto const document = accepted("version: 1\n");
    config::OperatorDocument const built_in;
    CHECK(core::print(*document.lan) == "172.20.30.1/24");
    CHECK(range_of(document) == "172.20.30.10-172.20.30.254");
    CHECK(*document.domain == *built_in.domain);
    CHECK(*document.ntp_servers == *built_in.ntp_servers);
    CHECK(*document.gateway_aliases == *built_in.gateway_aliases);
    CHECK(*document.open_on_wan == config::Ports{});
    CHECK(*document.server_url == std::nullopt);
    CHECK(document.update_windows->empty());
    CHECK_FALSE(*document.only_security);
    CHECK_FALSE(*document.watchdog);
    CHECK(range_of(built_in) == range_of(document));
}

TEST_CASE("moving the LAN takes one line: the DHCP range follows") {
    CHECK(range_of(accepted(dnsmasq("gateway_cidr: 10.44.0.1/24"))) == "10.44.0.10-10.44.0.254");
    CHECK(range_of(accepted(dnsmasq("gateway_cidr: 10.44.0.254/24"))) == "10.44.0.10-10.44.0.253");
    CHECK(range_of(accepted(dnsmasq("dhcp_end: 172.20.30.99"))) == "172.20.30.10-172.20.30.99");
    CHECK_FALSE(accepted(dnsmasq("gateway_cidr: 10.44.0.1/24")).dhcp_start.is_written());
}

TEST_CASE("one maintenance window needs no list") {
    auto const document = accepted(upgrade("https://h\n  window: Sat,Sun 23:00-01:00"));
    CHECK(print(*document.update_windows) == "Sat,Sun 23:00-01:00 UTC");
    CHECK(document.update_windows.at == config::Place{"atomix.yaml", 4, 11});
}

TEST_CASE("values at their bounds are accepted") {
    CHECK(core::print(*accepted(dnsmasq("gateway_cidr: 10.44.0.1/16")).lan) == "10.44.0.1/16");
    CHECK(core::print(*accepted(dnsmasq("gateway_cidr: 10.44.0.2/30")).lan) == "10.44.0.2/30");
    CHECK(*accepted(dnsmasq("hostname_pattern: \"\"")).hostname_pattern == "");
    CHECK(accepted(dnsmasq("gateway_aliases: []")).gateway_aliases->empty());
    CHECK(*accepted(ports("{wan: {tcp: [1, 65535]}}")).open_on_wan ==
          config::Ports{.tcp = {1, 65535}, .udp = {}});
    CHECK(*accepted(ports("{wan: {tcp: [], udp: [22, 8080]}}")).open_on_wan ==
          config::Ports{.tcp = {}, .udp = {22, 8080}});
}

TEST_CASE("each rule of the operator's document has its sentence") {
    static constexpr auto kNotYet = ": is refused, because this version does not act on it yet";
    static constexpr auto kWindow =
        "expected a window in UTC such as 02:00-04:00 or \"Sat,Sun 01:00-05:30\", not ";
    static constexpr auto kHost = "expected an IP address or a DNS name, not ";
    struct {
        std::string name;
        std::string text;
        std::string want;   // after "atomix.yaml:"
    } const cases[] = {
        {"no version", "network:\n", "1:1: version: is required"},
        {"empty file, as a power cut leaves it", "", "1:1: version: is required"},
        {"version 2", "version: 2\n", "1:10: version: expected the integer 1, not \"2\""},
        {"version as a bool", "version: true\n", "1:10: version: expected the integer 1, not \"true\""},
        {"version as a text", "version: '1'\n", "1:10: version: expected the integer 1, not the text \"1\""},

        {"dnsmasq switched off", dnsmasq("enable: false"),
         "4:13: network.dnsmasq.enable: expected true, because the LAN is always served, not \"false\""},
        {"another interface", dnsmasq("interface: eth0"),
         "4:16: network.dnsmasq.interface: expected eth1, the LAN interface of the document, not \"eth0\""},
        {"no prefix", dnsmasq("gateway_cidr: 10.0.0.1"),
         "4:19: network.dnsmasq.gateway_cidr: expected an IPv4 address with its prefix length such as "
         "172.20.30.1/24, "
         "not \"10.0.0.1\""},
        {"prefix too short", dnsmasq("gateway_cidr: 10.0.0.1/15"),
         "4:19: network.dnsmasq.gateway_cidr: must have a prefix from /16 to /30"},
        {"prefix too long", dnsmasq("gateway_cidr: 10.0.0.1/31"),
         "4:19: network.dnsmasq.gateway_cidr: must have a prefix from /16 to /30"},
        {"gateway is the network", dnsmasq("gateway_cidr: 10.0.0.0/24"),
         "4:19: network.dnsmasq.gateway_cidr: must be an address from 10.0.0.1 to 10.0.0.254"},
        {"gateway is the broadcast", dnsmasq("gateway_cidr: 10.0.0.255/24"),
         "4:19: network.dnsmasq.gateway_cidr: must be an address from 10.0.0.1 to 10.0.0.254"},
        {"gateway is loopback", dnsmasq("gateway_cidr: 127.0.0.1/24"),
         "4:19: network.dnsmasq.gateway_cidr: must be an address that a host can have, which 127.0.0.1 is "
         "not"},
        {"gateway is multicast", dnsmasq("gateway_cidr: 224.0.0.1/24"),
         "4:19: network.dnsmasq.gateway_cidr: must be an address that a host can have, which 224.0.0.1 is "
         "not"},
        {"start outside", dnsmasq("dhcp_start: 172.20.31.10"),
         "4:17: network.dnsmasq.dhcp_start: must be in the LAN 172.20.30.0/24, from 172.20.30.1 to "
         "172.20.30.254"},
        {"start is the network", dnsmasq("dhcp_start: 172.20.30.0"),
         "4:17: network.dnsmasq.dhcp_start: must be in the LAN 172.20.30.0/24, from 172.20.30.1 to "
         "172.20.30.254"},
        {"end is the broadcast", dnsmasq("dhcp_end: 172.20.30.255"),
         "4:15: network.dnsmasq.dhcp_end: must be in the LAN 172.20.30.0/24, from 172.20.30.1 to "
         "172.20.30.254"},
        {"range written for the old LAN", dnsmasq("{gateway_cidr: 10.44.0.1/24, dhcp_start: 172.20.30.10}"),
         "4:46: network.dnsmasq.dhcp_start: must be in the LAN 10.44.0.0/24, from 10.44.0.1 to 10.44.0.254"},
        {"range reversed", dnsmasq("{dhcp_start: 172.20.30.50, dhcp_end: 172.20.30.49}"),
         "4:42: network.dnsmasq.dhcp_end: the range 172.20.30.50 to 172.20.30.49 ends before it starts"},
        {"range contains the gateway", dnsmasq("{dhcp_start: 172.20.30.1, dhcp_end: 172.20.30.9}"),
         "4:41: network.dnsmasq.dhcp_end: the range 172.20.30.1 to 172.20.30.9 contains the gateway "
         "172.20.30.1"},
        {"start is the gateway", dnsmasq("dhcp_start: 172.20.30.1"),
         "4:17: network.dnsmasq.dhcp_start: the range 172.20.30.1 to 172.20.30.254 contains the gateway "
         "172.20.30.1"},
        {"not an address", dnsmasq("dhcp_end: 172.20.30"),
         "4:15: network.dnsmasq.dhcp_end: expected an IPv4 address such as 172.20.30.10, not \"172.20.30\""},
        {"domain with a line break", dnsmasq("domain: \"a\\nb\""),
         "4:13: network.dnsmasq.domain: must be printable ASCII, which \"a?b\" is not"},
        {"domain with an underscore", dnsmasq("domain: a_b"),
         "4:13: network.dnsmasq.domain: expected a DNS name, not \"a_b\""},
        {"domain is a number", dnsmasq("domain: 7"),
         "4:13: network.dnsmasq.domain: expected a text (put a number in quotes), not \"7\""},
        {"pattern without {mac}", dnsmasq("hostname_pattern: gateway"),
         "4:23: network.dnsmasq.hostname_pattern: expected a name with {mac} in it, or an empty text, not "
         "\"gateway\""},
        {"pattern that is no name", dnsmasq("hostname_pattern: '-{mac}'"),
         "4:23: network.dnsmasq.hostname_pattern: expected a DNS name once 12 digits replace {mac}, not the "
         "text "
         "\"-{mac}\""},
        {"alias that is no name", dnsmasq("gateway_aliases: [ok, 'not ok']"),
         "4:27: network.dnsmasq.gateway_aliases: expected a DNS name, not the text \"not ok\""},
        {"aliases as a text", dnsmasq("gateway_aliases: atomixos"),
         "4:22: network.dnsmasq.gateway_aliases: expected a list, not \"atomixos\""},
        {"unknown key", dnsmasq("gateway: x"),
         "4:5: network.dnsmasq.gateway: is not a known key here; known are enable, interface, gateway_cidr, "
         "dhcp_start, dhcp_end, domain, hostname_pattern, gateway_aliases, reservations"},

        {"no NTP server", servers("[]"), "4:14: network.ntp.servers: must name at least one server"},
        {"NTP servers as nothing", servers(""), "4:5: network.ntp.servers: expected a list, not nothing"},
        {"injection into chrony.conf", servers("[\"x\\nallow 0/0\"]"),
         "4:15: network.ntp.servers: must be printable ASCII, which \"x?allow 0/0\" is not"},
        {"a second word", servers("[x iburst]"),
         "4:15: network.ntp.servers: " + std::string{kHost} + "\"x iburst\""},
        {"an incomplete address", servers("[1.2.3.4, 10.0.0]"),
         "4:24: network.ntp.servers: " + std::string{kHost} + "\"10.0.0\""},
        {"a list in the list", servers("[[a]]"), "4:15: network.ntp.servers: expected a text, not a list"},

        {"port 0", ports("{lan: {udp: [0]}}"),
         "4:27: network.firewall.inbound.lan.udp: expected an integer from 1 to 65535, not \"0\""},
        {"port 65536", ports("{wan: {tcp: [65536]}}"),
         "4:27: network.firewall.inbound.wan.tcp: expected an integer from 1 to 65535, not \"65536\""},
        {"port as a text", ports("{wan: {tcp: ['80']}}"),
         "4:27: network.firewall.inbound.wan.tcp: expected an integer from 1 to 65535, not the text \"80\""},
        {"port as a bool", ports("{wan: {tcp: [true]}}"),
         "4:27: network.firewall.inbound.wan.tcp: expected an integer from 1 to 65535, not \"true\""},
        {"ports as an integer", ports("{wan: {tcp: 80}}"),
         "4:26: network.firewall.inbound.wan.tcp: expected a list, not \"80\""},
        {"8080 on the WAN", ports("{wan: {tcp: [8080]}}"),
         "4:27: network.firewall.inbound.wan.tcp: 8080 is reserved for this device's own pages"},
        {"SSH on the WAN", ports("{wan: {tcp: [443, 22]}}"),
         "4:32: network.firewall.inbound.wan.tcp: 22 cannot be opened here: SSH on the WAN is opened only by "
         "the flag "
         "file ssh-wan-enabled"},
        {"another protocol", ports("{wan: {sctp: [1]}}"),
         "4:21: network.firewall.inbound.wan.sctp: is not a known key here; known are tcp, udp"},
        {"another scope", ports("{vpn: {}}"),
         "4:15: network.firewall.inbound.vpn: is not a known key here; known are wan, lan"},

        {"upgrade without its server", "version: 1\nos_upgrade: {}\n",
         "2:1: os_upgrade.server_url: is required"},
        {"http", upgrade("http://h/"), "3:15: os_upgrade.server_url: must begin with https://"},
        {"credentials", upgrade("https://u:p@h/"),
         "3:15: os_upgrade.server_url: must not have credentials (user@)"},
        {"query", upgrade("https://h/?a=b"), "3:15: os_upgrade.server_url: must not have a query (?)"},

        {"window that is none", upgrade("https://h\n  window: at night"),
         "4:11: os_upgrade.window: " + std::string{kWindow} + "\"at night\""},
        {"window as a number", upgrade("https://h\n  window: 2"),
         "4:11: os_upgrade.window: expected a text (put a number in quotes), not \"2\""},
        {"window as a mapping", upgrade("https://h\n  window: {from: 2}"),
         "4:11: os_upgrade.window: expected a text, not a mapping"},
        {"window without a value", upgrade("https://h\n  window:"),
         "4:3: os_upgrade.window: expected a text, not nothing"},
        {"a window of a list", upgrade("https://h\n  window: [02:00-04:00, 02:00-03:60]"),
         "4:25: os_upgrade.window: " + std::string{kWindow} + "\"02:00-03:60\""},
        {"an empty window", upgrade("https://h\n  window: 02:00-02:00"),
         "4:11: os_upgrade.window: begins and ends at 02:00; write 00:00-24:00 for the whole day"},
        {"no windows", upgrade("https://h\n  window: []"),
         "4:11: os_upgrade.window: must have at least one window"},
        {"only_security", upgrade("https://h\n  only_security: yes"),
         "4:18: os_upgrade.only_security: expected true or false, not \"yes\""},
        {"unknown key of the upgrade", upgrade("https://h\n  wave: 1"),
         "4:3: os_upgrade.wave: is not a known key here; known are server_url, window, only_security"},

        {"users", "version: 1\nusers: {}\n", std::string{"2:1: users"} + kNotYet},
        {"unknown section", "version: 1\nlan: {}\n",
         "2:1: lan: is not a known key here; known are version, network, watchdog, os_upgrade, containers, "
         "activation"},
        {"network is a list", "version: 1\nnetwork: []\n", "2:10: network: expected a mapping, not a list"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(test::problem_in(parse(c.text)) == "atomix.yaml:" + c.want);
    }
}

TEST_CASE("every wrong item of a list is reported at its own place") {
    CHECK(test::texts(parse(ports("{wan: {tcp: [22, 443, 8080, x]}}"))).size() == 3);
    CHECK(test::texts(parse(servers("[a b, ok, c d]"))) ==
          std::vector<std::string>{
              "atomix.yaml:4:15: network.ntp.servers: expected an IP address or a DNS name, not \"a b\"",
              "atomix.yaml:4:24: network.ntp.servers: expected an IP address or a DNS name, not \"c d\""});
}

TEST_CASE("the gateway is known by each alias, with the domain behind those that have no dot") {
    config::OperatorDocument document;
    document.gateway_aliases = std::vector<std::string>{"atomixos", "gw.lab"};
    document.domain = std::string{"lan"};
    CHECK(config::gateway_names(document) == std::vector<std::string>{"atomixos", "atomixos.lan", "gw.lab"});
}
