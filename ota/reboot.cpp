#include "ota/reboot.hpp"

namespace ota {
namespace {
constexpr auto kPatience = std::chrono::seconds{60};
}

core::Task<void> reboot_for_good(core::Board& board, core::Clock& clock, core::Log log, std::string why) {
    for (;;) {
        log(core::Level::notice, "rebooting", {{"why", why}});
        auto const asked = co_await board.reboot(why);
        if (!asked) log(core::Level::error, "the reboot failed, will retry", {{"why", asked.error().text()}});
        co_await clock.sleep_for(kPatience);
    }
}

}   // namespace ota
