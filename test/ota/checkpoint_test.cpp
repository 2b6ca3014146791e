// How often the progress of a download is kept, by the rules of a real device.

#include "ota/update_settings.hpp"
#include "support/install_world.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kMib = 1024 * 1024;
constexpr std::size_t kPiece = 64 * 1024;   // bytes of one read

struct World : test::InstallWorld {
    struct Kept {
        core::TimePoint at;
        std::uint64_t bytes;   // that had come by then
    };
    std::vector<Kept> kept;
    core::TimePoint begun;

    // 40 MiB at this speed.
    void install_at(core::Duration per_mib) {
        test::Images const images{.boot = test::noise(kMib, 61), .rootfs = test::noise(39 * kMib, 62)};
        targets = {.boot = at / "large-boot", .rootfs = at / "large-rootfs"};
        test::write_whole(targets.boot, std::string(kMib, 'o'));
        test::write_whole(targets.rootfs, std::string(39 * kMib, 'o'));
        static std::string const bundle =
            test::own_bundle(test::squashfs_of(images, "-noD -noF"), test::manifest_for(images));
        http.file = bundle;
        http.piece = kPiece;
        auto const signed_head = head();
        REQUIRE(signed_head.has_value());
        auto const planned = plan(*signed_head);
        REQUIRE(planned.has_value());

        http.clock = &clock;
        http.read_time = per_mib / (kMib / kPiece);
        http.given = 0;
        begun = clock.now();
        ota::UpdateSettings const settings;
        auto how = steps([](ota::WriteProgress) {});
        how.checkpoint_every = settings.checkpoint_every;
        how.checkpoint_pause = settings.checkpoint_pause;
        how.checkpoint = [this](ota::Progress) -> core::Task<void> {
            kept.push_back({.at = clock.now(), .bytes = http.given});
            co_return;
        };
        auto const done =
            test::run_task(io, ota::write_images(http, clock, workers, source, *planned, targets,
                                                 ota::nothing_found(**planned), patience, std::move(how)));
        REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().text()));
        CHECK(test::read_whole(targets.rootfs) == images.rootfs);
        check_apart();
    }
    void check_apart() {
        Kept last{.at = begun, .bytes = 0};
        for (auto const& now : kept) {
            CHECK(now.at - last.at >= 2s);
            // One piece is fetched while the one before it is written.
            CHECK(now.bytes - last.bytes >= 16 * kMib - kMib);
            last = now;
        }
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "on a slow line the progress is kept every 16 MiB") {
    install_at(1s);
    CHECK(kept.size() == 2);
}

TEST_CASE_FIXTURE(World, "on a fast line the progress is not kept twice within two seconds") {
    install_at(60ms);   // 16 MiB in 1 s, all of it in 2.4 s
    CHECK(kept.size() == 1);
}

TEST_CASE_FIXTURE(World, "on a line that needs less than two seconds for all of it nothing is kept") {
    install_at(40ms);
    CHECK(kept.empty());
}
