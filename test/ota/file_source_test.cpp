#include "ota/file_source.hpp"

#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>

using core::Errc;

namespace {

struct World : test::InstallWorld {
    ota::FileSource files{workers};
    std::string const bytes = test::noise(600'000, 3);

    World() { test::write_whole(at / "x.raucb", bytes); }

    core::Result<std::unique_ptr<core::HttpStream>> open(std::optional<core::ByteRange> range) {
        core::HttpRequest request{.url = ota::file_url(at / "x.raucb"), .range = range};
        return test::run_task(io, files.open(std::move(request)));
    }
    std::string body(std::optional<core::ByteRange> range, unsigned status) {
        auto const stream = open(range);
        REQUIRE(stream.has_value());
        CHECK((*stream)->head().status == status);
        auto const got = test::run_task(io, core::read_all(**stream, 1'000'000));
        REQUIRE(got.has_value());
        return *got;
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a file is served as a server would: whole, in ranges, and from its end") {
    CHECK(body(std::nullopt, 200) == bytes);
    CHECK(body(core::ByteRange{.first = 5, .last = 300'004}, 206) == bytes.substr(5, 300'000));
    CHECK(body(core::ByteRange{.first = 599'990, .last = 700'000}, 206) == bytes.substr(599'990));
    CHECK(body(core::ByteRange{.last = 100}, 206) == bytes.substr(bytes.size() - 100));
    CHECK(body(core::ByteRange{.last = 700'000}, 206) == bytes);
    CHECK(body(core::ByteRange{.first = 600'000, .last = 600'001}, 416).empty());
    auto const range = (*open(core::ByteRange{.first = 5, .last = 9}))->head().content_range;
    CHECK(range == core::ContentRange{5, 9, 600'000});

    test::write_whole(at / "x.raucb", "");
    CHECK(body(std::nullopt, 200).empty());
    CHECK(body(core::ByteRange{.last = 100}, 416).empty());
}

TEST_CASE_FIXTURE(World, "what is no file is an error, and a file that changes has another ETag") {
    auto const before = (*open(std::nullopt))->head().etag;
    test::write_whole(at / "x.raucb", bytes + "x");
    CHECK((*open(std::nullopt))->head().etag != before);

    std::filesystem::remove(at / "x.raucb");
    CHECK_FALSE(open(std::nullopt).has_value());
    std::filesystem::create_directory(at / "x.raucb");
    auto const directory = open(std::nullopt);
    REQUIRE_FALSE(directory.has_value());
    CHECK(directory.error().is(Errc::refused));
    core::HttpRequest https{.url = "https://updates.test/x"};
    CHECK(test::run_task(io, files.open(https)).error().is(Errc::refused));
}

TEST_CASE_FIXTURE(World, "a file that ends while it is read is an error") {
    auto const stream = open(std::nullopt);
    REQUIRE(stream.has_value());
    std::filesystem::resize_file(at / "x.raucb", 1'000);
    auto const got = test::run_task(io, core::read_all(**stream, 1'000'000));
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().context.find("the bundle's file ended early") != std::string::npos);
}

TEST_CASE_FIXTURE(World, "a bundle on a stick is installed as one from a server is") {
    auto const images = test::odd_images();
    test::write_whole(at / "x.raucb", test::rauc_bundle(images, "-comp zstd -Xcompression-level 3"));
    source.url = ota::file_url(at / "x.raucb");
    auto const signed_head =
        test::run_task(io, ota::fetch_head(files, source, {.keyring = test::trusted_pki().keyring}));
    REQUIRE(signed_head.has_value());
    auto const planned =
        test::run_task(io, ota::fetch_plan(files, clock, workers, source, *signed_head, patience));
    REQUIRE(planned.has_value());
    auto how = steps([](ota::WriteProgress) {});
    auto const written =
        test::run_task(io, ota::write_images(files, clock, workers, source, *planned, targets,
                                             ota::nothing_found(**planned), patience, std::move(how)));
    REQUIRE(written.has_value());
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(World, "the bundles of a directory are its raucb files, by name") {
    test::write_whole(at / "b.raucb", "");
    test::write_whole(at / "a.raucb", "");
    test::write_whole(at / "notes.txt", "");
    std::filesystem::create_directory(at / "dir.raucb");
    auto const got = ota::bundles_in(at.path());
    REQUIRE(got.has_value());
    CHECK(*got == std::vector<std::filesystem::path>{at / "a.raucb", at / "b.raucb", at / "x.raucb"});
    CHECK_FALSE(ota::bundles_in(at / "nothing").has_value());
}
