#include "config/values.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using config::Node;

namespace {

Node scalar(std::string text, bool quoted = false) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.text = std::move(text);
    node.quoted = quoted;
    return node;
}
Node quoted(std::string text) {
    return scalar(std::move(text), true);
}
Node of_kind(Node::Kind kind) {
    Node node;
    node.kind = kind;
    return node;
}

// The value, printed, or the sentence about it.
template <class T, class Print> std::string told(core::Result<T> const& result, Print print) {
    return result ? print(*result) : result.error().context;
}

}   // namespace

TEST_CASE("a duration is a whole number with its unit") {
    static constexpr auto kExpected = "expected a duration such as 500ms, 60s, 10min or 1h, not ";
    struct {
        std::string text;
        std::string want;
    } const cases[] = {
        {"500ms", "500ms"},
        {"1000ms", "1s"},
        {"60s", "1min"},
        {"90s", "90s"},
        {"10min", "10min"},
        {"1h", "1h"},
        {"8760h", "8760h"},
        {"8761h", "must be at most 8760h"},
        {"99999999999999999999h", "must be at most 8760h"},
        {"9223372036854775807ms", "must be at most 8760h"},
        {"499ms", "must be at least 500ms"},
        {"0s", "must be at least 500ms"},
        {"60", std::string{kExpected} + "\"60\""},
        {"s", std::string{kExpected} + "\"s\""},
        {"", std::string{kExpected} + "\"\""},
        {"-5s", std::string{kExpected} + "\"-5s\""},
        {"1.5s", std::string{kExpected} + "\"1.5s\""},
        {"5 s", std::string{kExpected} + "\"5 s\""},
        {"5m", std::string{kExpected} + "\"5m\""},
        {"5sec", std::string{kExpected} + "\"5sec\""},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        CHECK(told(config::as_duration(scalar(c.text), 500ms), config::print_duration) == c.want);
    }
    CHECK(*config::as_duration(scalar("10min"), 0s) == 10min);
    CHECK(config::print_duration(0s) == "0s");
}

