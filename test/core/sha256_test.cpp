#include "core/sha256.hpp"

#include <doctest/doctest.h>

using namespace std::string_literals;

TEST_CASE("digests are those of FIPS 180-4's examples") {
    CHECK(core::to_hex(core::sha256("")) ==
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(core::to_hex(core::sha256("abc")) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    auto const bytes = std::as_bytes(std::span{"abc", 3});
    CHECK(core::sha256(bytes) == core::sha256("abc"));
}

TEST_CASE("a digest is read from exactly 64 hexadecimal digits of either case") {
    auto const digest = core::sha256("abc");
    auto const hex = core::to_hex(digest);
    auto upper = hex;
    for (auto& c : upper) c = static_cast<char>(std::toupper(c));
    CHECK(core::sha256_from_hex(hex) == digest);
    CHECK(core::sha256_from_hex(upper) == digest);

    CHECK(!core::sha256_from_hex(""));
    CHECK(!core::sha256_from_hex(hex.substr(1)));
    CHECK(!core::sha256_from_hex(hex + "0"));
    for (char const wrong : {'g', 'G', ' ', '/', ':', '@', '`', '\0'}) {
        auto text = hex;
        text[40] = wrong;
        CHECK(!core::sha256_from_hex(text));
    }
}

TEST_CASE("bytes print as two lower-case digits each") {
    std::uint8_t const bytes[] = {0x00, 0x0f, 0xa0, 0xff};
    CHECK(core::to_hex(bytes) == "000fa0ff");
    CHECK(core::to_hex({}) == "");
}
