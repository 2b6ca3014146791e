#include "platform/status_led.hpp"

#include "platform/kernel_file.hpp"

#include <optional>

namespace platform {

LedPattern led_pattern(core::DeviceState const& state) noexcept {
    using core::Condition;
    using core::Phase;
    switch (state.update.phase) {
    case Phase::activated:
    case Phase::trial:
        return LedPattern::slowly;
    case Phase::rolled_back:
        return LedPattern::fast;
    case Phase::idle:
    case Phase::offered:
    case Phase::downloading:
    case Phase::written:
    case Phase::committed:
        break;
    }
    switch (state.health.condition) {
    case Condition::unknown:
        return LedPattern::slowly;
    case Condition::good:
        return LedPattern::on;
    case Condition::degraded:
    case Condition::failed:
        break;
    }
    return LedPattern::fast;
}

core::Result<void> show(std::filesystem::path const& led, LedPattern pattern) {
    auto const set = [&](char const* name, char const* value) {
        return write_kernel_file(led / name, value);
    };
    if (pattern == LedPattern::on) {
        if (auto const ok = set("trigger", "none"); !ok) return ok;
        return set("brightness", "1");
    }
    auto const* const ms = pattern == LedPattern::fast ? "100" : "1000";
    // The trigger's files are there once it is set.
    for (auto const& [name, value] : {std::pair{"trigger", "timer"}, {"delay_on", ms}, {"delay_off", ms}})
        if (auto const ok = set(name, value); !ok) return ok;
    return {};
}

core::Task<void> keep_led(std::filesystem::path led, core::StateBus& state, core::Log log) {
    std::optional<LedPattern> shown;
    for (auto seen = state.get();; seen = co_await state.changed_from(seen)) {
        auto const wanted = led_pattern(*seen);
        if (shown == wanted) continue;
        shown = wanted;
        if (auto const ok = show(led, wanted); !ok)
            log(core::Level::warning, "the led does not show how the device is",
                {{"why", ok.error().text()}});
    }
}

}   // namespace platform
