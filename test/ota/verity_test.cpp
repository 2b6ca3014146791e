#include "ota/verity.hpp"

#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"

#include <doctest/doctest.h>

using core::Errc;
using ota::HashTree;
using ota::TreeLevel;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    auto const bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

}   // namespace

TEST_CASE("the hash tree's levels lie top first and their sizes follow from the data") {
    struct {
        char const* name;
        std::uint64_t data_blocks;
        std::vector<TreeLevel> levels;
        std::uint64_t size;
    } const cases[] = {
        {"one block of hashes", 1, {{0, 1}}, 4096},
        {"a full block of hashes", 128, {{0, 1}}, 4096},
        {"one more needs a second level", 129, {{0, 1}, {4096, 2}}, 12'288},
        {"both levels full", 16'384, {{0, 1}, {4096, 128}}, 528'384},
        // the bundle measured in the format's description: 1 + 6 + 644 blocks
        {"three levels", 82'401, {{0, 1}, {4096, 6}, {28'672, 644}}, 2'666'496},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(ota::tree_levels(c.data_blocks) == c.levels);
        CHECK(ota::tree_size(c.data_blocks) == c.size);
    }
}

TEST_CASE("a tree with any byte changed does not lead to the root hash") {
    core::Sha256 const salt{1, 2, 3};
    std::string const data = test::noise(300 * 4096, 5);
    auto const made = test::make_tree(data, salt);
    REQUIRE(HashTree::check(bytes_of(made.bytes), 300, made.root, salt));

    for (std::size_t at = 0; at < made.bytes.size(); at += 61) {
        CAPTURE(at);
        auto wrong = bytes_of(made.bytes);
        wrong[at] ^= std::byte{1};
        auto const got = HashTree::check(wrong, 300, made.root, salt);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::bad_signature));
    }
    CHECK_FALSE(HashTree::check(bytes_of(made.bytes), 300, made.root, core::Sha256{1, 2, 4}));
    auto const short_by_one = HashTree::check(bytes_of(made.bytes.substr(4096)), 300, made.root, salt);
    REQUIRE_FALSE(short_by_one);
    CHECK(short_by_one.error().is(Errc::bad_input));
}

TEST_CASE("only the data block that the tree was made of passes, and only at its place") {
    core::Sha256 const salt{9};
    std::string const data = test::noise(130 * 4096, 6);
    auto const made = test::make_tree(data, salt);
    auto const tree = HashTree::check(bytes_of(made.bytes), 130, made.root, salt);
    REQUIRE(tree);
    auto const all = bytes_of(data);
    std::span const blocks{all};

    CHECK(tree->verify_blocks(0, blocks));
    CHECK(tree->verify_blocks(129, blocks.last(4096)));
    CHECK_FALSE(tree->verify_block(1, blocks.first(4096)));
    CHECK_FALSE(tree->verify_block(0, blocks.first(4095)));
    CHECK_FALSE(tree->verify_block(130, blocks.first(4096)));

    auto wrong = all;
    wrong[100 * 4096 + 17] ^= std::byte{128};
    auto const got = tree->verify_blocks(0, wrong);
    REQUIRE_FALSE(got);
    CHECK(got.error().is(Errc::bad_signature));
    CHECK(got.error().context.find("block 100 ") != std::string::npos);
    CHECK_FALSE(tree->verify_blocks(1, blocks));
}

TEST_CASE("our trees are the trees that rauc makes") {
    auto const bundle = test::rauc_bundle(test::odd_images(), "-comp zstd -Xcompression-level 3");
    auto const at = bundle.find("verity-salt=");
    auto const size_at = bundle.find("verity-size=");
    REQUIRE(at != std::string::npos);
    REQUIRE(size_at != std::string::npos);
    auto const salt = core::sha256_from_hex(bundle.substr(at + 12, 64));
    auto const root = core::sha256_from_hex(bundle.substr(bundle.find("verity-hash=") + 12, 64));
    auto const size = std::stoull(bundle.substr(size_at + 12, 20));
    REQUIRE(salt);
    REQUIRE(root);

    std::uint64_t signature = 0;
    for (char c : bundle.substr(bundle.size() - 8))
        signature = signature << 8 | static_cast<unsigned char>(c);
    auto const data = bundle.substr(0, bundle.size() - 8 - signature - size);
    auto const made = test::make_tree(data, *salt);
    CHECK(made.root == *root);
    CHECK(made.bytes == bundle.substr(data.size(), size));
}
