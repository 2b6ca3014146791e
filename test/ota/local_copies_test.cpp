#include "ota/local_copies.hpp"

#include "ota/image_index.hpp"
#include "ota/leaf_window.hpp"
#include "ota/slot_target.hpp"
#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using core::Errc;
using ota::kMib;

namespace {

std::string const kRaw = "-noD -noF";
std::string const kZstd = "-comp zstd -Xcompression-level 3";

// Compresses well, and every block differs.
std::string text(std::size_t size, unsigned seed) {
    auto const words = test::noise(size / 8, seed);
    std::string all;
    for (char c : words) all.append(8, c);
    all.resize(size, '.');
    return all;
}

struct World : test::InstallWorld {
    test::Images images{.boot = test::noise(2 * kMib + 100, 41), .rootfs = test::noise(3 * kMib + 4'000, 42)};
    std::shared_ptr<ota::BundlePlan const> planned;
    ota::LocalSources local{.running = {.boot = at / "running-boot", .rootfs = at / "running-rootfs"}};

    World() {
        checkpoint_every = 64 * 1024;
        piece_size = 64 * 1024;
        test::write_whole(local.running.boot, "");
        test::write_whole(local.running.rootfs, "");
    }
    void offer(std::string const& bundle) {
        http.file = bundle;
        auto const signed_head = head();
        REQUIRE(signed_head.has_value());
        auto const got = plan(*signed_head);
        REQUIRE(got.has_value());
        planned = *got;
        http.given = 0;
    }
    // The most that a resumption may fetch: what is not within MiB that the last record has, and edges.
    std::uint64_t not_recorded() const {
        auto const& record = checkpoints.back();
        std::uint64_t bytes = 96 * 1024;
        for (auto const& use : planned->layout.uses) {
            auto const& mibs = record.of(use.image);
            bool recorded = use.image_offset >= ota::kSlotHead;
            for (auto mib = use.image_offset / kMib; mib <= (use.image_offset + use.length - 1) / kMib; ++mib)
                recorded = recorded && std::ranges::find(mibs, mib, &ota::WrittenMib::number) != mibs.end();
            if (!recorded) bytes += use.stored;
        }
        return bytes;
    }
    core::Result<void> resume() {
        local.progress = checkpoints.empty() ? std::nullopt : std::optional{checkpoints.back()};
        auto const found = look(planned, local);
        return write(planned, found);
    }
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
        http.requests.clear();
    }
};

}   // namespace

TEST_CASE_FIXTURE(World, "a resumed installation fetches nothing again of what was written and synced") {
    for (auto const& args : {kRaw, kZstd, std::string{"-noD -noF -b 4k"}, std::string{"-comp gzip -b 1M"}}) {
        CAPTURE(args);
        if (args == kZstd) images = {.boot = text(2 * kMib + 100, 43), .rootfs = text(3 * kMib + 4'000, 44)};
        fill_slots();
        checkpoints.clear();
        offer(test::rauc_bundle(images, args));
        auto const all = ota::needed_stretches(planned->layout.uses).back().end();
        cut_off_after(all * 2 / 3);
        REQUIRE_FALSE(checkpoints.empty());
        CHECK(cannot_boot());

        auto const most = not_recorded();
        CHECK(most < all * 9 / 10);
        REQUIRE(resume().has_value());
        CHECK(holds(images));
        CHECK(http.given <= most);
    }
}

TEST_CASE_FIXTURE(World,
                  "what the record claims is looked at in the slot, and fetched where it is not there") {
    for (auto const& args : {kRaw, kZstd}) {
        CAPTURE(args);
        if (args == kZstd) images = {.boot = text(2 * kMib + 100, 45), .rootfs = text(3 * kMib + 4'000, 46)};
        fill_slots();
        checkpoints.clear();
        offer(test::rauc_bundle(images, args));
        auto const all = ota::needed_stretches(planned->layout.uses).back().end();
        cut_off_after(all - 4'096);
        auto rootfs = test::read_whole(targets.rootfs);
        rootfs[kMib + 1'234] = static_cast<char>(rootfs[kMib + 1'234] ^ 1);
        test::write_whole(targets.rootfs, rootfs);
        auto const boot = test::read_whole(targets.boot);
        SUBCASE("one byte") {}
        SUBCASE("all of it") {
            fill_slots();
        }
        REQUIRE(resume().has_value());
        CHECK(holds(images));
    }
}

TEST_CASE_FIXTURE(World,
                  "a record of another bundle, or that lies about everything, costs only the download") {
    offer(test::rauc_bundle(images, kRaw));
    ota::Progress lie{.manifest_hash = planned->head.manifest_hash};
    for (std::uint32_t i = 0; i < 5; ++i) {
        lie.boot.push_back({i, std::nullopt});
        lie.rootfs.push_back({i, i == 1 ? std::optional{core::Sha256{}} : std::nullopt});
    }
    SUBCASE("another bundle") {
        lie.manifest_hash = {};
    }
    SUBCASE("this bundle") {}
    checkpoints = {lie};
    REQUIRE(resume().has_value());
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(World, "an attempt that is cut short again and again comes to its end") {
    images = {.boot = text(2 * kMib, 47), .rootfs = test::noise(3 * kMib, 48)};
    offer(test::rauc_bundle(images, kZstd));
    patience.attempts = 1;
    http.drop_after = 1'600'000;   // of every reply: enough for a whole MiB each time
    int attempts = 0;
    core::Result<void> got = core::fail(Errc::unreachable, "");
    while (!got && attempts++ < 20) got = resume();
    REQUIRE(got.has_value());
    CHECK(attempts > 2);
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(World, "images that share blocks are resumed whole") {
    auto const common = test::noise(2 * kMib, 49) + "a tail";
    images = {.boot = common, .rootfs = common};   // stored once
    SUBCASE("whole") {}
    SUBCASE("but for their tails") {
        images.rootfs += " of its own";
    }
    for (auto const& args : {kRaw, kZstd}) {
        CAPTURE(args);
        fill_slots();
        checkpoints.clear();
        offer(test::rauc_bundle(images, args));
        cut_off_after(ota::needed_stretches(planned->layout.uses).back().end() - 4'096);
        auto const resumed = resume();
        REQUIRE_MESSAGE(resumed.has_value(), resumed.error().text());
        CHECK(holds(images));
    }
}

namespace {

// Two versions of a root file system, as squashfs images, and a bundle of the second one with its indexes.
struct Versions : World {
    std::string old_image;
    std::string new_image;
    std::string bundle;
    std::filesystem::path boot_dir = at / "boot-files";
    std::string kernel = test::noise(900'000, 71);

    Versions() {
        std::filesystem::create_directories(at / "tree");
        for (unsigned i = 0; i < 60; ++i)
            test::write_whole(at / ("tree/f" + std::to_string(i)), test::noise(20'000 + 700 * i, i));
        old_image = squashfs();
        for (unsigned i : {7u, 30u, 31u})
            test::write_whole(at / ("tree/f" + std::to_string(i)), test::noise(21'000 + 600 * i, 500 + i));
        new_image = squashfs();
        test::write_whole(local.running.rootfs, old_image + std::string(4'096, 'z'));
        std::filesystem::create_directories(boot_dir);
        test::write_whole(boot_dir / "kernel", kernel);
        images = {.boot = std::string(1'024, 'n') + kernel, .rootfs = new_image};
        test::write_whole(local.running.boot, std::string(1'024, 'o') + kernel);
        bundle = with_indexes(ota::print_index(*ota::index_squashfs(at / "image")), boot_index());
    }
    std::string squashfs() {
        test::must_run(at.path(),
                       "rm -f image && mksquashfs tree image -noappend -no-progress -quiet -comp zstd "
                       "-b 16k -no-fragments -all-time 0 -mkfs-time 0");
        return test::read_whole(at / "image");
    }
    std::string boot_index() {
        test::write_whole(at / "boot-image", images.boot);
        return ota::print_index(*ota::index_boot_image(at / "boot-image", boot_dir));
    }
    std::string with_indexes(std::string const& rootfs_index, std::string const& of_boot) {
        std::filesystem::create_directories(at / "content");
        test::write_whole(at / "content/boot.img", images.boot);
        test::write_whole(at / "content/rootfs.img", images.rootfs);
        test::write_whole(at / "content/rootfs.img.index", rootfs_index);
        test::write_whole(at / "content/boot.img.index", of_boot);
        test::must_run(at.path(),
                       "rm -f outer && mksquashfs content outer -noappend -no-progress -quiet " + kRaw);
        return test::own_bundle(test::read_whole(at / "outer"), test::manifest_for(images));
    }
};

}   // namespace

TEST_CASE_FIXTURE(Versions, "a delta takes from the running slot what it has, and fetches little") {
    offer(bundle);
    http.requests.clear();
    REQUIRE(resume().has_value());
    CHECK(holds(images));
    // three files of 60 changed; superblock, tables, tails and the index come anyhow
    CHECK(http.given < images.rootfs.size() / 6);
    CHECK(progress.back().fetched < images.rootfs.size() / 6);
    CHECK(progress.back().done == progress.back().total);
    // two indexes, one for each of the two stretches that changed, and the images' edges and tables
    CHECK(http.requests.size() <= 8);
    MESSAGE("fetched " << http.given << " of " << images.rootfs.size() + images.boot.size());
}

TEST_CASE_FIXTURE(Versions, "files of the boot image are found where they lay, and where they are mounted") {
    offer(bundle);
    SUBCASE("at the same place") {}
    SUBCASE("moved, and mounted") {
        test::write_whole(local.running.boot, test::noise(kernel.size() + 5'000, 1));
        local.boot_files = boot_dir;
    }
    REQUIRE(resume().has_value());
    CHECK(holds(images));
    CHECK(http.given < images.rootfs.size() / 6);
}

TEST_CASE_FIXTURE(
    Versions,
    "a network that fails while an index is fetched is waited for, not paid for with all of it") {
    offer(bundle);
    patience.attempts = 1;
    http.status = 503;
    auto const found =
        test::run_task(io, ota::find_local(http, clock, workers, source, planned, targets, local, patience));
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().is(Errc::unreachable));
    CHECK(http.requests.size() == 4 + 1);   // of the plan, and one for the first index
    CHECK(is_untouched());
}

TEST_CASE_FIXTURE(Versions, "a wrong index, or a wrong running slot, costs bandwidth and nothing else") {
    auto index = *ota::index_squashfs(at / "image");
    SUBCASE("every block has its neighbour's hash") {
        for (std::size_t i = 0; i + 1 < index.size(); ++i) std::swap(index[i].hash, index[i + 1].hash);
        bundle = with_indexes(ota::print_index(index), boot_index());
    }
    SUBCASE("blocks at wrong places") {
        for (auto& block : index) block.offset += 5;
        index.pop_back();
        bundle = with_indexes(ota::print_index(index), "");
    }
    SUBCASE("hashes of the running slot, for other blocks") {
        test::write_whole(at / "old", old_image);
        auto const old = *ota::index_squashfs(at / "old");
        for (std::size_t i = 0; i < std::min(index.size(), old.size()); ++i) { index[i].hash = old[i].hash; }
        bundle = with_indexes(ota::print_index(index), boot_index());
    }
    SUBCASE("not an index") {
        bundle = with_indexes("garbage", std::string(100'000, 'g'));
    }
    SUBCASE("an empty one") {
        bundle = with_indexes("", "");
    }
    SUBCASE("no squashfs in the running slot") {
        test::write_whole(local.running.rootfs, old_rootfs);
    }
    SUBCASE("no running slot") {
        std::filesystem::remove(local.running.rootfs);
        std::filesystem::remove(local.running.boot);
    }
    offer(bundle);
    REQUIRE(resume().has_value());
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(Versions, "a running slot that changes behind the index is noticed byte by byte") {
    offer(bundle);
    auto const found = look(planned, local);
    REQUIRE_FALSE(found->copies.empty());
    auto running = old_image;
    SUBCASE("one byte of every block") {
        for (std::size_t i = 500; i < running.size(); i += 4'096)
            running[i] = static_cast<char>(running[i] ^ 8);
    }
    SUBCASE("one byte") {
        running[running.size() / 2] = static_cast<char>(running[running.size() / 2] ^ 8);
    }
    SUBCASE("cut short") {
        running.resize(running.size() / 2);
    }
    test::write_whole(local.running.rootfs, running);
    REQUIRE(write(planned, found).has_value());
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(Versions, "a bundle that is compressed, or has no index, is fetched whole") {
    offer(test::rauc_bundle(images, kZstd));
    auto const found = look(planned, local);
    CHECK(found->copies.empty());
    REQUIRE(write(planned, found).has_value());
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(Versions, "a delta that is cut short is resumed in place") {
    offer(bundle);
    auto const found = look(planned, local);
    http.given = 0;
    http.drop_after = 30'000;
    http.before_reply = [this](test::MemoryHttp& server, core::HttpRequest const&) {
        if (server.given > 60'000) server.status = 404;
    };
    REQUIRE_FALSE(write(planned, found).has_value());
    http.before_reply = nullptr;
    http.status = 0;
    http.drop_after = test::MemoryHttp::kNever;
    std::filesystem::remove(local.running.rootfs);   // so that only what is in place can serve
    auto const all = ota::needed_stretches(planned->layout.uses).back().end();
    http.given = 0;
    REQUIRE(resume().has_value());
    CHECK(holds(images));
    CHECK(http.given < all);
}

TEST_CASE_FIXTURE(Versions, "a large bundle's tree is fetched in parts, and the result is the same") {
    http.file = bundle;
    auto const signed_head = head();
    REQUIRE(signed_head.has_value());
    auto const parts =
        test::run_task(io, ota::fetch_plan(http, clock, workers, source, *signed_head, patience, 4'096));
    REQUIRE(parts.has_value());
    REQUIRE_FALSE((*parts)->leaves);
    planned = *parts;
    SUBCASE("whole") {
        REQUIRE(write(planned).has_value());
    }
    SUBCASE("as a delta") {
        REQUIRE(resume().has_value());
    }
    CHECK(holds(images));
}

TEST_CASE_FIXTURE(Versions,
                  "leaves are fetched once for the blocks they vouch for, and never taken unverified") {
    http.file = bundle;
    auto const signed_head = head();
    REQUIRE(signed_head.has_value());
    planned =
        *test::run_task(io, ota::fetch_plan(http, clock, workers, source, *signed_head, patience, 4'096));
    std::shared_ptr<ota::Leaves const> window;
    ota::RangeReader reader{http, clock, source, *signed_head, patience};
    auto const leaves = [&](std::uint64_t first, std::uint64_t end) {
        return test::run_task(io, ota::leaves_for(reader, workers, planned, window, first, end));
    };
    http.requests.clear();
    REQUIRE(leaves(200, 264).has_value());
    CHECK(window->covers(200));
    CHECK(window->covers(263));
    CHECK(leaves(263, 300).has_value());
    CHECK(http.requests.size() == 1);
    CHECK_FALSE(window->covers(127));   // it begins with the leaf of block 200
    CHECK(leaves(0, 1).has_value());
    CHECK(http.requests.size() == 2);

    auto& in_leaves = http.file[signed_head->data_size + planned->tree.upper_size() + 4'096 + 5];
    in_leaves = static_cast<char>(in_leaves ^ 1);
    window.reset();
    auto const wrong = leaves(128, 129);
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().is(Errc::bad_signature));
    CHECK_FALSE(window);
}

TEST_CASE_FIXTURE(Versions, "a connection lost while an index or leaves are fetched is taken up again") {
    http.file = bundle;
    auto const signed_head = head();
    REQUIRE(signed_head.has_value());
    planned =
        *test::run_task(io, ota::fetch_plan(http, clock, workers, source, *signed_head, patience, 4'096));
    http.before_reply = [n = 0](test::MemoryHttp& server, core::HttpRequest const&) mutable {
        server.drop_after = ++n % 2 == 1 ? 1'000 : test::MemoryHttp::kNever;
    };
    REQUIRE(resume().has_value());
    CHECK(holds(images));
    CHECK(progress.back().fetched < images.rootfs.size() / 6);
}
