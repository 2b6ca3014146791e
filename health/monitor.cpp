#include "health/monitor.hpp"

#include "core/race.hpp"
#include "health/container_reading.hpp"

#include <algorithm>

namespace health {

using core::Level;
using core::Phase;

namespace {

constexpr auto kRoundInterval = std::chrono::minutes{5};
constexpr auto kFirstReading = std::chrono::seconds{5};
constexpr auto kRoundSettles = std::chrono::seconds{1};   // a burst of changes is one round
constexpr auto kContainerPause = std::chrono::minutes{1};

// A carrier counts after it has held, so at first there is none.
bool are_read(core::Links const& links) {
    return !links.lan.name.empty() && (links.lan.carrier || !links.lan.present);
}

bool in_trial(core::DeviceState const& state) {
    return state.update.phase == Phase::trial;
}

bool same_outside(core::DeviceState const& one, core::DeviceState const& other) {
    return in_trial(one) == in_trial(other) && one.links == other.links && one.services == other.services &&
           one.firewall == other.firewall && one.forwarding == other.forwarding;
}

bool same_containers(core::DeviceState const& one, core::DeviceState const& other) {
    return container_readings(one) == container_readings(other);
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

core::Task<void> Monitor::links_are_read() {
    for (auto seen = state_.get(); !are_read(seen->links);) seen = co_await state_.changed_from(seen);
}

core::Task<void> Monitor::run() {
    auto read = links_are_read();
    auto enough = clock_.sleep_for(kFirstReading);
    co_await core::ends_before(std::move(read), std::move(enough));
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
        auto const age = now - state->update.trial_started.value_or(now);
        auto const rules = rules_for(rules_, state->containers, state->update.baseline);
        auto const readings =
            dated(weighed(asked, rules, state->update.baseline), health_.now().readings, now);
        auto const runs =
            counted_runs(judged_services(state->services, readings, rules), state->containers, readings);
        held = next_held(held, readings, runs, now, age < rules.grace);
        auto const since = [&](std::optional<core::TimePoint> const& when) {
            return when ? now - *when : core::Duration{};
        };
        TrialFacts const facts{.now = now,
                               .age = age,
                               .healthy_for = since(held.since),
                               .healthy_but_cable_for = since(held.but_cable_since),
                               .restarts = held.restarts(),
                               .services = runs,
                               .readings = readings};
        auto const judgement = judge(facts, rules);
        tell({.verdict = judgement.verdict,
              .reason = judgement.reason,
              .readings = readings,
              .healthy_for = facts.healthy_for});
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
    auto const seen = state_.get();
    auto const began = clock_.now();
    auto const asked = co_await round_();
    if (in_trial(state_.now())) co_return;
    auto const now = clock_.now();
    auto const rules = rules_for(rules_, state_.now().containers, {});
    auto const readings = dated(weighed(asked, rules), health_.now().readings, now);
    bool const in_grace = now - state_.now().identity.started < rules_.grace;
    auto const before = std::exchange(course_, next_course(course_, readings, in_grace)).condition;
    if (before != course_.condition) tell_condition(before);
    tell({.readings = readings, .condition = course_.condition});
    auto changed = changed_from(seen);
    auto over = changed_or_time(seen, began);
    co_await core::ends_before(std::move(changed), std::move(over));
    if (!in_trial(state_.now())) co_await clock_.sleep_for(kRoundSettles);
}

core::Task<void> Monitor::changed_from(std::shared_ptr<core::DeviceState const> seen) {
    for (auto now = state_.get(); same_outside(*seen, *now);) now = co_await state_.changed_from(now);
}

core::Task<void> Monitor::containers_changed_from(std::shared_ptr<core::DeviceState const> seen,
                                                  core::TimePoint asked) {
    for (auto now = state_.get(); same_containers(*seen, *now);) now = co_await state_.changed_from(now);
    co_await clock_.sleep_until(asked + kContainerPause);
}

core::Task<void> Monitor::changed_or_time(std::shared_ptr<core::DeviceState const> seen,
                                          core::TimePoint asked) {
    auto changed = containers_changed_from(seen, asked);
    auto over = clock_.sleep_for(kRoundInterval);
    co_await core::ends_before(std::move(changed), std::move(over));
}

void Monitor::tell_condition(core::Condition before) {
    bool const is_failed = course_.condition == core::Condition::failed;
    bool const is_degraded = course_.condition == core::Condition::degraded;
    log_(is_failed     ? Level::error
         : is_degraded ? Level::warning
                       : Level::info,
         "condition of the device changed",
         {{"is", core::name(course_.condition)}, {"was", core::name(before)}});
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
