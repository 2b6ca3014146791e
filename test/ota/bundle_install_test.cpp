#include "core/owned.hpp"
#include "ota/bundle_plan.hpp"
#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <doctest/doctest.h>
#include <sys/inotify.h>

#include <algorithm>

using core::Errc;
using test::InstallWorld;

namespace {

std::string const kZstd = "-comp zstd -Xcompression-level 3";

void flip(std::string& bytes, std::uint64_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
}

}   // namespace

TEST_CASE_FIXTURE(InstallWorld, "a bundle is installed whatever it is compressed with") {
    auto const images = test::odd_images();
    for (auto const* args : {"-comp gzip", "-comp zstd -Xcompression-level 9", "-comp xz", "-comp lz4",
                             "-noD -noF", "-comp zstd -b 1M", "-comp gzip -b 4K",
                             "-comp zstd -always-use-fragments", "-comp zstd -no-fragments"}) {
        CAPTURE(args);
        fill_slots();
        http.file = test::rauc_bundle(images, args);
        auto const got = install();
        REQUIRE(got);
        CHECK(holds(images));
    }
}

TEST_CASE_FIXTURE(InstallWorld, "images of any size arrive whole, and what lies behind them stays") {
    struct {
        std::string name;
        test::Images images;
    } const cases[] = {
        {"one byte and less than the head", {"b", test::noise(4000, 2)}},
        {"whole verity blocks", {test::noise(4096, 1), test::noise(8192, 2)}},
        {"one byte over a block", {test::noise(131'073, 1), test::noise(4097, 2)}},
        {"one byte short of a block", {test::noise(131'071, 1), test::noise(262'143, 2)}},
        {"a boot image of nothing but zeros", {std::string(500'000, '\0'), test::noise(5'000, 2)}},
        {"zeros at the begin and the end",
         {std::string(200'000, '\0') + test::noise(5'000, 1),
          test::noise(9, 2) + std::string(900'000, '\0')}},
        {"twins", {test::noise(300'001, 3), test::noise(300'001, 3)}},
        {"as large as the slot", {test::noise(kBootSlot, 1), test::noise(kRootfsSlot, 2)}},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        fill_slots();
        http.file = test::rauc_bundle(c.images, kZstd);
        http.piece = 7'001;   // reads that end anywhere
        auto const got = install();
        REQUIRE(got);
        CHECK(holds(c.images));
    }
}

TEST_CASE_FIXTURE(InstallWorld, "progress grows to the end of what is needed") {
    http.file = test::rauc_bundle(test::odd_images(), kZstd);
    REQUIRE(install().has_value());
    REQUIRE(progress.size() >= 2);
    CHECK(std::ranges::is_sorted(progress, {}, &ota::WriteProgress::done));
    CHECK(progress.front().done == 0);
    CHECK(progress.back().done == progress.back().total);
    CHECK(progress.back().fetched == progress.back().total);
    CHECK(progress.back().total <= http.file.size());
}

TEST_CASE_FIXTURE(InstallWorld, "a byte flipped anywhere in the bundle is never written to a slot") {
    auto const images = test::odd_images();
    auto const good = test::rauc_bundle(images, kZstd);
    http.file = good;
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const verified = plan(*signed_head);
    REQUIRE(verified);
    auto const payload = signed_head->data_size + signed_head->tree_size;
    auto const stream_end = ota::needed_stretches((*verified)->layout.uses).back().end();

    struct {
        std::string name;
        std::uint64_t at;
        bool before_any_write;
    } const cases[] = {
        {"superblock", 40, true},
        {"what follows the superblock", 200, true},
        {"first data block", 5'000, false},
        {"middle of the data", stream_end / 2, false},
        {"last needed block, which lies next to the tables", stream_end - 1, true},
        {"squashfs tables and padding", signed_head->data_size - 1, true},
        {"top of the tree", signed_head->data_size + 5, true},
        {"unused end of the top of the tree", signed_head->data_size + 4095, true},
        {"leaves of the tree", payload - 4096 + 33, true},
        {"manifest", good.find("compatible=", payload) + 12, true},
        {"signature", good.size() - 9, true},
        {"size of the signature", good.size() - 1, true},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        fill_slots();
        http.file = good;
        flip(http.file, c.at);
        auto const got = install();
        REQUIRE_FALSE(got);
        CHECK(is_untouched() == c.before_any_write);
        if (!c.before_any_write) {
            CHECK(cannot_boot());
            CHECK(got.error().is(Errc::bad_signature));
            CHECK(got.error().context.find("block " + std::to_string(c.at / 4096) + " ") !=
                  std::string::npos);
        }
    }
}

TEST_CASE_FIXTURE(InstallWorld, "what lies behind a bad block in the stream is not written") {
    // raw blocks, so that the place in the bundle is the place in the image
    test::Images const images{.boot = test::noise(1 << 20, 31), .rootfs = test::noise(2 << 20, 32)};
    http.file = test::rauc_bundle(images, "-noD -noF -comp zstd");
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const verified = plan(*signed_head);
    REQUIRE(verified);
    auto const bad_at = http.file.find(std::string_view{images.rootfs}.substr(1'000'000, 64));
    REQUIRE(bad_at != std::string::npos);
    flip(http.file, bad_at);
    CHECK_FALSE(write(*verified));
    auto const rootfs = test::read_whole(targets.rootfs);
    // from the bad 4 KiB on, the slot is as it was
    CHECK(rootfs.substr(1'000'000) == old_rootfs.substr(1'000'000));
    CHECK(cannot_boot());
}

TEST_CASE_FIXTURE(InstallWorld, "a network that stays away leaves slots that cannot boot") {
    http.file = test::rauc_bundle(test::odd_images(), kZstd);
    auto const signed_head = head();
    REQUIRE(signed_head.has_value());
    auto const verified = plan(*signed_head);
    REQUIRE(verified.has_value());
    http.drop_after = 1;   // of each reply
    auto const got = write(*verified);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().is(Errc::unreachable));
    CHECK(got.error().context.find("connection lost after 5 of ") != std::string::npos);
    CHECK(cannot_boot());
    // the pauses between the attempts grow
    CHECK(clock.sleeps == std::vector<core::Duration>{std::chrono::seconds{1}, std::chrono::seconds{2},
                                                      std::chrono::seconds{4}, std::chrono::seconds{8}});

    http.drop_after = test::MemoryHttp::kNever;
    REQUIRE(write(*verified).has_value());
    CHECK(holds(test::odd_images()));
}

TEST_CASE_FIXTURE(InstallWorld, "the boot slot's head is the very last write, after the rootfs slot's") {
    http.file = test::rauc_bundle(test::odd_images(), kZstd);
    core::OwnedFd const watch{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    int const boot = ::inotify_add_watch(watch.get(), targets.boot.c_str(), IN_MODIFY);
    int const rootfs = ::inotify_add_watch(watch.get(), targets.rootfs.c_str(), IN_MODIFY);
    REQUIRE(install());

    std::vector<int> writes;   // the kernel merges those that follow each other on one file
    alignas(inotify_event) char events[64 * 1024];
    auto const size = ::read(watch.get(), events, sizeof events);
    REQUIRE(size > 0);
    for (auto const* next = events; next < events + size;) {
        auto const* event = reinterpret_cast<inotify_event const*>(next);
        writes.push_back(event->wd);
        next += sizeof *event + event->len;
    }
    REQUIRE(writes.size() >= 4);
    CHECK(std::vector(writes.end() - 2, writes.end()) == std::vector{rootfs, boot});
    CHECK(std::vector(writes.begin(), writes.begin() + 2) == std::vector{boot, rootfs});
}

TEST_CASE_FIXTURE(InstallWorld, "a cancelled installation ends, and its slots cannot boot") {
    http.file = test::rauc_bundle(test::odd_images(), kZstd);
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const verified = plan(*signed_head);
    REQUIRE(verified);
    core::asio::cancellation_signal stop;
    bool ended = false;
    std::exception_ptr thrown;
    auto cancel = [&](ota::WriteProgress now) {
        if (now.done > 0) stop.emit(core::asio::cancellation_type::terminal);
    };
    core::asio::co_spawn(
        io,
        ota::write_images(http, clock, workers, source, *verified, targets, ota::nothing_found(**verified),
                          patience, steps(cancel)),
        core::asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr why, core::Result<void>) {
            ended = true;
            thrown = why;
        }));
    io.restart();
    io.run();
    CHECK(ended);
    CHECK_THROWS_AS(std::rethrow_exception(thrown), boost::system::system_error);
    CHECK(cannot_boot());
}

TEST_CASE_FIXTURE(InstallWorld, "a slot that is too small or missing is noticed before anything is written") {
    auto const images = test::odd_images();
    http.file = test::rauc_bundle(images, kZstd);
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const verified = plan(*signed_head);
    REQUIRE(verified);
    CHECK(ota::check_targets(signed_head->manifest, targets));

    SUBCASE("too small") {
        std::filesystem::resize_file(targets.rootfs, images.rootfs.size() - 1);
        auto const got = ota::check_targets(signed_head->manifest, targets);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::too_large));
        CHECK(got.error().context.find("image larger than its slot: rootfs") == 0);
    }
    SUBCASE("missing") {
        std::filesystem::remove(targets.rootfs);
        auto const got = ota::check_targets(signed_head->manifest, targets);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::not_found));
    }
    SUBCASE("the same for both") {
        targets.rootfs = targets.boot;
        auto const got = ota::check_targets(signed_head->manifest, targets);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(Errc::refused));
    }
    CHECK_FALSE(write(*verified));
    CHECK(test::read_whole(targets.boot) == old_boot);
}

TEST_CASE_FIXTURE(InstallWorld, "whether slots hold a bundle's images is told by their first bytes") {
    http.file = test::rauc_bundle(test::odd_images(), kZstd);
    auto const signed_head = head();
    REQUIRE(signed_head);
    auto const& manifest = signed_head->manifest;
    auto got = held(manifest);
    REQUIRE(got);
    CHECK_FALSE(*got);

    REQUIRE(install());
    got = held(manifest);
    REQUIRE(got);
    CHECK(*got);

    auto rootfs = test::read_whole(targets.rootfs);
    flip(rootfs, manifest.rootfs.size);   // behind the image
    test::write_whole(targets.rootfs, rootfs);
    CHECK(*held(manifest));
    flip(rootfs, manifest.rootfs.size - 1);
    test::write_whole(targets.rootfs, rootfs);
    CHECK_FALSE(*held(manifest));

    std::filesystem::resize_file(targets.rootfs, 100);
    CHECK_FALSE(*held(manifest));
    std::filesystem::remove(targets.boot);
    got = held(manifest);
    REQUIRE_FALSE(got);
    CHECK(got.error().is(Errc::not_found));
}
