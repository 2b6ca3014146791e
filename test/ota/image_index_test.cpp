#include "ota/image_index.hpp"
#include "ota/squashfs_blocks.hpp"

#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace {

struct Tree {
    test::TemporaryDirectory at;
    Tree() {
        std::filesystem::create_directories(at / "tree/sub");
        test::write_whole(at / "tree/large", test::noise(700'001, 1));
        test::write_whole(at / "tree/again", test::noise(700'001, 1));   // stored once
        test::write_whole(at / "tree/sub/small", test::noise(3'000, 2));
        test::write_whole(at / "tree/zeros", std::string(500'000, '\0'));
        test::write_whole(at / "tree/empty", "");
        std::filesystem::create_symlink("large", at / "tree/link");
        for (int i = 0; i < 300; ++i)
            test::write_whole(at / ("tree/sub/f" + std::to_string(i)),
                              test::noise(1'000 + 13u * i, 100u + i));
    }
    std::filesystem::path image(std::string const& args) {
        test::must_run(at.path(),
                       "rm -f image && mksquashfs tree image -noappend -no-progress -quiet " + args);
        return at / "image";
    }
};

}   // namespace

TEST_CASE_FIXTURE(Tree, "the stored blocks of a squashfs fill its data area without a gap") {
    for (auto const* args :
         {"-comp zstd -b 128k", "-comp gzip -b 4k", "-comp xz -b 1M", "-no-fragments -comp zstd",
          "-noD -noF -b 64k", "-noI -noId -comp lz4", "-always-use-fragments -comp zstd"}) {
        CAPTURE(args);
        auto const path = image(args);
        auto const blocks = ota::stored_blocks(path);
        REQUIRE(blocks.has_value());
        REQUIRE_FALSE(blocks->empty());
        auto const bytes = test::read_whole(path);
        std::uint64_t inode_table = 0;
        std::memcpy(&inode_table, bytes.data() + 64, 8);   // squashfs superblock: inode_table_start
        CHECK(blocks->front().offset < 200);   // behind the superblock and the compressor's options
        for (std::size_t i = 1; i < blocks->size(); ++i)
            CHECK((*blocks)[i].offset == (*blocks)[i - 1].offset + (*blocks)[i - 1].size);
        CHECK(blocks->back().offset + blocks->back().size == inode_table);
    }
}

TEST_CASE_FIXTURE(Tree, "two versions of a tree share the blocks of the files that did not change") {
    auto const before = ota::index_squashfs(image("-comp zstd -b 128k -no-fragments"));
    test::write_whole(at / "tree/sub/small", test::noise(3'500, 3));
    test::write_whole(at / "tree/again", test::noise(200'000, 4));
    auto const after = ota::index_squashfs(image("-comp zstd -b 128k -no-fragments"));
    REQUIRE(before.has_value());
    REQUIRE(after.has_value());
    auto const known = std::ranges::count_if(*after, [&](ota::IndexedBlock const& block) {
        return std::ranges::any_of(*before, [&](ota::IndexedBlock const& old) {
            return old.hash == block.hash && old.size == block.size;
        });
    });
    CHECK(known == static_cast<std::ptrdiff_t>(after->size()) - 3);   // one of small, two of again
    CHECK(before->back().offset != after->back().offset);
}

TEST_CASE("what is no squashfs, or a damaged one, has no blocks") {
    test::TemporaryDirectory at;
    test::write_whole(at / "image", test::noise(100'000, 1));
    CHECK_FALSE(ota::stored_blocks(at / "image").has_value());
    CHECK_FALSE(ota::stored_blocks(at / "missing").has_value());
    test::write_whole(at / "image", "");
    CHECK_FALSE(ota::stored_blocks(at / "image").has_value());
    auto const good = test::squashfs_of(test::small_images(), "-comp zstd");
    for (std::size_t cut = 96; cut < good.size(); cut += 50'021) {
        test::write_whole(at / "image", good.substr(0, cut));
        CHECK_FALSE(ota::stored_blocks(at / "image").has_value());
    }
}

TEST_CASE("a boot image's index names the blocks of its files where they lie") {
    test::TemporaryDirectory at;
    std::filesystem::create_directories(at / "files/sub");
    auto const kernel = test::noise(300'000, 1);
    auto const text = test::noise(700, 2);
    test::write_whole(at / "files/kernel", kernel);
    test::write_whole(at / "files/sub/text", text);
    test::write_whole(at / "files/elsewhere", test::noise(5'000, 3));
    test::write_whole(at / "files/empty", "");
    std::string image(2'048, 'h');
    image += kernel + std::string(512 - kernel.size() % 512, '\0');
    auto const text_at = image.size();
    image += text;
    image += "x" + test::noise(5'000, 3);   // not at a sector: some other file's content
    test::write_whole(at / "image", image);

    auto const index = ota::index_boot_image(at / "image", at / "files");
    REQUIRE(index.has_value());
    REQUIRE(index->size() == 4);
    CHECK((*index)[0].offset == 2'048);
    CHECK((*index)[0].size == 131'072);
    CHECK((*index)[2].size == 300'000 - 2 * 131'072);
    CHECK((*index)[3].offset == text_at);
    CHECK((*index)[3].hash == ota::block_hash(std::as_bytes(std::span{text})));
    CHECK(ota::parse_index(ota::print_index(*index), image.size()) == *index);
    CHECK_FALSE(ota::index_boot_image(at / "missing", at / "files").has_value());
    CHECK_FALSE(ota::index_boot_image(at / "image", at / "missing").has_value());
}
