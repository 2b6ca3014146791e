#include "config/check.hpp"

#include <doctest/doctest.h>

TEST_CASE("problems come out in the order of their places, whatever the order they were found in") {
    config::Check check;
    CHECK(check.is_clean());
    check.problem({"f", 9, 2}, "third");
    check.that(false, {"f", 2, 7}, "second");
    check.that(true, {"f", 1, 1}, "holds");
    check.problem({"f", 9, 2}, "fourth, found later at the same place");
    check.problem({"f", 0, 0}, "first");
    CHECK_FALSE(check.is_clean());

    std::vector<std::string> lines;
    for (auto const& problem : check.take()) lines.push_back(problem.text());

    CHECK(lines == std::vector<std::string>{"f: first", "f:2:7: second", "f:9:2: third",
                                            "f:9:2: fourth, found later at the same place"});
    CHECK(check.is_clean());
}

TEST_CASE("of very many problems the first hundred are listed and the rest counted") {
    config::Check check;
    for (int line = 150; line >= 1; --line) check.problem({"f", line, 1}, "wrong");
    auto const problems = check.take();
    REQUIRE(problems.size() == 101);
    CHECK(problems[99].at.line == 100);
    CHECK(problems[100].text() == "f:101:1: from here on 50 more problems are not listed");
}
