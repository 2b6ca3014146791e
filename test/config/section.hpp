#pragma once
// One section of a Quadlet unit, read for a test: a document that is nothing else.

#include "config/directives.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace test {

struct ReadSection {
    config::Directives directives;
    std::vector<std::string> problems, warnings;
};

// The body is in line 1, column 1. `rules(mapping, read)` looks at what was read.
template <class Rules> ReadSection read_section(std::string const& body, Rules rules) {
    config::Check check;
    auto const tree = config::parse_yaml(body, "f.yaml", check);
    REQUIRE(tree);
    ReadSection read;
    {
        config::Mapping section{*tree, check};
        read.directives = config::read_directives(section, *tree);
        rules(section, read);
    }
    for (auto const& problem : check.take()) read.problems.push_back(problem.text());
    return read;
}

}   // namespace test
