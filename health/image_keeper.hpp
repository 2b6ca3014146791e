#pragma once
// Removes the images that nobody needs any more (health/image_pruning.hpp): when the containers are as the
// document wants them and the slot is not on trial, and then once a day.

#include "core/clock.hpp"
#include "core/device_state.hpp"
#include "core/log.hpp"
#include "health/image_pruning.hpp"

#include <functional>
#include <string>
#include <vector>

namespace health {

// Podman has one for root and one for each user.
struct ImageStore {
    std::string of;   // whose: "root", "appsvc"
    std::filesystem::path socket;
    unsigned owner = 0;       // who serves it
    core::StateFile record;   // of this store alone
};

class ImageKeeper {
public:
    ImageKeeper(core::Clock& clock,
                core::StateBus& state,
                core::Log log,
                std::vector<ImageStore> stores,
                std::function<ImageWishes()> wishes);   // asked anew each time

    core::Task<void> run();

private:
    core::Task<void> time_has_come();
    core::Task<void> prune(ImageStore const& store);

    core::Clock& clock_;
    core::StateBus& state_;
    core::Log log_;
    std::vector<ImageStore> stores_;
    std::function<ImageWishes()> wishes_;
};

}   // namespace health
