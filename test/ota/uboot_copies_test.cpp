#include "ota/uboot_copies.hpp"

#include <doctest/doctest.h>
#include <zlib.h>

#include <memory>
#include <random>

using ota::EnvCopy;
using ota::Variables;

namespace {

using Bytes = std::vector<unsigned char>;

// A copy as U-Boot writes it.
Bytes made(std::string const& data, std::optional<unsigned char> flags, std::size_t size = 512) {
    std::size_t const header = flags ? 5 : 4;
    Bytes bytes(size, 0);
    std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
    auto const sum = ::crc32_z(0, bytes.data() + header, size - header);
    for (int i = 0; i < 4; ++i)
        bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(sum >> (8 * i));
    if (flags) bytes[4] = *flags;
    return bytes;
}

std::string operator""_z(char const* text, std::size_t length) {
    return {text, length};
}

EnvCopy good(std::uint8_t flags, Variables variables = {{"a", "1"}}) {
    return {.flags = flags, .variables = std::move(variables)};
}
EnvCopy bad(std::uint8_t flags = 0) {
    return {.flags = flags, .variables = std::nullopt};
}

std::vector<ota::CopyPlace> const kOne{{.device = "/dev/one", .offset = 0, .size = 512}};
std::vector<ota::CopyPlace> const kTwo{{.device = "/dev/mtd0", .offset = 0x140000, .size = 512},
                                       {.device = "/dev/mtd0", .offset = 0x150000, .size = 512}};

std::string text_of(ota::Result<void> const& result) {
    return result ? "good" : result.error().context;
}

}   // namespace

TEST_CASE("the description of an environment names one or two places") {
    using Places = std::vector<ota::CopyPlace>;
    struct {
        char const* name;
        char const* text;
        Places want;
    } const cases[] = {
        {"two copies on flash",
         "/dev/mtd0 0x140000 0x2000 0x1000\n/dev/mtd0 0x150000 0x2000 0x1000 2\n",
         {{"/dev/mtd0", 0x140000, 0x2000}, {"/dev/mtd0", 0x150000, 0x2000}}},
        {"one copy, comments, empty lines, tabs",
         "# device\n\n/dev/x\t0x0\t0x4000\n#/dev/y 0 1000\n",
         {{"/dev/x", 0, 0x4000}}},
        {"no line end", "/dev/x 0 4000", {{"/dev/x", 0, 0x4000}}},
        {"the size is hexadecimal either way, the offset only with 0x",
         "/dev/x 4096 2000",
         {{"/dev/x", 4096, 0x2000}}},
        {"from the end", "/dev/x -0x2000 0x2000", {{"/dev/x", -0x2000, 0x2000}}},
        {"a line without a size means nothing", "/dev/x 0\n/dev/y 0 0x2000\n", {{"/dev/y", 0, 0x2000}}},
        {"a third line means nothing",
         "/a 0 2000\n/b 0 2000\n/c zz zz\n",
         {{"/a", 0, 0x2000}, {"/b", 0, 0x2000}}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const places = ota::parse_copy_places(c.text);
        REQUIRE(places.has_value());
        CHECK(*places == c.want);
    }
}

TEST_CASE("a description that cannot be used is refused with its line") {
    struct {
        char const* text;
        char const* want;
    } const cases[] = {
        {"", "names no device"},
        {"# nothing\n/dev/x\n", "names no device"},
        {"#\n/dev/x zero 0x2000", "line 2 of the boot environment's description: the offset 'zero'"},
        {"/dev/x 99999999999999999999 0x2000", "the offset '99999999999999999999'"},
        {"/dev/x 0 -1", "the size '-1'"},
        {"/dev/x 0 0", "the size '0'"},
        {"/dev/x 0 0xffffffffff", "the size '0xffffffffff'"},
        {"/dev/x 0 2000\n/dev/y 0 4000", "differ in size"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.text);
        auto const places = ota::parse_copy_places(c.text);
        REQUIRE(!places);
        CHECK(places.error().is(core::Errc::bad_input));
        CHECK_MESSAGE(places.error().context.find(c.want) != std::string::npos, places.error().context);
    }
}

TEST_CASE("a copy is its variables when its checksum is right, with and without flags") {
    auto const data = "BOOT_ORDER=A B\0empty=\0two=x=y\0\0left over=1\0"_z;
    Variables const want{{"BOOT_ORDER", "A B"}, {"empty", ""}, {"two", "x=y"}};
    CHECK(*ota::parse_copy(made(data, std::nullopt), false).variables == want);
    auto const with_flags = ota::parse_copy(made(data, 7), true);
    CHECK(with_flags.flags == 7);
    CHECK(*with_flags.variables == want);

    CHECK(!ota::parse_copy(made(data, std::nullopt), true).variables);   // one for two, and two for one
    CHECK(!ota::parse_copy(made(data, 7), false).variables);
    auto flags_changed = made(data, 7);
    flags_changed[4] = 9;   // the checksum does not cover them
    CHECK(ota::parse_copy(flags_changed, true).flags == 9);
    CHECK(ota::parse_copy(flags_changed, true).variables);
}

TEST_CASE("what is no variable in a good copy is passed over, and the last of two counts") {
    auto const copy = ota::parse_copy(made("noise\0=nameless\0.flags=a:sw\0a=1\0a=2\0\0"_z, 1), true);
    CHECK(*copy.variables == Variables{{"a", "2"}});
    CHECK(ota::parse_copy(made("\0"_z, 1), true).variables == Variables{});
    auto const full = ota::parse_copy(made("a=" + std::string(505, 'x'), 1), true);   // no end but the copy's
    CHECK(full.variables->at("a").size() == 505);
}

TEST_CASE("any changed bit of a copy but its flags makes it a bad one") {
    auto const whole = made("BOOT_ORDER=A B\0BOOT_A_LEFT=3\0\0"_z, 4, 64);
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
        if (bit / 8 == 4) continue;
        auto bytes = whole;
        bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ 1U << bit % 8);
        CHECK(!ota::parse_copy(bytes, true).variables);
    }
}

