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

// The whole tree, level by level.
core::Result<ota::Leaves> check(std::string const& tree,
                                std::uint64_t data_blocks,
                                core::Sha256 const& root,
                                core::Sha256 const& salt) {
    auto const leaves_at = std::min<std::size_t>(ota::tree_levels(data_blocks).back().offset, tree.size());
    auto const upper = HashTree::check(tree.substr(0, leaves_at), data_blocks, root, salt);
    if (!upper) return upper.error();
    return upper->check_leaves(0, tree.substr(leaves_at));
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
    REQUIRE(check(made.bytes, 300, made.root, salt).has_value());

    for (std::size_t at = 0; at < made.bytes.size(); at += 61) {
        CAPTURE(at);
        auto wrong = made.bytes;
        wrong[at] = static_cast<char>(wrong[at] ^ 1);
        auto const got = check(wrong, 300, made.root, salt);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::bad_signature));
    }
    CHECK_FALSE(check(made.bytes, 300, made.root, core::Sha256{1, 2, 4}).has_value());
    auto const short_by_one = check(made.bytes.substr(0, 100), 300, made.root, salt);
    REQUIRE_FALSE(short_by_one);
    CHECK(short_by_one.error().is(Errc::bad_input));
}

TEST_CASE("only the data block that the tree was made of passes, and only at its place") {
    core::Sha256 const salt{9};
    std::string const data = test::noise(130 * 4096, 6);
    auto const made = test::make_tree(data, salt);
    auto const tree = check(made.bytes, 130, made.root, salt);
    REQUIRE(tree.has_value());
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

TEST_CASE("leaves that come in parts vouch for their part of the data only") {
    core::Sha256 const salt{7};
    std::string const data = test::noise(300 * 4096, 8);
    auto const made = test::make_tree(data, salt);
    auto const tree = HashTree::check(made.bytes.substr(0, 4096), 300, made.root, salt);
    REQUIRE(tree.has_value());
    auto const second = tree->check_leaves(1, made.bytes.substr(4096 + 4096, 4096));
    REQUIRE(second.has_value());
    auto const all = bytes_of(data);
    std::span const blocks{all};

    CHECK(second->verify_blocks(128, blocks.subspan(128 * 4096, 128 * 4096)).has_value());
    CHECK_FALSE(second->covers(127));
    CHECK_FALSE(second->verify_block(127, blocks.subspan(127 * 4096, 4096)));
    CHECK_FALSE(second->verify_blocks(128, blocks.subspan(128 * 4096, 129 * 4096)).has_value());
    CHECK_FALSE(second->covers(256));

    CHECK_FALSE(
        tree->check_leaves(0, made.bytes.substr(4096 + 4096, 4096)).has_value());   // not in its place
    CHECK_FALSE(tree->check_leaves(3, made.bytes.substr(4096, 4096)).has_value());
    CHECK_FALSE(tree->check_leaves(2, made.bytes.substr(4096, 8192)).has_value());
    CHECK_FALSE(tree->check_leaves(0, "").has_value());
    CHECK_FALSE(tree->check_leaves(0, made.bytes.substr(4096, 4095)).has_value());
    auto const last = tree->check_leaves(2, made.bytes.substr(3 * 4096));
    REQUIRE(last.has_value());
    CHECK(last->covers(299));
    CHECK_FALSE(last->covers(300));
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
