// An installation that is cancelled: at every step of the loop there is.

#include "ota/image_index.hpp"
#include "support/install_world.hpp"
#include "support/print_result.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

using core::asio::use_awaitable;

namespace {

// Every opening and reading takes a step of the loop, as on a real network: a place to be cancelled at.
struct InSteps final : core::HttpClient {
    core::HttpClient& beyond;
    explicit InSteps(core::HttpClient& client) : beyond{client} {}

    struct Stream final : core::HttpStream {
        std::unique_ptr<core::HttpStream> beyond;
        explicit Stream(std::unique_ptr<core::HttpStream> from) : beyond{std::move(from)} {}
        core::HttpHead const& head() const override { return beyond->head(); }
        core::Task<core::Result<std::size_t>> read(std::span<std::byte> into) override {
            co_await core::asio::post(use_awaitable);
            co_return co_await beyond->read(into);
        }
    };
    core::Task<core::Result<std::unique_ptr<core::HttpStream>>> open(core::HttpRequest request) override {
        co_await core::asio::post(use_awaitable);
        auto opened = co_await beyond.open(std::move(request));
        if (!opened) co_return opened;
        co_return std::make_unique<Stream>(std::move(*opened));
    }
};

struct World : test::InstallWorld {
    // Small, for it is installed again and again.
    std::string const kernel = test::noise(190'000, 81);
    test::Images const images{.boot = std::string(1'024, 'n') + kernel, .rootfs = test::noise(1'500'000, 82)};
    InSteps network{http};
    ota::LocalSources local{.running = {.boot = at / "running-boot", .rootfs = at / "running-rootfs"}};
    ota::WriteProgress last;
    test::Images before{.boot = old_boot, .rootfs = old_rootfs};   // what the slots hold

    // With the kernel that runs already, and an index that says so: copies are read, too.
    World() {
        for (auto const* directory : {"files", "content"})
            std::filesystem::create_directories(at / directory);
        test::write_whole(at / "files/kernel", kernel);
        test::write_whole(at / "content/boot.img", images.boot);
        test::write_whole(at / "content/rootfs.img", images.rootfs);
        auto const index = ota::index_boot_image(at / "content/boot.img", at / "files");
        test::write_whole(at / "content/boot.img.index", ota::print_index(*index));
        test::must_run(at.path(), "mksquashfs content outer -noappend -no-progress -quiet -noD -noF");
        http.file = test::own_bundle(test::read_whole(at / "outer"), test::manifest_for(images));
        http.piece = 48 * 1024;
        checkpoint_every = 128 * 1024;
        test::write_whole(local.running.boot, std::string(1'024, 'o') + kernel);
        test::write_whole(local.running.rootfs, "");
    }

    void fill_slots() {
        test::write_whole(targets.boot, before.boot);
        test::write_whole(targets.rootfs, before.rootfs);
    }
    bool is_as_before() const {
        return test::read_whole(targets.boot) == before.boot &&
               test::read_whole(targets.rootfs) == before.rootfs;
    }

    core::Task<core::Result<void>> install_all() {
        ota::SignerRules const rules{.keyring = test::trusted_pki().keyring};
        auto const head = co_await ota::fetch_head(network, source, rules);
        if (!head) co_return head.error();
        auto const plan = co_await ota::fetch_plan(network, clock, workers, source, *head, patience);
        if (!plan) co_return plan.error();
        auto const found =
            co_await ota::find_local(network, clock, workers, source, *plan, targets, local, patience);
        if (!found) co_return found.error();
        auto how = steps([this](ota::WriteProgress now) { last = now; });
        co_return co_await ota::write_images(network, clock, workers, source, *plan, targets, *found,
                                             patience, std::move(how));
    }

    struct End {
        bool in_time = true;   // it was not cancelled: it had ended by itself
        std::exception_ptr thrown;
        core::Result<void> result;
    };
    // How it ends when it is cancelled after `count` steps.
    End cancel_after(int count) {
        End end;
        bool ended = false;
        core::asio::cancellation_signal stop;
        core::asio::co_spawn(io, install_all(),
                             core::asio::bind_cancellation_slot(
                                 stop.slot(), [&](std::exception_ptr why, core::Result<void> got) {
                                     ended = true;
                                     end.thrown = why;
                                     end.result = std::move(got);
                                 }));
        io.restart();
        for (int step = 0; step < count && !ended; ++step) io.run_one();
        if (!ended) {
            end.in_time = false;
            stop.emit(core::asio::cancellation_type::terminal);
        }
        io.run();   // returns when nothing is left to be done: a job of the pool keeps it, too
        REQUIRE(ended);
        return end;
    }
};

bool is_cancellation(std::exception_ptr const& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (boost::system::system_error const& error) {
        return error.code() == core::asio::error::operation_aborted;
    } catch (...) { return false; }
}

}   // namespace

TEST_CASE_FIXTURE(World,
                  "an installation may be cancelled at any step, and no slot is left that loads in part") {
    int as_before = 0;
    int headless = 0;
    int whole = 0;
    int in_time = 0;
    for (int count = 0;; ++count) {
        CAPTURE(count);
        fill_slots();
        auto const end = cancel_after(count);
        bool const is_whole = holds(images);
        if (end.in_time) {
            CHECK(end.result.has_value());
            CHECK(is_whole);
            CHECK(last.fetched < last.done);   // some of it was copied
            // The pool works in its own time, so one run has fewer steps than another, and the last of them
            // may not have been cancelled yet.
            if (whole > 0 || ++in_time == 200) break;
            count -= 4;
            continue;
        }
        // A success that was under way is told, or the cancellation; never a failure of its own.
        if (end.thrown)
            CHECK(is_cancellation(end.thrown));
        else
            CHECK(is_whole);
        auto& seen = is_whole ? whole : is_as_before() ? as_before : headless;
        ++seen;
        CHECK((is_whole || is_as_before() || cannot_boot()));
        REQUIRE(count < 5'000);
    }
    // Every part of it was cancelled.
    CHECK(as_before > 10);
    CHECK(headless > 10);
    CHECK(whole > 0);
}

TEST_CASE_FIXTURE(World, "an installation that is gone on with may be cancelled at any step, too") {
    // A first one, cut short when something was recorded: found, not counted, for the pool works in its own
    // time.
    for (int count = 1; checkpoints.empty() || checkpoints.back().of(ota::Target::rootfs).empty(); ++count) {
        fill_slots();
        checkpoints.clear();
        REQUIRE_FALSE(cancel_after(count).in_time);
    }
    REQUIRE(cannot_boot());
    before = {.boot = test::read_whole(targets.boot), .rootfs = test::read_whole(targets.rootfs)};
    local.progress = checkpoints.back();

    int whole = 0;
    for (int count = 0;; ++count) {
        CAPTURE(count);
        fill_slots();
        auto const end = cancel_after(count);
        bool const is_whole = holds(images);
        if (end.in_time) {
            CHECK(end.result.has_value());
            CHECK(is_whole);
            CHECK(last.fetched < images.rootfs.size() / 2);
            break;
        }
        if (end.thrown) CHECK(is_cancellation(end.thrown));
        CHECK((is_whole || (end.thrown && cannot_boot())));
        whole += is_whole ? 1 : 0;
        REQUIRE(count < 5'000);
    }
    CHECK(whole > 0);
}
