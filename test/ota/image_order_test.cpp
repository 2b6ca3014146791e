// The images lie in a bundle in the order in which somebody packed them.

#include "ota/image_index.hpp"
#include "ota/local_copies.hpp"

#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>

using ota::kMib;
using ota::Target;

namespace {

// A bundle of two versions' second one, with its indexes; the first one runs.
struct World : test::InstallWorld {
    test::Images images;
    ota::LocalSources local{.running = {.boot = at / "running-boot", .rootfs = at / "running-rootfs"}};
    std::shared_ptr<ota::BundlePlan const> planned;

    World() {
        checkpoint_every = 256 * 1024;
        std::filesystem::create_directories(at / "tree");
        std::filesystem::create_directories(at / "content");
        for (unsigned i = 0; i < 60; ++i)
            test::write_whole(at / ("tree/f" + std::to_string(i)), test::noise(40'000 + 700 * i, i));
        test::write_whole(local.running.rootfs, squashfs());
        test::write_whole(at / "tree/f30", test::noise(50'000, 500));
        images = {.boot = test::noise(2 * kMib + 100, 61), .rootfs = squashfs()};
        test::write_whole(local.running.boot, "");
        test::write_whole(at / "content/boot.img", images.boot);
        test::write_whole(at / "content/rootfs.img", images.rootfs);
        test::write_whole(at / "content/rootfs.img.index",
                          ota::print_index(*ota::index_squashfs(at / "image")));
    }
    std::string squashfs() {
        test::must_run(at.path(),
                       "rm -f image && mksquashfs tree image -noappend -no-progress -quiet -comp zstd "
                       "-b 16k -no-fragments -all-time 0 -mkfs-time 0");
        return test::read_whole(at / "image");
    }
    // `first` is the file that is stored before all others.
    void offer(std::string const& first, std::string const& args) {
        test::write_whole(at / "order", first + " 100\n");
        test::must_run(at.path(),
                       "rm -f outer && mksquashfs content outer -noappend -no-progress -quiet -sort order " +
                           args);
        http.file = test::own_bundle(test::read_whole(at / "outer"), test::manifest_for(images));
        auto const signed_head = head();
        REQUIRE(signed_head.has_value());
        auto const got = plan(*signed_head);
        REQUIRE(got.has_value());
        planned = *got;
        REQUIRE(planned->layout.uses.front().image == (first == "boot.img" ? Target::boot : Target::rootfs));
        fill_slots();
        checkpoints.clear();
        http.given = 0;
    }
    // With the first `bytes` of the images' data; then the server has nothing more.
    void cut_off_after(std::uint64_t bytes) {
        http.drop_after = bytes;
        http.before_reply = [n = 0](test::MemoryHttp& server, core::HttpRequest const&) mutable {
            if (n++ > 0) server.status = 404;
        };
        REQUIRE_FALSE(write(planned).has_value());
        http.drop_after = test::MemoryHttp::kNever;
        http.before_reply = nullptr;
        http.status = 0;
        http.given = 0;
    }
};

struct {
    char const* first;
    char const* args;
} const kOrders[] = {
    {"boot.img", "-noD -noF"},
    {"rootfs.img", "-noD -noF"},
    {"boot.img", "-comp zstd -always-use-fragments"},
    {"rootfs.img", "-comp zstd -always-use-fragments"},
    {"rootfs.img", "-comp gzip -no-fragments"},
};

}   // namespace

TEST_CASE_FIXTURE(World, "whichever image is stored first, a bundle is installed whole") {
    for (auto const& order : kOrders) {
        CAPTURE(order.first);
        CAPTURE(order.args);
        offer(order.first, order.args);
        REQUIRE(write(planned).has_value());
        CHECK(holds(images));
    }
}

TEST_CASE_FIXTURE(World,
                  "whichever image is stored first, a delta fetches no more of the rootfs than what is new") {
    for (auto const& first : {"boot.img", "rootfs.img"}) {
        CAPTURE(first);
        offer(first, "-noD -noF");
        auto const found = look(planned, local);
        CHECK_FALSE(found->copies.empty());
        REQUIRE(write(planned, found).has_value());
        CHECK(holds(images));
        CHECK(http.given < images.boot.size() + images.rootfs.size() / 6);
    }
}

TEST_CASE_FIXTURE(World,
                  "whichever image is stored first, an installation cut short anywhere is gone on with") {
    for (auto const& order : kOrders) {
        CAPTURE(order.first);
        CAPTURE(order.args);
        offer(order.first, order.args);
        auto const all = ota::needed_stretches(planned->layout.uses).back().end();
        for (auto const sixth : {1u, 3u, 5u}) {
            CAPTURE(sixth);
            fill_slots();
            checkpoints.clear();
            cut_off_after(all * sixth / 6);
            CHECK(cannot_boot());

            local.progress = checkpoints.empty() ? std::nullopt : std::optional{checkpoints.back()};
            auto without_running = local;
            without_running.running = {.boot = at / "nothing", .rootfs = at / "nothing"};
            auto const found = look(planned, without_running);
            http.given = 0;
            REQUIRE(write(planned, found).has_value());
            CHECK(holds(images));
            // Of what had come, the last MiB of each image at most, and the heads.
            CHECK(http.given < all - all * sixth / 6 + 2 * kMib);
        }
    }
}
