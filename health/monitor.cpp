#include "health/monitor.hpp"

#include "core/race.hpp"

#include <algorithm>

namespace health {

using core::Level;
using core::Phase;

namespace {

constexpr auto kOrdinaryInterval = std::chrono::minutes{5};
constexpr auto kSettle = std::chrono::seconds{1};   // a burst of changes is one round

bool in_trial(core::DeviceState const& state) {
    return state.update.phase == Phase::trial;
}

bool same_outside(core::DeviceState const& one, core::DeviceState const& other) {
    return in_trial(one) == in_trial(other) && one.links == other.links && one.services == other.services &&
           one.firewall == other.firewall;
}

}   // namespace

Monitor::Monitor(core::Clock& clock,
                 core::StateBus& state,
                 core::Writer<&core::DeviceState::health> health,
                 core::Log log,
                 Round round,
                 Rules rules,
                 core::Duration trial_interval)
    : clock_{clock},
      state_{state},
      health_{health},
      log_{std::move(log)},
      round_{std::move(round)},
      rules_{rules},
      trial_interval_{trial_interval} {}

core::Task<void> Monitor::run() {
    for (;;) {
        if (in_trial(state_.now()))
            co_await watch_trial();
        else
            co_await watch_ordinary();
    }
}

// Until the verdict has been acted upon.
core::Task<void> Monitor::watch_trial() {
    Held held;
    while (in_trial(state_.now())) {
        auto const asked = co_await round_();
        auto const now = clock_.now();
        auto const state = state_.get();   // after the round: the one of before is gone
        auto const readings = excused(asked, state->update.baseline);
        held = next_held(held, readings, state->services, now);
        TrialFacts const facts{.age = now - state->update.trial_started.value_or(now),
                               .healthy_for = held.since ? now - *held.since : core::Duration{},
                               .services = state->services,
                               .readings = readings};
        auto const judgement = judge(facts, rules_);
        tell({judgement.verdict, judgement.reason, readings, facts.healthy_for});
        if (judgement.verdict == Verdict::commit || judgement.verdict == Verdict::roll_back) {
            while (in_trial(state_.now())) {
                auto const seen = state_.get();
                co_await state_.changed_from(seen);
            }
            co_return;
        }
        co_await clock_.sleep_for(trial_interval_);
    }
}

core::Task<void> Monitor::watch_ordinary() {
    auto const before = state_.get();
    auto readings = co_await round_();
    if (in_trial(state_.now())) co_return;
    tell({Verdict::none, "", std::move(readings), {}});
    auto changed = changed_from(before);
    auto over = clock_.sleep_for(kOrdinaryInterval);
    co_await core::ends_before(std::move(changed), std::move(over));
    if (!in_trial(state_.now())) co_await clock_.sleep_for(kSettle);
}

core::Task<void> Monitor::changed_from(std::shared_ptr<core::DeviceState const> seen) {
    for (auto now = state_.get(); same_outside(*seen, *now);) now = co_await state_.changed_from(now);
}

void Monitor::tell(core::Health next) {
    for (auto const& reading : next.readings) {
        auto const& before = health_.now().readings;
        auto const known =
            std::ranges::find_if(before, [&](core::Reading const& r) { return r.probe == reading.probe; });
        if (known != before.end() && known->good == reading.good) continue;
        log_(reading.good ? Level::info : Level::warning, reading.good ? "probe holds" : "probe fails",
             {{"probe", reading.probe}, {"detail", reading.detail}});
    }
    health_.set(std::move(next));
}

}   // namespace health
