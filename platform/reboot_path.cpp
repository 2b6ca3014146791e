#include "platform/reboot_path.hpp"

namespace platform {

using namespace std::chrono_literals;

RebootStep reboot_step(core::Duration since_asked) noexcept {
    if (since_asked < 60s) return RebootStep::orderly;
    if (since_asked < 90s) return RebootStep::force;
    return RebootStep::starve;
}

core::Task<core::Result<void>> RebootPath::reboot(std::string why) {
    if (!asked_) asked_ = clock_.now();
    switch (reboot_step(clock_.now() - *asked_)) {
    case RebootStep::orderly:
        co_return co_await board_.reboot(std::move(why));
    case RebootStep::force:
        break;
    case RebootStep::starve:
        acts_.starve();
        break;
    }
    co_return co_await acts_.force(std::move(why));   // also where there is no watchdog
}

}   // namespace platform
