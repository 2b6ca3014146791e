#include "config/ascii.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace config;

TEST_CASE("digits and letters are those of ASCII, whatever the locale says") {
    constexpr std::string_view kDigits = "0123456789";
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int byte = 0; byte < 256; ++byte) {
        CAPTURE(byte);
        auto const c = static_cast<char>(byte);
        CHECK(is_digit(c) == (kDigits.find(c) != kDigits.npos));
        CHECK(is_letter(c) == (kLetters.find(c) != kLetters.npos));
    }
}
