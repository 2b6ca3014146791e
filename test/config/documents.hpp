#pragma once
// Documents for the tests of config/: complete ones, changed ones, and what is said about them.

#include "config/operator_document.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

namespace test {

// The simulated board's document as the slot's image carries it.
inline std::string sim_device_document() {
    std::ifstream in{SOURCE_DIRECTORY "/deploy/sim/device.yaml.in"};
    std::stringstream text;
    text << in.rdbuf();
    auto document = text.str();
    if (auto const at = document.find("@BUILT@"); at != std::string::npos)
        document.replace(at, 7, "2026-11-01T00:00:00Z");
    return document;
}

inline std::string replaced(std::string text, std::string_view old, std::string_view fresh) {
    auto const at = text.find(old);
    REQUIRE_MESSAGE(at != std::string::npos, "the document has no " << old);
    return text.replace(at, old.size(), fresh);
}

template <class Document>
std::vector<std::string> texts(std::variant<Document, config::Problems> const& parsed) {
    std::vector<std::string> lines;
    if (auto const* problems = std::get_if<config::Problems>(&parsed))
        for (auto const& problem : *problems) lines.push_back(problem.text());
    return lines;
}

// The only problem; "" when there is none, all of them when there are more.
template <class Document> std::string problem_in(std::variant<Document, config::Problems> const& parsed) {
    std::string all;
    for (auto const& line : texts(parsed)) all += (all.empty() ? "" : "\n") + line;
    return all;
}

}   // namespace test
