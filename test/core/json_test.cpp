#include "core/json.hpp"

#include <doctest/doctest.h>

using core::Errc;

TEST_CASE("only one whole JSON object is accepted") {
    for (auto const* text : {"", "{", "[]", "7", "\"x\"", "null", R"({"a":1} x)", R"({"a":1,})", "{'a':1}",
                             "{\"a\":\"\xff\"}"}) {
        CAPTURE(text);
        auto const got = core::parse_json_object(text);
        REQUIRE(!got);
        CHECK(got.error().is(Errc::bad_input));
    }
    auto const got = core::parse_json_object(" {\"a\": {}} \n");
    REQUIRE(got);
    CHECK(got->contains("a"));
}

TEST_CASE("only one whole JSON list is accepted as one") {
    for (auto const* text : {"", "[", "{}", "7", "[1] x", "[1,]"}) {
        CAPTURE(text);
        auto const got = core::parse_json_array(text);
        REQUIRE(!got);
        CHECK(got.error().is(Errc::bad_input));
    }
    auto const got = core::parse_json_array(" [{}, 2] \n");
    REQUIRE(got);
    CHECK(got->size() == 2);
}

TEST_CASE("a text nested too deeply is bad input, not a crash") {
    std::string deep = "{\"a\":";
    for (int i = 0; i < 100'000; ++i) deep += '[';
    CHECK(core::parse_json_object(deep).error().is(Errc::bad_input));
}

TEST_CASE("a member of another type reads as absent") {
    auto const object = *core::parse_json_object(
        R"({"text":"a\u0000b","number":-5,"large":9223372036854775808,"half":0.5,"none":null,"empty":""})");
    CHECK(core::string_in(object, "text") == std::string{"a\0b", 3});
    CHECK(core::string_in(object, "empty") == "");
    CHECK(core::integer_in(object, "number") == -5);
    for (auto const* key : {"number", "none", "absent"}) CHECK(!core::string_in(object, key));
    for (auto const* key : {"text", "large", "half", "none", "absent"}) {
        CAPTURE(key);
        CHECK(!core::integer_in(object, key));
    }
}

TEST_CASE("a list of texts comes back as it was, without what is no text, and nothing else is one") {
    std::vector<std::string> const words{"dns", ""};
    CHECK(core::texts_in({{"probes", core::texts(words)}}, "probes") == words);
    CHECK(core::texts_in({{"probes", {"dns", 7, nullptr}}}, "probes") == std::vector<std::string>{"dns"});
    CHECK(core::texts_in({{"probes", "dns"}}, "probes").empty());
    CHECK(core::texts_in({}, "probes").empty());
}

TEST_CASE("printed JSON is indented by two and keeps the order of its keys") {
    core::json::object object;
    object["zebra"] = core::json::array{1, "two\n"};
    object["ant"] = core::json::object{{"on", true}};
    object["none"] = core::json::array{};
    object["bare"] = core::json::object{};
    CHECK(core::print_json(object) == R"({
  "zebra": [
    1,
    "two\n"
  ],
  "ant": {
    "on": true
  },
  "none": [],
  "bare": {}
}
)");
    CHECK(*core::parse_json_object(core::print_json(object)) == object);
}
