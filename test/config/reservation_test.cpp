#include "config/reservation.hpp"

#include "config/documents.hpp"
#include "config/operator_document.hpp"

namespace {

auto parse(std::string const& text) {
    return config::parse_operator_document(text, "atomix.yaml");
}

// The reservations' first item stands in line 5, its first value in column 15.
std::string reservations(std::string const& items, std::string const& more = "") {
    return "version: 1\nnetwork:\n  dnsmasq:\n    reservations:\n" + items + more;
}
std::string one(std::string const& mac, std::string const& ip, std::string const& name = "tv") {
    return reservations("      - {mac: " + mac + ", ip: " + ip + ", name: " + name + "}\n");
}

constexpr auto kMac = "00:11:22:33:44:55";
constexpr auto kKey = "network.dnsmasq.reservations";

}   // namespace

TEST_CASE("a reservation has a MAC, an address and perhaps a name, in their normal form") {
    auto const parsed =
        parse(reservations("      - {mac: 00:11:22:AA:BB:CC, ip: 172.20.30.50, name: Camera}\n"
                           "      - mac: \"02:00:00:00:00:01\"\n"
                           "        ip: 172.20.30.2\n"));
    REQUIRE(test::problem_in(parsed) == "");
    CHECK(*std::get<config::OperatorDocument>(parsed).reservations ==
          std::vector<config::Reservation>{{"00:11:22:aa:bb:cc", {0xac141e32}, "camera"},
                                           {"02:00:00:00:00:01", {0xac141e02}, ""}});
}

TEST_CASE("each rule of the reservations has its sentence, line and column") {
    std::string const item = kKey, mac = "atomix.yaml:5:15: " + item + ".mac: ",
                      ip = "atomix.yaml:5:38: " + item + ".ip: ",
                      name = "atomix.yaml:5:58: " + item + ".name: ";
    struct {
        char const* name;
        std::string text;
        std::string want;
    } const cases[] = {
        {"short MAC", one("00:11:22:33:44", "172.20.30.50"),
         mac + "expected a MAC address such as 00:11:22:33:44:55, not \"00:11:22:33:44\""},
        {"MAC with hyphens", one("00-11-22-33-44-55", "172.20.30.50"),
         mac + "expected a MAC address such as 00:11:22:33:44:55, not \"00-11-22-33-44-55\""},
        {"MAC that is not hexadecimal", one("00:11:22:33:44:5g", "172.20.30.50"),
         mac + "expected a MAC address such as 00:11:22:33:44:55, not \"00:11:22:33:44:5g\""},
        {"MAC with a line break", one("\"00:11:22:33:44:5\\n\"", "172.20.30.50"),
         mac + "expected a MAC address such as 00:11:22:33:44:55, not the text \"00:11:22:33:44:5?\""},
        {"MAC of a group", one("01:00:5e:00:00:01", "172.20.30.50"),
         mac + "must be the address of one host, which 01:00:5e:00:00:01 is not"},
        {"MAC of nobody", one("00:00:00:00:00:00", "172.20.30.50"),
         mac + "must be the address of one host, which 00:00:00:00:00:00 is not"},

        {"no address", one(kMac, "172.20.30"),
         ip + "expected an IPv4 address such as 172.20.30.10, not \"172.20.30\""},
        {"outside the LAN", one(kMac, "172.20.31.5"),
         ip + "must be in the LAN 172.20.30.0/24, from 172.20.30.1 to 172.20.30.254"},
        {"the network", one(kMac, "172.20.30.0"),
         ip + "must be in the LAN 172.20.30.0/24, from 172.20.30.1 to 172.20.30.254"},
        {"the broadcast", one(kMac, "172.20.30.255"),
         ip + "must be in the LAN 172.20.30.0/24, from 172.20.30.1 to 172.20.30.254"},
        {"the gateway", one(kMac, "172.20.30.1"), ip + "is the gateway's own address"},

        {"name with a dot", one(kMac, "172.20.30.50", "tv.local"),
         name + "expected one label of a DNS name, without a dot, not \"tv.local\""},
        {"name with an underscore", one(kMac, "172.20.30.50", "my_tv"),
         name + "expected one label of a DNS name, without a dot, not \"my_tv\""},
        {"empty name", one(kMac, "172.20.30.50", "''"),
         name + "expected one label of a DNS name, without a dot, not the text \"\""},
        {"too long a name", one(kMac, "172.20.30.50", std::string(64, 'a')),
         name + "expected one label of a DNS name, without a dot, not \"" + std::string(64, 'a') + "\""},
        {"name of the gateway", one(kMac, "172.20.30.50", "AtomixOS"),
         name + "\"atomixos\" is a name of the gateway"},
        {"lease time", one(kMac, "172.20.30.50", "12h"),
         name + "must not be \"12h\", which dnsmasq takes for a lease time or an order"},
        {"order", one(kMac, "172.20.30.50", "Ignore"),
         name + "must not be \"ignore\", which dnsmasq takes for a lease time or an order"},

        {"no MAC", reservations("      - {ip: 172.20.30.50}\n"),
         "atomix.yaml:5:9: " + item + ".mac: is required"},
        {"unknown key", reservations("      - {mac: 00:11:22:33:44:55, ip: 172.20.30.50, host: tv}\n"),
         "atomix.yaml:5:52: " + item + ".host: is not a known key here; known are mac, ip, name"},
        {"a text for an item", reservations("      - tv\n"),
         "atomix.yaml:5:9: " + item + ": expected a mapping, not \"tv\""},
        {"a mapping for the list", reservations("      {mac: a}\n"),
         "atomix.yaml:5:7: " + item + ": expected a list, not a mapping"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(test::problem_in(parse(c.text)) == c.want);
    }
}

TEST_CASE("what is reserved twice is reported with the line of the first one") {
    CHECK(
        test::texts(parse(reservations("      - {mac: 00:11:22:33:44:55, ip: 172.20.30.50, name: tv}\n"
                                       "      - {mac: 00:11:22:33:44:66, ip: 172.20.30.51, name: pc}\n"
                                       "      - {mac: 00:11:22:33:44:55, ip: 172.20.30.51, name: TV}\n"))) ==
        std::vector<std::string>{
            "atomix.yaml:7:15: network.dnsmasq.reservations.mac: 00:11:22:33:44:55 is reserved in line 5 "
            "already",
            "atomix.yaml:7:38: network.dnsmasq.reservations.ip: 172.20.30.51 is reserved in line 6 already",
            "atomix.yaml:7:58: network.dnsmasq.reservations.name: tv is reserved in line 5 already"});
}

TEST_CASE("a reservation is held against the LAN of its own document, and not against a refused one") {
    auto const moved = one(kMac, "10.44.0.50") + "    gateway_cidr: 10.44.0.1/24\n";
    CHECK(test::problem_in(parse(moved)) == "");
    auto const refused = one(kMac, "10.44.0.50") + "    gateway_cidr: 10.44.0.1/31\n";
    CHECK(test::texts(parse(refused)).size() == 1);
}

TEST_CASE("a reservation may not have a name that the gateway has with the domain behind it") {
    auto const text = one(kMac, "172.20.30.50", "gw") + "    gateway_aliases: [gw.lab]\n    domain: lab\n";
    CHECK(test::texts(parse(text)) ==
          std::vector<std::string>{
              "atomix.yaml:5:58: network.dnsmasq.reservations.name: \"gw\" is a name of the gateway"});
}
