"""Source files whose header no test includes, and the test that drives them through their caller's header.

An exception that is not needed, or whose test is gone, is a finding.
"""

_HTTPS = "test/net/https_client_test.cpp"      # a real nginx behind net/https_client.hpp
_INSTALL = "test/ota/bundle_install_test.cpp"  # real bundles through ota/bundle.hpp
_LIFE_CYCLE = "test/ota/life_cycle_test.cpp"   # ota/life_cycle.hpp on a whole device of fakes

WITHOUT_OWN_TEST = {
    "net/http_connect.cpp": _HTTPS,
    "net/http_dial.cpp": "test/net/https_proxy_test.cpp",
    "net/http_reply.cpp": _HTTPS,
    "net/tls.cpp": _HTTPS,
    "net/nft_events.cpp": "test/net/firewall_test.cpp",
    "net/status_connection.cpp": "test/net/status_server_test.cpp",
    "ota/bundle_range.cpp": _INSTALL,
    "ota/bundle_writer.cpp": _INSTALL,
    "ota/reboot.cpp": _LIFE_CYCLE,
}
