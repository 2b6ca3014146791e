#include "config/published_port.hpp"

#include "support/print_result.hpp"

#include <doctest/doctest.h>

namespace {

std::string sentence(std::string_view written) {
    auto const port = config::on_loopback(written);
    return port ? "accepted as " + port->text : port.error().context;
}

}   // namespace

TEST_CASE("a port of a container without privileges is published on loopback, whatever was written") {
    struct {
        std::string_view written, text;
        bool is_moved;
    } const cases[] = {
        {"8080:80", "127.0.0.1:8080:80", false},
        {"8080:80/udp", "127.0.0.1:8080:80/udp", false},
        {"1:65535/sctp", "127.0.0.1:1:65535/sctp", false},
        {"127.0.0.1:8080:80", "127.0.0.1:8080:80", false},
        {"127.0.1.1:8080:80/tcp", "127.0.1.1:8080:80/tcp", false},
        {"localhost:8080:80", "127.0.0.1:8080:80", false},
        {"::1:8080:80", "127.0.0.1:8080:80", false},
        {"[::1]:8080:80", "127.0.0.1:8080:80", false},
        {"192.168.1.20:10081:81", "127.0.0.1:10081:81", true},
        {"0.0.0.0:8080:80/udp", "127.0.0.1:8080:80/udp", true},
        {"[::]:8080:80", "127.0.0.1:8080:80", true},
        {"127.0.0.2:8080:80", "127.0.0.1:8080:80", true},
        {"127.0.0.1 --privileged:8080:80", "127.0.0.1:8080:80", true},
    };
    for (auto const& c : cases) {
        CAPTURE(c.written);
        auto const port = config::on_loopback(c.written);
        REQUIRE(port);
        CHECK(port->text == c.text);
        CHECK(port->is_moved == c.is_moved);
    }
}

TEST_CASE("what publishes no single port of this device is refused with the reason") {
    static std::string const kWanted = "expected ports of host and container such as 8080:80, not ";
    struct {
        std::string_view written;
        std::string want;
    } const cases[] = {
        {"80", "\"80\" must say the host's port too, as in 8080:80"},
        {"127.0.0.1::80", "\"127.0.0.1::80\" must say the host's port too, as in 8080:80"},
        {":80", "\":80\" must say the host's port too, as in 8080:80"},
        {"80-90", "\"80-90\" must say the host's port too, as in 8080:80"},
        {"8080-8090:80-90", "\"8080-8090:80-90\" is a range; write every port by itself"},
        {"8080-8090:80", "\"8080-8090:80\" is a range; write every port by itself"},
        {"127.0.0.1:8080:80-90/tcp", "\"127.0.0.1:8080:80-90/tcp\" is a range; write every port by itself"},
        {"", kWanted + "\"\""},
        {"http:80", kWanted + "\"http:80\""},
        {"8080:", kWanted + "\"8080:\""},
        {"0:80", kWanted + "\"0:80\""},
        {"8080:65536", kWanted + "\"8080:65536\""},
        {"8080:80/icmp", kWanted + "\"8080:80/icmp\""},
        {"8080:80 --privileged", kWanted + "\"8080:80 --privileged\""},
        {":8080:80", kWanted + "\":8080:80\""},
        {"%i:80", kWanted + "\"%i:80\""},
    };
    for (auto const& c : cases) {
        CAPTURE(c.written);
        CHECK(sentence(c.written) == c.want);
    }
}
