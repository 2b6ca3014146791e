#pragma once
// A server, two slots with old content, and a device that installs: the three steps of ota/bundle.hpp one by
// one.

#include "ota/bundle.hpp"
#include "ota/bundle_plan.hpp"
#include "ota/local_copies.hpp"
#include "support/hurried_clock.hpp"
#include "support/memory_http.hpp"
#include "support/rauc_bundle.hpp"
#include "support/run_task.hpp"

#include <chrono>

namespace test {

struct InstallWorld {
    static constexpr std::size_t kBootSlot = 3'000'000;
    static constexpr std::size_t kRootfsSlot = 4'000'000;

    core::asio::io_context io;
    HurriedClock clock;
    core::Workers workers{2};
    MemoryHttp http;
    TemporaryDirectory at;
    std::string const old_boot = noise(kBootSlot, 21);
    std::string const old_rootfs = noise(kRootfsSlot, 22);
    ota::SlotTargets targets{.boot = at / "boot", .rootfs = at / "rootfs"};
    ota::BundleSource source{.url = "https://updates.test/x.raucb",
                             .headers = {{"X-Token", "t"}},
                             .judge_at =
                                 std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
                                 std::chrono::hours{1}};
    std::vector<ota::WriteProgress> progress;
    std::vector<ota::Progress> checkpoints;
    std::uint64_t checkpoint_every = 16 * 1024 * 1024;
    std::size_t piece_size = 512 * 1024;
    ota::Patience patience;

    InstallWorld() {
        source.retry_after = std::make_shared<std::optional<core::Duration>>();
        fill_slots();
    }
    void fill_slots() {
        write_whole(targets.boot, old_boot);
        write_whole(targets.rootfs, old_rootfs);
    }

    core::Result<ota::BundleHead> head() {
        return run_task(io, ota::fetch_head(http, source, {.keyring = trusted_pki().keyring}));
    }
    core::Result<std::shared_ptr<ota::BundlePlan const>> plan(ota::BundleHead const& head) {
        return run_task(io, ota::fetch_plan(http, clock, workers, source, head, patience));
    }
    core::Result<void> write(std::shared_ptr<ota::BundlePlan const> const& plan,
                             std::shared_ptr<ota::Found const> found = nullptr) {
        auto how = steps([this](ota::WriteProgress now) { progress.push_back(now); });
        if (!found) found = ota::nothing_found(*plan);
        return run_task(io, ota::write_images(http, clock, workers, source, plan, targets, found, patience,
                                              std::move(how)));
    }
    std::shared_ptr<ota::Found const> look(std::shared_ptr<ota::BundlePlan const> const& plan,
                                           ota::LocalSources local) {
        auto const found = run_task(
            io, ota::find_local(http, clock, workers, source, plan, targets, std::move(local), patience));
        if (!found) throw std::runtime_error{found.error().text()};
        return *found;
    }
    ota::WriteSteps steps(std::function<void(ota::WriteProgress)> note) {
        auto ready = []() -> core::Task<core::Result<void>> { co_return core::Result<void>{}; };
        auto keep = [this](ota::Progress now) -> core::Task<void> {
            checkpoints.push_back(std::move(now));
            co_return;
        };
        return {.before_first_byte = ready,
                .progress = std::move(note),
                .checkpoint = keep,
                .checkpoint_every = checkpoint_every,
                .checkpoint_pause = {},
                .piece_size = piece_size};
    }
    // The first error of the three steps.
    core::Result<void> install() {
        auto const signed_head = head();
        if (!signed_head) return signed_head.error();
        auto const verified = plan(*signed_head);
        if (!verified) return verified.error();
        return write(*verified);
    }

    core::Result<bool> held(ota::Manifest const& manifest) {
        return run_task(io, ota::targets_hold(workers, manifest, targets));
    }

    bool holds(Images const& images) const {
        return read_whole(targets.boot) == images.boot + tail(old_boot, images.boot) &&
               read_whole(targets.rootfs) == images.rootfs + tail(old_rootfs, images.rootfs);
    }
    bool is_untouched() const {
        return read_whole(targets.boot) == old_boot && read_whole(targets.rootfs) == old_rootfs;
    }
    bool cannot_boot() const {
        std::string const zeros(4096, '\0');
        return read_whole(targets.boot).starts_with(zeros) && read_whole(targets.rootfs).starts_with(zeros);
    }

private:
    // What lies behind the image, but for an image smaller than the head.
    static std::string tail(std::string const& old, std::string const& image) {
        if (image.size() >= 4096) return old.substr(image.size());
        return std::string(4096 - image.size(), '\0') + old.substr(4096);
    }
};

}   // namespace test
