#include "core/one_line.hpp"

#include <doctest/doctest.h>

using core::one_line;

TEST_CASE("somebody's words become one line, cut between two characters and marked where they go on") {
    struct {
        char const* name;
        char const* words;
        std::size_t longest;
        char const* want;
    } const rows[] = {
        {"nothing", "", 10, ""},
        {"short", "a word", 10, "a word"},
        {"as long as may be", "0123456789", 10, "0123456789"},
        {"one more", "0123456789a", 10, "0123456789…"},
        {"several lines", "a\nb\tc\x7f", 10, "a b c "},
        {"a character that does not fit", "abcé", 4, "abc…"},
        {"one that does", "abcéd", 5, "abcé…"},
        {"no room", "é", 1, "…"},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        CHECK(one_line(row.words, row.longest) == row.want);
    }
}
