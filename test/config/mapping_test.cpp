#include "config/mapping.hpp"

#include <doctest/doctest.h>

using config::Field;
using config::Mapping;

namespace {

// Reads `text` as `read` does, and gives what is wrong.
template <class Read> std::vector<std::string> problems_of(std::string const& text, Read read) {
    config::Check check;
    auto const tree = config::parse_yaml(text, "f", check);
    REQUIRE(tree);
    {
        Mapping root{*tree, check};
        read(root);
    }
    std::vector<std::string> lines;
    for (auto const& problem : check.take()) lines.push_back(problem.text());
    return lines;
}

using Lines = std::vector<std::string>;

}   // namespace

TEST_CASE("a key that is read leaves its value and place, an absent one the default") {
    Field<std::string> name{"default"}, other{"default"};
    auto const problems = problems_of("a:\n  name: x\n", [&](Mapping& root) {
        auto inner = root.within("a");
        CHECK(inner.read("name", name, config::as_text));
        CHECK(inner.read("other", other, config::as_text));
    });
    CHECK(problems.empty());
    CHECK(*name == "x");
    CHECK(name.at == config::Place{"f", 2, 9});
    CHECK(*other == "default");
    CHECK_FALSE(other.is_written());
}

TEST_CASE("a value of the wrong kind is a problem with its full key, and leaves the default") {
    Field<std::string> name{"default"};
    CHECK(problems_of("a: {name: [x]}\n", [&](Mapping& root) {
              CHECK_FALSE(root.within("a").read("name", name, config::as_text));
          }) == Lines{"f:1:11: a.name: expected a text, not a list"});
    CHECK(*name == "default");
}

TEST_CASE("what is required and absent is a problem where its mapping begins") {
    Field<std::string> name;
    auto const read = [&](Mapping& root) {
        CHECK_FALSE(root.within("a").require("name", name, config::as_text));
    };
    CHECK(problems_of("b: 1\na:\n", [&](Mapping& root) {
              root.find("b");
              read(root);
          }) == Lines{"f:2:1: a.name: is required"});
    CHECK(problems_of("", read) == Lines{"f:1:1: a.name: is required"});
}

TEST_CASE("keys that nobody asked for are problems, and the known ones are listed") {
    CHECK(problems_of("x: 1\na: {y: 2}\n",
                      [](Mapping& root) {
                          auto inner = root.within("a");
                          inner.find("b");
                          inner.find("c");
                      }) == Lines{"f:1:1: x: is not a known key here; known are a",
                                  "f:2:5: a.y: is not a known key here; known are b, c"});
}

TEST_CASE("a refused key says why, and is not offered as a known one") {
    CHECK(problems_of("x: 1\ny: 2\n", [](Mapping& root) {
              root.find("a");
              root.refuse("x", "is refused");
              root.refuse("z", "is refused");
          }) == Lines{"f:1:1: x: is refused", "f:2:1: y: is not a known key here; known are a"});
}

TEST_CASE("what is told although it is no problem has its place and its full key") {
    std::string told;
    CHECK(problems_of("a: {b: 5}\n", [&](Mapping& root) {
              auto inner = root.within("a");
              told = inner.told(inner.find("b")->at, "b", "is odd");
          }).empty());
    CHECK(told == "f:1:8: a.b: is odd");
}

TEST_CASE("what is no mapping is reported once, not again for every key in it") {
    Field<std::string> name;
    CHECK(problems_of("a: 5\n", [&](Mapping& root) {
              auto inner = root.within("a");
              CHECK_FALSE(inner.require("name", name, config::as_text));
              auto const innermost = inner.within("b");
              CHECK_FALSE(innermost.is_written());
          }) == Lines{"f:1:4: a: expected a mapping, not \"5\""});
}
