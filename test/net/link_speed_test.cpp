#include "net/link_speed.hpp"

#include "net/network_namespace.hpp"

TEST_CASE("the speed of a link is the driver's word, and nothing where there is none") {
    test::NetworkNamespace const space;
    space.shell("ip link add eth0 type veth peer name wan0");
    CHECK(net::link_speed_mbit("eth0") == 10000);   // what veth says of itself
    CHECK(net::link_speed_mbit("lo") == std::nullopt);
    CHECK(net::link_speed_mbit("eth9") == std::nullopt);
    CHECK(net::link_speed_mbit("a-name-that-is-too-long-for-the-kernel") == std::nullopt);
}
