#pragma once
// Collects what is wrong with a document, so that everything is reported at once and in the order of the
// lines.

#include "config/field.hpp"

#include <cstddef>
#include <map>
#include <string>

namespace config {

// A document with more problems than this is not the work of a person; the rest is counted, not listed.
inline constexpr std::size_t kMostProblems = 100;

class Check {
public:
    void that(bool holds, Place const& at, std::string what) {
        if (!holds) problem(at, std::move(what));
    }
    void problem(Place at, std::string what);

    bool is_clean() const noexcept { return problems_.empty(); }
    // In the order of lines and columns; what has no line comes first. At most kMostProblems and a last one
    // that says how many more there are.
    Problems take();

private:
    std::multimap<std::pair<int, int>, Problem> problems_;   // by line and column, equals in the order found
};

}   // namespace config
