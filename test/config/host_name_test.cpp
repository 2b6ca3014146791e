#include "config/host_name.hpp"

#include <doctest/doctest.h>

namespace {

std::string const kLabel63(63, 'a');
std::string const kName253 = kLabel63 + '.' + kLabel63 + '.' + kLabel63 + '.' + std::string(61, 'a');

}   // namespace

TEST_CASE("a DNS name is lower-cased, and loses its final dot") {
    struct {
        std::string text;
        std::optional<std::string> want;
    } const cases[] = {
        {"local", "local"},
        {"Gateway.LAB.", "gateway.lab"},
        {"a-1.b", "a-1.b"},
        {kLabel63, kLabel63},
        {kLabel63 + 'a', {}},
        {kName253, kName253},
        {kName253 + '.', kName253},
        {kName253 + 'a', {}},
        {"", {}},
        {".", {}},
        {"a..b", {}},
        {".a", {}},
        {"a..", {}},
        {"-a", {}},
        {"a-", {}},
        {"a_b", {}},
        {"a b", {}},
        {"a\nb", {}},
        {std::string{"a\0b", 3}, {}},
        {"a/b", {}},
        {"a,b", {}},
        {"\xc3\xa4", {}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        CHECK(config::normal_dns_name(c.text) == c.want);
    }
}

TEST_CASE("a host is an address or a DNS name that nobody takes for an address") {
    struct {
        std::string text;
        std::optional<std::string> want;
    } const cases[] = {
        {"Time.Cloudflare.com", "time.cloudflare.com"},
        {"192.0.2.1", "192.0.2.1"},
        {"2001:DB8::1", "2001:db8::1"},
        {"::1", "::1"},
        {"a1", "a1"},
        {"192.0.2", {}},
        {"192.0.2.256", {}},
        {"192.0.2.01", {}},
        {"3221225985", {}},
        {"host.0x7f", {}},
        {"fe80::1%eth0", {}},
        {"[::1]", {}},
        {"::g", {}},
        {"x\nallow 0/0", {}},
        {"x allow", {}},
        {"x;y", {}},
        {"", {}},
        {std::string{"::1\0", 4}, {}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        CHECK(config::normal_host(c.text) == c.want);
    }
}

TEST_CASE("a server URL is https, names a host, and carries nothing but a path") {
    static constexpr auto kHost = "must name a host by IP address (IPv6 in brackets) or DNS name";
    static constexpr auto kPort = "must have a port from 1 to 65535, or none";
    static constexpr auto kPath = "must not have whitespace or characters that need escaping in its path";
    struct {
        std::string text;
        std::string want;
    } const cases[] = {
        {"https://updates.example.com", "https://updates.example.com"},
        {"HTTPS://Updates.Example.com/Path//", "https://updates.example.com/Path"},
        {"https://192.0.2.1:8443/", "https://192.0.2.1:8443"},
        {"https://[2001:db8::1]:443/a", "https://[2001:db8::1]:443/a"},
        {"https://h/a%20b/~c", "https://h/a%20b/~c"},
        {"http://h", "must begin with https://"},
        {"h", "must begin with https://"},
        {"", "must begin with https://"},
        {" https://h", "must begin with https://"},
        {"https://", kHost},
        {"https:///a", kHost},
        {"https://user@h/", "must not have credentials (user@)"},
        {"https://user:secret@h/", "must not have credentials (user@)"},
        {"https://h/?q=1", "must not have a query (?)"},
        {"https://h?q=1", "must not have a query (?)"},
        {"https://h/#f", "must not have a fragment (#)"},
        {"https://h h/", kHost},
        {"https://h\n/", kHost},
        {"https://::1/", kHost},
        {"https://[192.0.2.1]/", kHost},
        {"https://[::1/", kHost},
        {"https://1.2.3/", kHost},
        {"https://h:/", kPort},
        {"https://h:0/", kPort},
        {"https://h:080/", kPort},
        {"https://h:65536/", kPort},
        {"https://h:99999999999/", kPort},
        {"https://h:8a/", kPort},
        {"https://[::1]x/", kPort},
        {"https://h/a b", kPath},
        {"https://h/a\tb", kPath},
        {"https://h/a%2", kPath},
        {"https://h/a%zz", kPath},
        {"https://h/\"", kPath},
        {"https://h/\\", kPath},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        auto const url = config::normal_server_url(c.text);
        CHECK((url ? *url : url.error().context) == c.want);
    }
}