TEST_CASE("the copy in use is the one that the loader begins with") {
    struct {
        char const* name;
        std::vector<EnvCopy> copies;
        std::optional<std::size_t> want;
    } const cases[] = {
        {"one good copy", {good(0)}, 0},
        {"one bad copy", {bad()}, std::nullopt},
        {"incremental, the first", {good(4), good(3)}, 0},
        {"incremental, the second", {good(3), good(4)}, 1},
        {"incremental, over the top", {good(255), good(0)}, 1},
        {"incremental, over the top, the first", {good(0), good(255)}, 0},
        {"incremental, almost over the top", {good(254), good(255)}, 1},
        {"boolean, the first", {good(1), good(0)}, 0},
        {"boolean, the second", {good(0), good(1)}, 1},
        {"boolean, cut before the older was marked", {good(1), good(1)}, 0},
        {"the newer is bad", {bad(9), good(8)}, 1},
        {"the older is bad", {good(9), bad(8)}, 0},
        {"both are bad", {bad(1), bad(2)}, std::nullopt},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(ota::copy_in_use(c.copies) == c.want);
    }
}

TEST_CASE("a store has worked only when the device holds all of it and the older copy is whole") {
    Variables const old{{"a", "1"}, {"other", "kept"}};
    Variables const wanted{{"a", "2"}, {"other", "kept"}};
    struct {
        char const* name;
        std::vector<EnvCopy> before, after;
        char const* want;
    } const cases[] = {
        {"incremental", {good(1, old), good(2, old)}, {good(3, wanted), good(2, old)}, "good"},
        {"boolean", {good(1, old), good(0, old)}, {good(0, old), good(1, wanted)}, "good"},
        {"the bad copy is made whole", {good(1, old), bad()}, {good(1, old), good(2, wanted)}, "good"},
        {"from nothing", {bad(), bad()}, {bad(), good(1, wanted)}, "good"},
        {"one copy", {good(0, old)}, {good(0, wanted)}, "good"},
        {"one copy, from nothing", {bad()}, {good(0, wanted)}, "good"},
        {"nothing arrived",
         {good(1, old), good(2, old)},
         {good(1, old), good(2, old)},
         "reads back other values than were written: on /dev/mtd0 at 0x150000, a is '1' instead of '2'"},
        {"written with a stale flag",
         {good(1, old), good(2, old)},
         {good(1, wanted), good(2, old)},
         "a is '1' instead of '2'"},
        {"torn", {good(1, old), good(2, old)}, {bad(3), good(2, old)}, "a is '1' instead of '2'"},
        {"another variable is gone",
         {good(1, old), good(2, old)},
         {good(3, {{"a", "2"}}), good(2, old)},
         "other is missing"},
        {"another variable has come",
         {good(1, old), good(2, old)},
         {good(3, {{"a", "2"}, {"other", "kept"}, {"x", ""}}), good(2, old)},
         "x is there and should not be"},
        {"the older copy is damaged",
         {good(1, old), good(2, old)},
         {good(3, wanted), bad(2)},
         "the older copy of the boot environment was damaged when the newer one was written: on /dev/mtd0 at "
         "0x150000"},
        {"the older copy is another one",
         {good(1, old), good(2, old)},
         {good(3, wanted), good(2, wanted)},
         "the older copy of the boot environment was damaged"},
        {"over the only good copy",
         {good(1, old), good(2, old)},
         {good(1, old), good(3, wanted)},
         "written over its only good copy"},
        {"nothing good is left", {good(1, old), good(2, old)}, {bad(), bad()}, "/dev/mtd0 has no good copy"},
        {"one copy, torn", {good(0, old)}, {bad()}, "/dev/one has no good copy"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const text =
            text_of(ota::check_store(c.before.size() == 1 ? kOne : kTwo, c.before, c.after, wanted));
        CHECK_MESSAGE(text.find(c.want) != std::string::npos, text);
    }
}

TEST_CASE("bytes of any kind and length are parsed within their bounds") {
    std::mt19937 random{20};
    auto const below = [&](std::size_t n) {
        return std::uniform_int_distribution<std::size_t>{0, n - 1}(random);
    };
    auto const whole = made("BOOT_ORDER=A B\0BOOT_A_LEFT=3\0other=kept\0\0"_z, 4, 96);
    int parsed = 0;
    for (int round = 0; round < 5000; ++round) {
        auto bytes = whole;
        bytes.resize(below(whole.size() + 1));
        for (auto changes = below(8); changes > 0 && !bytes.empty(); --changes)
            bytes[below(bytes.size())] = static_cast<unsigned char>(below(256));
        bool const has_flags = below(2) == 0;
        std::size_t const header = has_flags ? 5 : 4;
        if (below(2) == 0 && bytes.size() > header) {   // a right checksum over whatever is there
            auto const sum = ::crc32_z(0, bytes.data() + header, bytes.size() - header);
            for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<unsigned char>(sum >> (8 * i));
        }
        // In memory of exactly this size, so that the address sanitizer sees one byte too many.
        auto const exact = std::make_unique<unsigned char[]>(bytes.size());
        std::copy(bytes.begin(), bytes.end(), exact.get());
        auto const copy = ota::parse_copy({exact.get(), bytes.size()}, has_flags);
        parsed += copy.variables ? 1 : 0;
        if (copy.variables)
            for (auto const& [name, value] : *copy.variables)
                CHECK(name.size() + value.size() < bytes.size());

        std::string const text{reinterpret_cast<char const*>(exact.get()), bytes.size()};
        auto const places = ota::parse_copy_places(text);
        if (places) CHECK(places->size() <= 2);
    }
    CHECK(parsed > 1000);
}
