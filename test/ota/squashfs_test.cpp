#include "ota/squashfs.hpp"

#include "support/print_result.hpp"
#include "support/rauc_bundle.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using core::Errc;
using ota::Target;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
    auto const bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
}

ota::Manifest manifest_of(test::Images const& images) {
    ota::Manifest manifest;
    manifest.boot = {.filename = "boot.img", .sha256 = {}, .size = images.boot.size()};
    manifest.rootfs = {.filename = "rootfs.img", .sha256 = {}, .size = images.rootfs.size()};
    return manifest;
}

ota::SquashfsParts parts_of(std::string const& squashfs) {
    auto const start = ota::tables_start(bytes_of(squashfs.substr(0, 4096)), squashfs.size());
    REQUIRE(start);
    return {.first = bytes_of(squashfs.substr(0, 4096)),
            .tables = bytes_of(squashfs.substr(*start / 4096 * 4096)),
            .size = squashfs.size()};
}

ota::Layout layout_of(std::string const& squashfs, test::Images const& images) {
    auto const layout = ota::find_images(parts_of(squashfs), manifest_of(images));
    REQUIRE(layout);
    return *layout;
}

std::uint64_t covered(ota::Layout const& layout, Target image) {
    std::uint64_t bytes = 0;
    for (auto const& use : layout.uses)
        if (use.image == image) bytes += use.length;
    return bytes;
}

}   // namespace

TEST_CASE("every byte of the images has its place, in the order of a forward stream") {
    auto const images = test::odd_images();
    for (auto const* args : {"-comp zstd", "-comp gzip -b 4K", "-comp xz -b 1M", "-comp lz4", "-noD -noF"}) {
        CAPTURE(args);
        auto const layout = layout_of(test::squashfs_of(images, args), images);
        CHECK(covered(layout, Target::boot) == images.boot.size());
        CHECK(covered(layout, Target::rootfs) == images.rootfs.size());
        CHECK(std::ranges::is_sorted(layout.uses, {}, &ota::Use::offset));
    }
}

TEST_CASE("the tails of images come from fragment blocks behind later images") {
    auto const images = test::odd_images();
    auto const layout = layout_of(test::squashfs_of(images, "-comp zstd -always-use-fragments"), images);
    auto const tail = std::ranges::find_if(layout.uses, [&](ota::Use const& use) {
        return use.image == Target::boot && use.image_offset + use.length == images.boot.size();
    });
    REQUIRE(tail != layout.uses.end());
    auto const last_of_rootfs = std::ranges::find_if(layout.uses, [&](ota::Use const& use) {
        return use.image == Target::rootfs && use.image_offset == 131'072 * 10;
    });
    REQUIRE(last_of_rootfs != layout.uses.end());
    CHECK(tail->offset > last_of_rootfs->offset);
}

TEST_CASE("stretches of zero bytes are not stored, and equal images are stored once") {
    test::Images const zeros{.boot = std::string(600'000, '\0'), .rootfs = test::noise(300'000, 1)};
    auto const sparse = layout_of(test::squashfs_of(zeros, "-comp zstd -no-fragments"), zeros);
    for (auto const& use : sparse.uses) {
        if (use.image == Target::boot) CHECK(use.stored == 0);
    }

    auto const image = test::noise(400'000, 2);
    test::Images const twins{.boot = image, .rootfs = image};
    auto const shared = layout_of(test::squashfs_of(twins, "-comp zstd"), twins);
    REQUIRE(shared.uses.size() % 2 == 0);
    for (std::size_t i = 0; i < shared.uses.size(); i += 2) {
        CHECK(shared.uses[i].offset == shared.uses[i + 1].offset);
        CHECK(shared.uses[i].image != shared.uses[i + 1].image);
    }
}

TEST_CASE("a squashfs that does not hold what the manifest says is refused") {
    auto const images = test::small_images();
    auto const squashfs = test::squashfs_of(images, "-comp zstd");
    auto const parts = parts_of(squashfs);
    auto const refused = [](ota::SquashfsParts const& of, ota::Manifest const& manifest,
                            std::string_view says) {
        auto const got = ota::find_images(of, manifest);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::bad_input));
        CHECK_MESSAGE(got.error().context.find(says) != std::string::npos, got.error().text());
    };

    auto other_name = manifest_of(images);
    other_name.boot.filename = "kernel.img";
    refused(parts, other_name, "no file kernel.img");

    auto other_size = manifest_of(images);
    other_size.rootfs.size -= 1;
    refused(parts, other_size, "rootfs.img has 2097152 bytes, the manifest says 2097151");

    auto const lzo = test::squashfs_of(images, "-comp lzo");
    refused(parts_of(lzo), manifest_of(images), "compressed with lzo");

    auto cut = parts;
    cut.tables.erase(cut.tables.begin(), cut.tables.end() - 16);
    refused(cut, manifest_of(images), "squashfs");

    CHECK_FALSE(ota::tables_start(bytes_of(std::string(4096, 'x')), 4096));
}

TEST_CASE("no change to a squashfs' tables makes a block lie outside the data") {
    auto const images = test::odd_images();
    // uncompressed tables, so that a changed byte reaches the meaning and not a codec
    auto const squashfs = test::squashfs_of(images, "-comp gzip -noI -noF");
    auto const manifest = manifest_of(images);
    auto const good = parts_of(squashfs);
    auto const start = *ota::tables_start(good.first, good.size);
    for (auto const bit : {1, 16, 128}) {
        for (std::size_t i = 0; i < 96 + good.tables.size(); ++i) {
            auto parts = good;
            (i < 96 ? parts.first[i] : parts.tables[i - 96]) ^= static_cast<std::byte>(bit);
            auto const got = ota::find_images(parts, manifest);
            if (!got) continue;
            for (auto const& use : got->uses) {
                CHECK(use.stored <= got->block_size);
                CHECK(use.length <= got->block_size);
                CHECK(use.offset + use.stored <= squashfs.size());
            }
            CHECK(covered(*got, Target::boot) == images.boot.size());
            CHECK(covered(*got, Target::rootfs) == images.rootfs.size());
        }
    }
    CHECK(start < squashfs.size());
}
