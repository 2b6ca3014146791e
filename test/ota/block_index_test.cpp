#include "ota/block_index.hpp"

#include "support/print_result.hpp"

#include <doctest/doctest.h>

#include <random>

using ota::IndexedBlock;

TEST_CASE("an index survives being written and read") {
    std::vector<IndexedBlock> const blocks{{96, 131'072, 1}, {131'168, 5, ~0ull}, {9'000'000, 1, 3}};
    auto const bytes = ota::print_index(blocks);
    CHECK(bytes.size() == 8 + 3 * 16);
    CHECK(bytes.starts_with("ATOMIXI1"));
    auto const got = ota::parse_index(bytes, 9'000'001);
    REQUIRE(got.has_value());
    CHECK(*got == blocks);
    CHECK(ota::parse_index(ota::print_index({}), 0)->empty());
}

TEST_CASE("a block's hash is the begin of its SHA-256") {
    CHECK(ota::block_hash(std::as_bytes(std::span{"abc", 3})) ==
          0xeacf018fbf1678baull);   // ba7816bf8f01cfea...
}

TEST_CASE("an index that is cut, foreign or outside of its image is refused") {
    auto const bytes = ota::print_index({{96, 131'072, 1}, {131'168, 5, 2}});
    CHECK(ota::parse_index(bytes, 131'173).has_value());
    CHECK_FALSE(ota::parse_index(bytes, 131'172).has_value());
    CHECK_FALSE(ota::parse_index(bytes.substr(0, bytes.size() - 1), 200'000).has_value());
    CHECK_FALSE(ota::parse_index(bytes.substr(1), 200'000).has_value());
    CHECK_FALSE(ota::parse_index("", 200'000).has_value());
    CHECK_FALSE(ota::parse_index(ota::print_index({{0, 0, 1}}), 200'000).has_value());
    CHECK(ota::parse_index(ota::print_index({{0, 1'048'576, 1}}), 9'000'000).has_value());
    CHECK_FALSE(ota::parse_index(ota::print_index({{0, 1'048'577, 1}}), 9'000'000).has_value());
}

TEST_CASE("whatever bytes an index holds, its blocks lie in the image and not over each other") {
    std::mt19937 random{3};
    for (int round = 0; round < 2'000; ++round) {
        std::string bytes = "ATOMIXI1";
        for (auto i = random() % 64; i-- > 0;) bytes += static_cast<char>(random() % 3 ? 0 : random());
        auto const got = ota::parse_index(bytes, 1'000'000);
        if (!got) continue;
        std::uint64_t end = 0;
        for (auto const& block : *got) {
            CHECK(block.offset >= end);
            end = block.offset + block.size;
            CHECK(end <= 1'000'000);
        }
    }
}
