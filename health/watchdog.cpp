#include "health/watchdog.hpp"

#include "core/race.hpp"

#include <exception>

namespace health {

using core::Level;
using namespace std::chrono_literals;

namespace {

constexpr auto kLook = 3s;   // between two looks at what is left
constexpr auto kTimeToRollBack = 5min;
constexpr auto kRetry = 1min;

std::string in_whole_seconds(core::Duration d) {
    return std::to_string(core::count_s(d)) + " s";
}

}   // namespace

bool is_watchdog_wanted(WatchdogMode mode, bool operator_wish, core::Phase phase) noexcept {
    if (mode == WatchdogMode::never) return false;
    return mode == WatchdogMode::always || operator_wish || phase == core::Phase::trial;
}

std::string why_distrusted(Counting const& seen) {
    if (!seen.left || !seen.left_later) return "it cannot tell how much time is left";
    if (*seen.left_later >= *seen.left)
        return "it does not count: " + in_whole_seconds(*seen.left) + " were left, and " +
               in_whole_seconds(*seen.left_later) + " after " + in_whole_seconds(kLook);
    return "";
}

Watchdog::Watchdog(core::Clock& clock,
                   core::StateBus& state,
                   core::Writer<&core::DeviceState::watchdog> writer,
                   core::Log log,
                   std::vector<core::WatchdogDevice*> devices,
                   Settings settings)
    : clock_{clock},
      state_{state},
      writer_{writer},
      log_{std::move(log)},
      devices_{std::move(devices)},
      settings_{settings} {}

core::Task<void> Watchdog::run() {
    std::exception_ptr thrown;
    try {
        for (;;) {
            co_await wanted_is(true);
            co_await core::ends_before(keep_armed(), wanted_is(false));
            release();
            writer_.set({});
            log_(Level::info, "watchdog stopped");
        }
    } catch (...) { thrown = std::current_exception(); }
    release();
    std::rethrow_exception(thrown);
}

core::Task<void> Watchdog::keep_armed() {
    while (!armed_) {
        auto found = co_await arm();
        armed_ = found.device;
        writer_.set(found.state);
        if (armed_) {
            log_(Level::notice, "watchdog armed",
                 {{"device", found.state.device},
                  {"timeout_s", core::count_s(*found.state.timeout)},
                  {"trusted", found.state.trusted},
                  {"note", found.state.note}});
            continue;
        }
        log_(Level::error, "no watchdog could be armed, will retry", {{"why", found.state.note}});
        co_await clock_.sleep_for(kRetry);
    }
    co_await wanted_is(false);
}

// The first that is trusted, else the first that runs. Those that are not chosen are stopped again.
core::Task<Watchdog::Armed> Watchdog::arm() {
    Armed best;
    std::string notes;
    for (auto* const device : devices_) {
        auto seen = co_await examine(*device);
        if (!seen.state.note.empty())
            notes += (notes.empty() ? "" : "; ") + device->name() + ": " + seen.state.note;
        if (!seen.device) continue;
        if (best.device && !seen.state.trusted) {
            device->close();
            continue;
        }
        if (best.device) best.device->close();
        best = std::move(seen);
        if (best.state.trusted) break;
    }
    best.state.note = devices_.empty() ? "device.yaml names no watchdog" : notes;
    co_return best;
}

core::Task<Watchdog::Armed> Watchdog::examine(core::WatchdogDevice& device) {
    Armed found;
    found.state.device = device.name();
    auto const facts = device.open();
    if (!facts) {
        found.state.note = facts.error().text();
        co_return found;
    }
    found.state.identity = facts->identity;
    found.state.reset_us = facts->reset_us;
    auto const timeout = device.set_timeout(settings_.timeout);
    auto const fed = device.feed();
    if (!timeout || !fed) {
        found.state.note = (timeout ? fed.error() : timeout.error()).text();
        device.close();
        co_return found;
    }
    // Whoever feeds it counts on what was asked for, a third of it.
    if (*timeout < settings_.timeout / 2) {
        found.state.note = "its timeout became " + in_whole_seconds(*timeout) + " instead of " +
                           in_whole_seconds(settings_.timeout) + ", too short to be fed in time";
        device.close();
        co_return found;
    }
    Counting seen{.left = device.time_left()};
    co_await clock_.sleep_for(kLook);
    seen.left_later = device.time_left();
    found.device = &device;
    found.state.armed = true;
    found.state.timeout = *timeout;
    found.state.note = why_distrusted(seen);
    found.state.trusted = found.state.note.empty();
    if (auto const again = device.feed(); !again) found.state.note = again.error().text();
    co_return found;
}

void Watchdog::feed() {
    auto const& now = state_.now();
    bool const is_bad =
        now.update.phase == core::Phase::trial && now.health.verdict == core::Verdict::roll_back;
    if (!is_bad) bad_since_.reset();
    if (is_bad && !bad_since_) bad_since_ = clock_.now();
    bool const is_stuck = bad_since_ && clock_.now() - *bad_since_ > kTimeToRollBack;
    if (!armed_ || is_starving_ || is_stuck) return;
    if (auto const fed = armed_->feed(); !fed)
        log_(Level::error, "the watchdog could not be fed", {{"why", fed.error().text()}});
}

void Watchdog::starve() {
    is_starving_ = true;
}

bool Watchdog::is_wanted() const {
    return is_watchdog_wanted(settings_.mode, settings_.operator_wish, state_.now().update.phase);
}

core::Task<void> Watchdog::wanted_is(bool wanted) {
    while (is_wanted() != wanted) {
        auto const seen = state_.get();
        co_await state_.changed_from(seen);
    }
}

void Watchdog::release() noexcept {
    // All of them: a cancellation may have come while one was being examined.
    for (auto* const device : devices_)
        if (is_starving_)
            device->abandon();
        else
            device->close();
    armed_ = nullptr;
}

}   // namespace health
