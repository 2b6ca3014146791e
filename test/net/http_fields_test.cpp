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

TEST_CASE("Retry-After is a number of seconds") {
    CHECK((net::parse_retry_after("120", "") == 120s));
    CHECK((net::parse_retry_after("0", "") == 0s));
    CHECK((net::parse_retry_after("99999999999999", "") == 24h * 3650));
    CHECK(!net::parse_retry_after("-5", ""));
    CHECK(!net::parse_retry_after("5s", ""));
    CHECK(!net::parse_retry_after("", ""));
}

TEST_CASE("Retry-After as a date is the time from the reply's own Date") {
    auto const date = "Wed, 21 Oct 2026 07:28:00 GMT";
    CHECK((net::parse_retry_after("Wed, 21 Oct 2026 07:30:30 GMT", date) == 150s));
    CHECK((net::parse_retry_after("Wed, 21 Oct 2026 07:27:59 GMT", date) == 0s));
    CHECK((net::parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", date) == 24h * 3650));
    CHECK(!net::parse_retry_after("Wed, 21 Oct 2026 07:30:30 GMT", ""));
    CHECK(!net::parse_retry_after("Wed, 21 Oct 2026 07:30:30 GMT", "yesterday"));
    CHECK(!net::parse_retry_after("tomorrow", date));
}

TEST_CASE("a date of HTTP is taken only in its one form") {
    CHECK((net::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") ==
           core::parse_wall_time("1994-11-06T08:49:37Z")));
    CHECK((net::parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT") ==
           core::parse_wall_time("2024-02-29T23:59:59Z")));
    for (auto const* text :
         {"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Mon, 06 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
          "Wed, 29 Feb 2023 00:00:00 GMT", "Sun, 06 ovD 1994 08:49:37 GMT", "unM, 06 Nov 1994 08:49:37 GMT",
          "Xyz, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMT ", ""}) {
        CAPTURE(text);
        CHECK(!net::parse_http_date(text));
    }
}

TEST_CASE("a range is asked for from the front or from the end") {
    CHECK(net::print({.first = 0, .last = 499}) == "bytes=0-499");
    CHECK(net::print({.first = std::nullopt, .last = 65536}) == "bytes=-65536");
}