TEST_CASE("an integer is decimal, without quotes and within its bounds") {
    struct {
        std::string name;
        Node node;
        std::string want;
    } const cases[] = {
        {"least", scalar("1"), "1"},
        {"most", scalar("9"), "9"},
        {"below", scalar("0"), "expected an integer from 1 to 9, not \"0\""},
        {"above", scalar("10"), "expected an integer from 1 to 9, not \"10\""},
        {"octal in YAML 1.1", scalar("03"), "expected an integer from 1 to 9, not \"03\""},
        {"plus", scalar("+3"), "expected an integer from 1 to 9, not \"+3\""},
        {"hexadecimal", scalar("0x3"), "expected an integer from 1 to 9, not \"0x3\""},
        {"fraction", scalar("3.0"), "expected an integer from 1 to 9, not \"3.0\""},
        {"huge", scalar("99999999999999999999"),
         "expected an integer from 1 to 9, not \"99999999999999999999\""},
        {"quoted", quoted("3"), "expected an integer from 1 to 9, not the text \"3\""},
        {"bool", scalar("true"), "expected an integer from 1 to 9, not \"true\""},
        {"nothing", of_kind(Node::Kind::nothing), "expected an integer from 1 to 9, not nothing"},
        {"list", of_kind(Node::Kind::list), "expected an integer from 1 to 9, not a list"},
        {"mapping", of_kind(Node::Kind::mapping), "expected an integer from 1 to 9, not a mapping"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(told(config::as_integer(c.node, 1, 9), [](int n) { return std::to_string(n); }) == c.want);
    }
    CHECK(*config::as_integer(scalar("0"), 0, 5) == 0);
    CHECK(config::as_integer(scalar("2"), 1, 1).error().context == "expected the integer 1, not \"2\"");
}

TEST_CASE("a bool is true or false and nothing that YAML 1.1 also takes for one") {
    CHECK(*config::as_bool(scalar("true")));
    CHECK_FALSE(*config::as_bool(scalar("false")));
    for (auto const& node : {scalar("NO"), scalar("yes"), scalar("True"), scalar("1"), quoted("true"),
                             of_kind(Node::Kind::nothing)}) {
        CAPTURE(node.text);
        CHECK_FALSE(config::as_bool(node).has_value());
    }
}

TEST_CASE("a text is printable, and never what looks like a number or a bool") {
    auto const print = [](std::string const& text) { return "<" + text + ">"; };
    CHECK(told(config::as_text(scalar("local")), print) == "<local>");
    CHECK(told(config::as_text(scalar("1.2.3.4")), print) == "<1.2.3.4>");
    CHECK(told(config::as_text(scalar("NO")), print) == "<NO>");
    CHECK(told(config::as_text(quoted("5")), print) == "<5>");
    CHECK(told(config::as_text(quoted("")), print) == "<>");
    CHECK(told(config::as_text(scalar("5")), print) == "expected a text (put a number in quotes), not \"5\"");
    CHECK(told(config::as_text(scalar("1e3")), print) ==
          "expected a text (put a number in quotes), not \"1e3\"");
    CHECK(told(config::as_text(scalar("0x1F")), print) ==
          "expected a text (put a number in quotes), not \"0x1F\"");
    CHECK(told(config::as_text(scalar("true")), print) ==
          "expected a text (put true and false in quotes), not \"true\"");
    CHECK(told(config::as_text(quoted("a\nb")), print) == "must be printable ASCII, which \"a?b\" is not");
    CHECK(told(config::as_text(scalar("\xc3\xa4")), print) == "must be printable ASCII, which \"??\" is not");
    CHECK(told(config::as_text(of_kind(Node::Kind::list)), print) == "expected a text, not a list");
}

TEST_CASE("a line is UTF-8 without line breaks, and never what looks like a number or a bool") {
    auto const print = [](std::string const& text) { return "<" + text + ">"; };
    for (std::string const text :
         {"", "a\tb",
          "gr\xc3\xbc\xc3\x9f"
          "e",
          "\xe2\x82\xac", "\xf0\x9f\x90\xa7", "~", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        CAPTURE(text);
        CHECK(told(config::as_line(quoted(text)), print) == "<" + text + ">");
    }
    for (std::string const text :
         {"\xe4", "a\xff", "\xc0\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
          "\xe2\x82", "\xe2\x28\xa1", "\x80"}) {
        CAPTURE(text.size());
        CHECK(told(config::as_line(quoted(text)), print).starts_with("must be UTF-8, which "));
    }
    for (std::string const text : {"a\nb", "a\rb",
                                   "a\x1b"
                                   "b",
                                   "a\x7f"
                                   "b"}) {
        CAPTURE(text);
        CHECK(told(config::as_line(quoted(text)), print) ==
              "must be one line without control characters, which \"a?b\" is not");
    }
    CHECK(told(config::as_line(quoted(std::string{"a\0b", 3})), print) ==
          "must be one line without control characters, which \"a?b\" is not");
    CHECK(told(config::as_line(scalar("5")), print) == "expected a text (put a number in quotes), not \"5\"");
    CHECK(told(config::as_line(of_kind(Node::Kind::list)), print) == "expected a text, not a list");
}

TEST_CASE("a wall time is UTC, complete, and a moment that exists") {
    for (std::string const text : {"2026-11-01T00:00:00Z", "2024-02-29T23:59:59Z", "1999-12-31T12:30:15Z"}) {
        CAPTURE(text);
        CHECK(told(config::as_wall_time(scalar(text)), core::print_wall_time) == text);
    }
    for (auto const* text :
         {"2026-11-01", "2026-11-01T00:00:00", "2026-11-01 00:00:00Z", "2026-11-01T00:00:00+01:00",
          "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z",
          "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-1-1T00:00:00Z",
          " 2026-11-01T00:00:00Z", "now", ""}) {
        CAPTURE(text);
        CHECK_FALSE(config::as_wall_time(scalar(text)).has_value());
    }
}

TEST_CASE("a path is absolute") {
    CHECK(*config::as_absolute_path(scalar("/data")) == "/data");
    for (auto const& node : {scalar("data"), scalar("./data"), quoted(""), quoted("/da\nta"),
                             scalar("/" + std::string(4095, 'x')), of_kind(Node::Kind::nothing)}) {
        CAPTURE(node.text);
        CHECK_FALSE(config::as_absolute_path(node).has_value());
    }
}

TEST_CASE("an interface name is one that the kernel and nft take") {
    for (std::string const text : {"eth0", "enp1s0.5", "wg-a_b", "br0:1", "abcdefghijklmno"}) {
        CAPTURE(text);
        CHECK(*config::as_interface_name(scalar(text)) == text);
    }
    for (std::string const text : {"", "abcdefghijklmnop", "eth 0", "eth/0", "eth0\"", ".", "..", "et*"}) {
        CAPTURE(text);
        CHECK_FALSE(config::as_interface_name(quoted(text)).has_value());
    }
}
