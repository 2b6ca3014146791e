#include "net/lease_file.hpp"

#include "core/ipv4.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace std::chrono_literals;

namespace {

constexpr auto kGood = "1795507443 02:00:00:00:00:77 172.20.30.150 camera 01:02:00:00:00:00:77\n"
                       "0 00:11:22:aa:bb:cc 172.20.30.5 * *\n"
                       "duid 00:01:00:01:30:e5:0b:8c:02:41:54:58:4d:01\n"
                       "1795507443 12345 fd00::77 camera 00:01:00:01\n";

}   // namespace

TEST_CASE("dnsmasq's lease file is a list of hosts in the order of their addresses") {
    CHECK(net::parse_leases(kGood) ==
          core::Leases{.known = {{"172.20.30.5", "00:11:22:aa:bb:cc", "", std::nullopt},
                                 {"172.20.30.150", "02:00:00:00:00:77", "camera",
                                  core::parse_wall_time("2026-11-24T08:04:03Z")}},
                       .left_out = 0});
    CHECK(net::parse_leases("") == core::Leases{});
}

TEST_CASE("what is no lease is left out, and the rest is kept") {
    struct {
        char const* name;
        std::string line;
    } const cases[] = {
        {"empty", ""},
        {"one word", "1795507443"},
        {"no name", "1795507443 02:00:00:00:00:77 172.20.30.150"},
        {"negative expiry", "-1 02:00:00:00:00:77 172.20.30.150 a *"},
        {"expiry with a rest", "17x 02:00:00:00:00:77 172.20.30.150 a *"},
        {"expiry beyond the calendar", "253402300800 02:00:00:00:00:77 172.20.30.150 a *"},
        {"expiry too large", "99999999999999999999 02:00:00:00:00:77 172.20.30.150 a *"},
        {"short MAC", "1 02:00:00:00:00 172.20.30.150 a *"},
        {"MAC with markup", "1 02:00:00:00:00:<b 172.20.30.150 a *"},
        {"another hardware type", "1 06-02:00:00:00:00:77 172.20.30.150 a *"},
        {"no address", "1 02:00:00:00:00:77 172.20.30 a *"},
        {"two spaces", "1  02:00:00:00:00:77 172.20.30.150 a *"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const got = net::parse_leases(c.line + "\n2 02:00:00:00:00:01 10.0.0.1 ok *\n");
        REQUIRE(got.known.size() == 1);
        CHECK(got.known[0].name == "ok");
    }
}

TEST_CASE("a last line that is still being written is not read yet") {
    CHECK(net::parse_leases("1 02:00:00:00:00:77 172.20.30.15").known.empty());
    CHECK(net::parse_leases("1 02:00:00:00:00:77 172.20.30.1 a *").known.empty());
}

TEST_CASE("a name that is no DNS name is no name") {
    auto const name = [](std::string const& text) {
        return net::parse_leases("1 02:00:00:00:00:77 172.20.30.1 " + text + " *\n").known.at(0).name;
    };
    CHECK(name("Camera") == "camera");
    CHECK(name("<script>") == "");
    CHECK(name("a\x1b[2J") == "");
    CHECK(name(std::string(300, 'a')) == "");
}

TEST_CASE("more leases than can be are counted, not kept") {
    std::string text;
    for (int i = 0; i < 1030; ++i)
        text +=
            "1 02:00:00:00:00:77 10.0." + std::to_string(i / 256) + '.' + std::to_string(i % 256) + " a *\n";
    auto const got = net::parse_leases(text);
    CHECK(got.known.size() == 1024);
    CHECK(got.left_out == 6);
}

TEST_CASE("a lease file with any bytes changed is read") {
    std::mt19937 random{20261101};
    for (int round = 0; round < 5000; ++round) {
        std::string text = kGood;
        for (auto changes = 1 + random() % 8; changes > 0; --changes)
            text[random() % text.size()] = static_cast<char>(random());
        for (auto const& lease : net::parse_leases(text).known)
            CHECK(core::parse_ipv4(lease.address).has_value());
    }
}
