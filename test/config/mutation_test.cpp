#include "config/documents.hpp"

#include <algorithm>
#include <random>

namespace {

constexpr auto kOperatorDocument = R"(version: 1
network:
  dnsmasq: {enable: true, gateway_cidr: 10.44.0.1/24, domain: "lab", hostname_pattern: 'gw-{mac}',
    reservations: [{mac: 00:11:22:33:44:55, ip: 10.44.0.50, name: tv}]}
  dns_servers: [192.0.2.53, "2001:db8::53"]
  default_gateway: 192.0.2.1
  interfaces:
    eth0: {mode: static, address: 192.0.2.10/24, dns_search_domains: [lab.example]}
    eth1: {mode: static, address: 10.44.0.1/24}
    eth2: {mode: dhcp, gateway: 198.51.100.1}
  ntp: {servers: [0.pool.ntp.org, "2001:db8::7"]}
  firewall:
    inbound:
      wan:
        tcp:
          - 443
          - 80
os_upgrade:
  server_url: https://updates.example.com/fleet/   # a comment
  window: [02:00-04:00, "Sat,Sun 23:00-01:00"]
  only_security: false
activation: {required: [web]}
containers:
  container:
    web:
      privileged: false
      Unit: {Description: "50% of %n"}
      Container: {Image: localhost/web:1, Network: front, PublishPort: ["192.0.2.1:8080:80/tcp"],
        PodmanArgs: --cpus=1 "-v /a:/b", Exec: [sh, -c, 'a; b'], Volume: data:/srv, ReadOnly: true, StopTimeout: 5}
      Install: {WantedBy: default.target}
  network: {front: {Network: {Internal: true}}}
  volume: {data: {}}
  build: {site: {Build: {ImageTag: localhost/site:1, File: "${FILES_DIR}/Containerfile"}}}
)";

// Either a document, or problems that each have a sentence and a place that can exist.
template <class Document>
bool is_sound(std::variant<Document, config::Problems> const& parsed, std::string const& text) {
    auto const* const problems = std::get_if<config::Problems>(&parsed);
    if (!problems) return true;
    auto const lines = static_cast<int>(std::ranges::count(text, '\n') + std::ranges::count(text, '\r'));
    return !problems->empty() && std::ranges::all_of(*problems, [&](config::Problem const& problem) {
        return problem.at.line >= 0 && problem.at.line <= lines + 1 && problem.at.column >= 0 &&
               !problem.what.empty() && problem.at.file == "f.yaml";
    });
}

template <class Parse> void check_mutations(std::string const& good, Parse parse) {
    REQUIRE(test::problem_in(parse(good, "f.yaml")) == "");
    auto const check = [&](std::string const& text) {
        CAPTURE(text);
        REQUIRE(is_sound(parse(text, "f.yaml"), text));
    };
    for (std::size_t length = 0; length < good.size(); ++length) check(good.substr(0, length));

    std::mt19937 random{20261101};   // the same mutations on every run
    auto const below = [&](std::size_t most) { return random() % most; };
    using namespace std::string_view_literals;   // the marks have a zero among them
    static constexpr auto kMarks = "{}[],:?-&*!|>'\"%@`#~<= \t\r\n\0\x7f\xff"sv;
    for (int round = 0; round < 3000; ++round) {
        auto text = good;
        for (auto changes = 1 + below(4); changes > 0; --changes) {
            auto const at = below(text.size());
            switch (below(4)) {
            case 0:
                text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
                break;
            case 1:
                text[at] = kMarks[below(kMarks.size())];
                break;
            case 2:
                text.insert(at, 1, kMarks[below(kMarks.size())]);
                break;
            default:
                text.erase(at, 1 + below(3));
                break;
            }
        }
        check(text);
    }
}

}   // namespace

TEST_CASE("a mutilated device document is a document or problems with places, and never a crash") {
    check_mutations(test::sim_device_document(), config::parse_device_document);
}

TEST_CASE("a mutilated operator's document is a document or problems with places, and never a crash") {
    check_mutations(kOperatorDocument, [](std::string const& text, std::string const& file) {
        return config::parse_operator_document(text, file);
    });
}
