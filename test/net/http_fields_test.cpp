#include "net/http_fields.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using core::ContentRange;

TEST_CASE("a Content-Range is taken only in its complete and consistent form") {
    struct {
        char const* text;
        std::optional<ContentRange> want;
    } const cases[] = {
        {"bytes 0-499/1234", ContentRange{0, 499, 1234}},
        {"bytes 1233-1233/1234", ContentRange{1233, 1233, 1234}},
        {"bytes 0-18446744073709551613/18446744073709551614",
         ContentRange{0, 18446744073709551613ull, 18446744073709551614ull}},
        {"bytes 0-499/*", {}},
        {"bytes */1234", {}},
        {"bytes 500-499/1234", {}},
        {"bytes 0-1234/1234", {}},
        {"bytes 0-499/1234 ", {}},
        {"bytes  0-499/1234", {}},
        {"bytes 0 - 499/1234", {}},
        {"bytes -1-499/1234", {}},
        {"bytes +1-499/1234", {}},
        {"bytes 0-18446744073709551616/18446744073709551617", {}},
        {"items 0-499/1234", {}},
        {"bytes", {}},
        {"", {}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        CHECK((net::parse_content_range(c.text) == c.want));
    }
}

TEST_CASE("Retry-After is a number of seconds, and a date is nothing") {
    CHECK((net::parse_retry_after("120") == 120s));
    CHECK((net::parse_retry_after("0") == 0s));
    CHECK((net::parse_retry_after("99999999999999") == 24h * 3650));
    CHECK(!net::parse_retry_after("Wed, 21 Oct 2026 07:28:00 GMT"));
    CHECK(!net::parse_retry_after("-5"));
    CHECK(!net::parse_retry_after("5s"));
    CHECK(!net::parse_retry_after(""));
}

TEST_CASE("a range is asked for from the front or from the end") {
    CHECK(net::print({.first = 0, .last = 499}) == "bytes=0-499");
    CHECK(net::print({.first = std::nullopt, .last = 65536}) == "bytes=-65536");
}
