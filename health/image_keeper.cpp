#include "health/image_keeper.hpp"

namespace health {

using core::Level;
using core::Task;

namespace {

constexpr auto kPause = std::chrono::hours{24};

bool is_time(core::DeviceState const& state) {
    return state.containers.applied && state.update.phase != core::Phase::trial;
}

}   // namespace

ImageKeeper::ImageKeeper(core::Clock& clock,
                         core::StateBus& state,
                         core::Log log,
                         std::vector<ImageStore> stores,
                         std::function<ImageWishes()> wishes)
    : clock_{clock},
      state_{state},
      log_{std::move(log)},
      stores_{std::move(stores)},
      wishes_{std::move(wishes)} {}

Task<void> ImageKeeper::run() {
    for (;;) {
        co_await time_has_come();
        for (auto const& store : stores_) co_await prune(store);
        co_await clock_.sleep_for(kPause);
    }
}

Task<void> ImageKeeper::time_has_come() {
    for (auto seen = state_.get(); !is_time(*seen);) seen = co_await state_.changed_from(seen);
}

Task<void> ImageKeeper::prune(ImageStore const& store) {
    Podman podman{clock_, store.socket, store.owner};
    auto const done = co_await prune_images(podman, store.record, wishes_());
    if (!done) {
        // No socket: no container of this owner ran since the boot, so its images are as they were.
        bool const is_unused = done.error().is(core::Errc::not_found);
        log_(is_unused ? Level::debug : Level::warning, "images were not looked through, will retry in a day",
             {{"of", store.of}, {"why", done.error().text()}});
        co_return;
    }
    for (auto const& id : done->removed)
        log_(Level::notice, "removed an image that no document names any more",
             {{"of", store.of}, {"image", id}});
    for (auto const& why : done->errors)
        log_(Level::warning, "an image stays that no document names any more",
             {{"of", store.of}, {"why", why}});
}

}   // namespace health
