#include "net/http_url.hpp"

#include <doctest/doctest.h>

using core::Errc;
using net::parse_url;
using net::resolve_location;
using net::Url;

TEST_CASE("an https address is split into host, port and target") {
    struct {
        char const* text;
        Url want;
    } const cases[] = {
        {"https://updates.example/a/b?c=d", {"updates.example", 443, "/a/b?c=d"}},
        {"https://updates.example", {"updates.example", 443, "/"}},
        {"HTTPS://Updates.EXAMPLE:8443/X", {"updates.example", 8443, "/X"}},
        {"https://updates.example?q", {"updates.example", 443, "/?q"}},
        {"https://10.0.0.1:444/x#part", {"10.0.0.1", 444, "/x"}},
        {"https://[::1]:8443/", {"::1", 8443, "/"}},
        {"https://[2001:DB8::1]", {"2001:db8::1", 443, "/"}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        auto const url = parse_url(c.text);
        REQUIRE(url.has_value());
        CHECK(*url == c.want);
    }
}

TEST_CASE("an address that is not plain https is refused with the reason") {
    struct {
        std::string_view text;
        Errc code;
        char const* why;
    } const cases[] = {
        {"http://updates.example/", Errc::refused, "only https"},
        {"ftp://x", Errc::refused, "only https"},
        {"/just/a/path", Errc::refused, "only https"},
        {"", Errc::refused, "only https"},
        {"https://user:secret@updates.example/", Errc::refused, "no user name or password in the address"},
        {"https:///path", Errc::bad_input, "\"\" is not a host"},
        {"https://ex ample/", Errc::bad_input, "white space or control characters in it, or too long"},
        {"https://example/a\r\nX: y", Errc::bad_input,
         "white space or control characters in it, or too long"},
        {"https://ex\xc3\xa4mple/", Errc::bad_input, "white space or control characters in it, or too long"},
        {"https://example:0/", Errc::bad_input, "\"0\" is not a port"},
        {"https://example:65536/", Errc::bad_input, "\"65536\" is not a port"},
        {"https://example:44x/", Errc::bad_input, "\"44x\" is not a port"},
        {"https://example:/", Errc::bad_input, "\"\" is not a port"},
        {"https://[::1/", Errc::bad_input, "the IPv6 address has no ]"},
        {"https://[::1]8443/", Errc::bad_input, "\"[::1]8443\" is not a host and port"},
        {"https://[example]/", Errc::bad_input, "\"[example]\" is not a host"},
        {"https://exa\"mple/", Errc::bad_input, "\"exa\"mple\" is not a host"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        auto const url = parse_url(c.text);
        REQUIRE(!url);
        CHECK(url.error().is(c.code));
        CHECK(url.error().context == c.why);
    }
}

TEST_CASE("an address is printed without the default port, and IPv6 in brackets") {
    Url const name{"updates.example", 443, "/a"};
    Url const ipv6{"::1", 8443, "/a"};
    CHECK(name.text() == "https://updates.example/a");
    CHECK(name.peer() == "updates.example:443");
    CHECK(name.authority() == "updates.example");
    CHECK(ipv6.text() == "https://[::1]:8443/a");
    CHECK(ipv6.authority() == "[::1]:8443");
}

TEST_CASE("a Location is understood as RFC 3986 says, relative to where it was found") {
    Url const base{"updates.example", 8443, "/a/b/c?old"};
    struct {
        char const* location;
        char const* want;
    } const cases[] = {
        {"https://cdn.example/x", "https://cdn.example/x"},
        {"//cdn.example/x?y", "https://cdn.example/x?y"},
        {"/x/y?z", "https://updates.example:8443/x/y?z"},
        {"d", "https://updates.example:8443/a/b/d"},
        {"./d", "https://updates.example:8443/a/b/d"},
        {"../d", "https://updates.example:8443/a/d"},
        {"../../../../d", "https://updates.example:8443/d"},
        {"..", "https://updates.example:8443/a/"},
        {"?new", "https://updates.example:8443/a/b/c?new"},
        {"#part", "https://updates.example:8443/a/b/c?old"},
        {"d?to=http://other", "https://updates.example:8443/a/b/d?to=http://other"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.location);
        auto const url = resolve_location(base, c.location);
        REQUIRE(url.has_value());
        CHECK(url->text() == c.want);
    }
}

TEST_CASE("a Location that leaves https, or is none, is refused") {
    Url const base{"updates.example", 443, "/"};
    for (auto const* location : {"http://updates.example/", "file:///etc/passwd", "javascript:x"}) {
        CAPTURE(location);
        auto const url = resolve_location(base, location);
        REQUIRE(!url);
        CHECK(url.error().is(Errc::refused));
    }
    for (auto const* location : {"", "/a b", "/a\tb"}) {
        CAPTURE(location);
        auto const url = resolve_location(base, location);
        REQUIRE(!url);
        CHECK(url.error().is(Errc::bad_input));
    }
}
