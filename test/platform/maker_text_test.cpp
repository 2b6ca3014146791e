#include "platform/maker_text.hpp"

#include <doctest/doctest.h>

using namespace std::string_view_literals;
using platform::maker_text;

TEST_CASE("a maker's text ends where its source says, without the blanks around it") {
    CHECK(maker_text("9a3f5c1de7b20468\0"sv) == "9a3f5c1de7b20468");
    CHECK(maker_text("Pine64 Rock64\0more\0"sv) == "Pine64 Rock64");
    CHECK(maker_text("PF2ABCDE\n"sv) == "PF2ABCDE");
    CHECK(maker_text("  PC-1 2  \r\n"sv) == "PC-1 2");
    CHECK(maker_text("0001") == "0001");   // a short one is one
}

TEST_CASE("a word that stands for nothing is none, whoever wrote it and in which case") {
    for (auto const* placeholder :
         {"\n", "   \n", "Not Specified\n", "To be filled by O.E.M.\n", "To Be Filled By O.E.M.\n",
          "Default string\n", "System Serial Number\n", "None\n", "N/A\n", "0123456789\n", "0\n",
          "0000000000000000\n", "..............\n", "-\n", "XXXXXXXX\n"}) {
        CAPTURE(placeholder);
        CHECK(maker_text(placeholder) == "");
    }
    CHECK(maker_text("\0"sv) == "");
    CHECK(maker_text("") == "");
}

TEST_CASE("what is no printable text is no text for a status") {
    CHECK(maker_text("\xff\xff\xff\xff\n") == "");
    CHECK(maker_text("a\x1b[2Jb\n") == "");
    CHECK(maker_text("Z\xc3\xbcrich\n") == "");
}
