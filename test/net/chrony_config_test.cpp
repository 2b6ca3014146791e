#include "net/chrony_config.hpp"

#include <doctest/doctest.h>

TEST_CASE("chrony asks the operator's servers and allows the LAN, with nothing after that to take it back") {
    config::OperatorDocument document;
    document.lan.value = *core::parse_cidr("10.44.0.1/24");
    document.ntp_servers.value = {"time.cloudflare.com", "time.google.com"};
    CHECK(net::chrony_config(document,
                             {.drift = "/data/lan/drift", .socket = "/run/c/s", .pid_file = "/run/c/pid"}) ==
          R"(# Written by atomixd; changes here are lost.
server time.cloudflare.com iburst
server time.google.com iburst
makestep 1.0 -1
local stratum 10
bindaddress 10.44.0.1
allow 10.44.0.0/24
cmdport 0
bindcmdaddress /run/c/s
driftfile /data/lan/drift
pidfile /run/c/pid
)");
}
