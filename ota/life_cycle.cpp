#include "ota/life_cycle.hpp"

#include "ota/reboot.hpp"
#include "ota/standing_problem.hpp"

#include <algorithm>

namespace ota {

using core::fail;
using core::Level;

namespace {
constexpr auto kRetryPause = std::chrono::seconds{5};

std::string reason_of_fallback(StartAction action, UpdateRecord const& record, BootState const& env) {
    if (record.phase == Phase::rolled_back && !record.reason.empty()) return record.reason;
    auto const slot = std::string{"slot "} + core::name(record.target);
    // A rollback that could not be recorded took the slot out of the order and left only the mark.
    if (!env.has_in_order(record.target)) return slot + " was rolled back, and why could not be recorded";
    if (action == StartAction::attempts_used_up) return slot + " used up its boot attempts without a commit";
    return "the loader could not load " + slot + " (" + std::to_string(env.left(record.target)) +
           " attempts left)";
}

// That the provider is away says little of the slot: it may be tried again a day later.
Rejection rejection_of(core::Health const& health) {
    auto const failing = [](core::Reading const& reading) {
        return reading.weight == core::Weight::required && !reading.good;
    };
    auto const says_more = [&](core::Reading const& reading) {
        return failing(reading) && reading.probe != "wan_lease" && reading.probe != "update_server";
    };
    bool const only_wan =
        health.reason.starts_with("wan_lease: ") && std::ranges::none_of(health.readings, says_more);
    return only_wan ? Rejection::attempts : Rejection::verdict;
}
}   // namespace

LifeCycle::LifeCycle(core::Clock& clock,
                     core::Workers& workers,
                     core::Board& board,
                     BootEnv& boot,
                     Books& books,
                     Settlement& settlement,
                     UpdateTask& updates,
                     core::StateBus& state,
                     core::Writer<&core::DeviceState::update> update,
                     core::Log log,
                     UpdateSettings settings)
    : clock_{clock},
      workers_{workers},
      board_{board},
      boot_{boot},
      books_{books},
      settlement_{settlement},
      updates_{updates},
      state_{state},
      update_{update},
      log_{std::move(log)},
      settings_{std::move(settings)} {}

Task<void> LifeCycle::run() {
    auto const deadline = clock_.now() + settings_.trial_limit;
    auto started = co_await start();
    while (!started) {
        auto const why = started.error().text();
        log_(Level::error, "cannot tell where an update stands, will retry",
             {{"why", why}, {"in_s", core::count_s(kRetryPause)}});
        update_.change([&](core::Update& update) { update.error = why; });
        co_await leave_if_unjudged(deadline, why);
        co_await clock_.sleep_for(kRetryPause);
        started = co_await start();
    }
    update_.change([](core::Update& update) { update.error.clear(); });

    if (*started == StartAction::reboot_into_trial)
        co_await reboot_for_good(board_, clock_, log_, "an activated update waits for its trial");
    if (*started == StartAction::reboot_to_old)
        co_await reboot_for_good(board_, clock_, log_, "the running slot was rolled back");
    if (*started == StartAction::trial) co_await judge_trial();
    co_await updates_.run();
}

// A slot on trial that cannot use the boot environment is neither judged nor left: the loader's counter has
// to decide. Not for ever, since the loader may be as blind.
Task<void> LifeCycle::leave_if_unjudged(core::TimePoint deadline, std::string why) {
    if (clock_.now() < deadline || !books_.update()) co_return;
    auto record = *books_.update();
    bool const is_undecided = record.phase == Phase::activated || record.phase == Phase::trial ||
                              record.phase == Phase::rolled_back;
    if (record.target != state_.now().identity.slot || !is_undecided ||
        record.unjudged_boots >= settings_.attempts)
        co_return;
    ++record.unjudged_boots;
    if (!books_.set(record)) co_return;   // uncounted, it could go on for ever
    co_await reboot_for_good(board_, clock_, log_, "the trial cannot be judged: " + why);
}

Task<Result<StartAction>> LifeCycle::start() {
    for (auto const& problem : books_.problems())
        add_problem(update_, log_, "a state file was unreadable", problem);
    auto env = co_await boot_.read();
    if (env && env->lost) env = co_await restore(*env);
    if (!env) co_return fail(env, "starting");
    settlement_.show_attempts(*env, state_.now().identity.slot);

    auto const& record = books_.update();
    auto const action = decide_start(facts_of(*env));
    auto const target = env->trial.value_or(record ? record->target : state_.now().identity.slot);
    switch (action) {
    case StartAction::ordinary:
    case StartAction::resume_download:
    case StartAction::unplanned_fallback:
        co_return co_await start_ordinary(action, *env);
    case StartAction::resume_written:
        co_return co_await resume_written(*record, *env);
    case StartAction::activate_again:
        co_return co_await activate_again(*record, *env);
    case StartAction::trial:
        co_return co_await begin_trial(record_for(target));
    case StartAction::finish_rollback:
        co_return co_await finish_rollback(*record);
    case StartAction::attempts_used_up:
    case StartAction::did_not_load:
        co_return co_await fallen_back(action, record_for(target), *env);
    case StartAction::finish_commit: {
        auto const done = co_await settlement_.commit(*record);
        if (!done) co_return done.error();
        auto const now = co_await boot_.read();
        if (!now) co_return now.error();
        co_return co_await start_ordinary(StartAction::ordinary, *now);
    }
    case StartAction::reboot_into_trial:
    case StartAction::reboot_to_old:
        settlement_.publish(record->phase, record->bundle.version);
        co_return action;
    case StartAction::restore_booted_first:
    case StartAction::restore_trial:
    case StartAction::restore_without_spare:
    case StartAction::restore_without_booted:
        break;   // done above
    }
    co_return fail(core::Errc::io, "the boot environment is lost again");
}

StartFacts LifeCycle::facts_of(BootState env) const {
    auto const& identity = state_.now().identity;
    StartFacts facts{.env = std::move(env), .booted = identity.slot, .committed = books_.committed().last};
    if (auto const& record = books_.update()) {
        facts.phase = record->phase;
        facts.target = record->target;
        facts.same_boot = record->boot_id == identity.boot_id;
    }
    return facts;
}

Task<Result<BootState>> LifeCycle::restore(BootState lost) {
    auto const booted = state_.now().identity.slot;
    auto const action = decide_start(facts_of(lost));
    auto const begun = restored(action, std::move(lost), booted, settings_.attempts);
    auto const written = co_await boot_.write(begun);
    if (!written) co_return fail(written, "beginning the boot environment anew");
    auto const text =
        std::string{"no copy of the boot environment had a good checksum; it was begun anew, slot "} +
        core::name(begun.order.front()) + " first";
    add_problem(update_, log_, "boot environment was lost", text);
    co_return begun;
}

Task<Result<StartAction>> LifeCycle::start_ordinary(StartAction action, BootState env) {
    auto const booted = state_.now().identity.slot;
    auto const refilled = with_refilled(env, booted, settings_.attempts);
    if (refilled != env) {
        auto const written = co_await boot_.write(refilled);
        if (!written) co_return fail(written, "refilling the boot counter");
        settlement_.show_attempts(refilled, booted);
    }
    auto const& record = books_.update();
    bool const settled = record && (record->phase == Phase::committed || record->phase == Phase::rolled_back);
    settlement_.publish(settled ? record->phase : Phase::idle, settled ? record->bundle.version : "");
    if (action == StartAction::unplanned_fallback) {
        auto const text = std::string{"running slot "} + core::name(booted) + ", but slot " +
                          core::name(*books_.committed().last) + " was committed last: the loader fell back";
        add_problem(update_, log_, "unplanned fallback", text);
    }
    co_return StartAction::ordinary;
}

// The environment does not know of the activation: whether the slot was finished is for the slot itself to
// say. And it is long ago, perhaps: what the operator wants by now counts, not what was allowed then.
Task<Result<StartAction>> LifeCycle::activate_again(UpdateRecord record, BootState env) {
    auto const waits_for = co_await updates_.what_is_waited_for();
    if (!waits_for.empty()) {
        record.phase = next_phase(record.phase, Event::not_activated);
        if (auto const ok = books_.set(record); !ok) co_return ok.error();
        co_return co_await resume_written(std::move(record), std::move(env));
    }
    auto const holds = co_await holds_all_of(record);
    if (!holds) co_return co_await give_up(std::move(record), std::move(env), holds.error().text());
    record.phase = next_phase(record.phase, Event::allowed);
    record.boot_id = state_.now().identity.boot_id;
    if (auto const ok = books_.set(record); !ok) co_return ok.error();
    auto const activated = with_activated(env, record.target, settings_.attempts);
    auto const written = co_await boot_.write(activated);
    if (!written) co_return fail(written, "activating version " + record.bundle.version);
    log_(Level::notice, "interrupted update activated again",
         {{"version", record.bundle.version}, {"slot", core::name(record.target)}});
    settlement_.publish(Phase::activated, record.bundle.version);
    co_return StartAction::reboot_into_trial;
}

// Whether it may be activated by now is for the update task to say: it waits for the window, without a flag.
Task<Result<StartAction>> LifeCycle::resume_written(UpdateRecord record, BootState env) {
    // The counter first: to read the whole slot takes its time.
    auto const started = co_await start_ordinary(StartAction::ordinary, env);
    if (!started) co_return started;
    env = with_refilled(std::move(env), state_.now().identity.slot, settings_.attempts);
    auto const holds = co_await holds_all_of(record);
    if (!holds) co_return co_await give_up(std::move(record), std::move(env), holds.error().text());
    settlement_.publish(Phase::written, record.bundle.version);
    co_return started;
}

Task<Result<void>> LifeCycle::holds_all_of(UpdateRecord record) {
    Manifest images;
    images.boot = {.filename = "boot", .sha256 = record.bundle.boot, .size = record.boot_size};
    images.rootfs = {.filename = "rootfs", .sha256 = record.bundle.rootfs, .size = record.rootfs_size};
    auto const holds = co_await targets_hold(workers_, images, settings_.targets(record.target));
    if (!holds) co_return holds.error();
    if (!*holds) co_return fail(core::Errc::not_found, "the slot does not hold all of it");
    co_return Result<void>{};
}

Task<Result<StartAction>> LifeCycle::give_up(UpdateRecord record, BootState env, std::string why) {
    log_(Level::warning, "interrupted update given up", {{"version", record.bundle.version}, {"why", why}});
    record.phase = next_phase(record.phase, Event::failed);
    if (auto const ok = books_.set(std::move(record)); !ok) co_return ok.error();
    co_return co_await start_ordinary(StartAction::ordinary, std::move(env));
}

Task<Result<StartAction>> LifeCycle::begin_trial(UpdateRecord record) {
    auto const& boot_id = state_.now().identity.boot_id;
    bool const resumed = record.phase == Phase::trial && record.boot_id == boot_id;
    if (!resumed) {   // a restart of this program does not prolong a trial
        record.trial_started = clock_.now();
        ++record.trial_boots;
    }
    record.phase = next_phase(record.phase, Event::booted_target);
    record.boot_id = boot_id;
    // A trial that cannot be recorded is still judged: the mark in the environment is what counts.
    if (auto const ok = books_.set(record); !ok)
        log_(Level::error, "could not record the trial", {{"why", ok.error().text()}});
    settlement_.publish(Phase::trial, record.bundle.version);
    update_.change([&](core::Update& update) {
        update.baseline = record.baseline;
        update.trial_started = record.trial_started;
    });
    log_(Level::notice, resumed ? "trial resumed" : "trial begun",
         {{"version", record.bundle.version}, {"slot", core::name(record.target)}});
    co_return StartAction::trial;
}

Task<Result<StartAction>> LifeCycle::fallen_back(StartAction action, UpdateRecord record, BootState env) {
    auto reason = reason_of_fallback(action, record, env);
    if (auto const told = books_.trial_end().reason(record.target); told && record.reason.empty())
        reason += "; of its last trial: " + *told;
    // The loader has counted those in which this program never ran as well.
    if (action == StartAction::attempts_used_up)
        record.trial_boots = std::max(record.trial_boots, settings_.attempts);
    // trigger: fallback recorded
    auto const done = co_await settlement_.roll_back(std::move(record), reason, Rejection::attempts);
    if (!done) co_return done.error();
    co_return StartAction::ordinary;   // roll_back refilled the running slot's counter in the same write
}

Task<Result<StartAction>> LifeCycle::finish_rollback(UpdateRecord record) {
    auto const reason = record.reason;
    auto const why = record.why;
    auto const done = co_await settlement_.roll_back(std::move(record), reason, why);
    if (done) co_return StartAction::reboot_to_old;
    auto const env = co_await boot_.read();
    bool const is_marked_bad = env && !env->has_in_order(state_.now().identity.slot);
    if (!is_marked_bad) co_return done.error();
    log_(Level::error, "could not record the rollback", {{"why", done.error().text()}});
    co_return StartAction::reboot_to_old;   // the old slot finds the mark and records it
}

// The record, or what can be said without one: the environment alone says that `target` is on trial.
UpdateRecord LifeCycle::record_for(Slot target) const {
    if (books_.update() && books_.update()->target == target) return *books_.update();
    UpdateRecord unknown{.target = target};
    unknown.bundle.version = target == state_.now().identity.slot ? state_.now().identity.version : "unknown";
    return unknown;
}

Task<void> LifeCycle::judge_trial() {
    auto const health = co_await verdict();
    auto record = record_for(state_.now().identity.slot);
    if (health.verdict == core::Verdict::roll_back) {   // trigger: verdict acted upon
        auto const done = co_await settlement_.roll_back(record, health.reason, rejection_of(health));
        if (!done)   // the next start finishes it, or the loader's counter does
            log_(Level::error, "could not finish the rollback", {{"why", done.error().text()}});
        co_await reboot_for_good(board_, clock_, log_, "rolled back: " + health.reason);
    }
    record.reason = health.reason;
    for (;;) {
        auto const done = co_await settlement_.commit(record);
        auto const why = done ? "" : done.error().text();
        update_.change([&](core::Update& update) { update.error = why; });
        if (done) co_return;
        log_(Level::error, "could not commit, will retry",
             {{"why", why}, {"in_s", core::count_s(kRetryPause)}});
        co_await clock_.sleep_for(kRetryPause);
    }
}

Task<core::Health> LifeCycle::verdict() {
    for (auto seen = state_.get();;) {
        auto const verdict = seen->health.verdict;
        if (verdict == core::Verdict::commit || verdict == core::Verdict::roll_back) co_return seen->health;
        seen = co_await state_.changed_from(seen);
    }
}

}   // namespace ota
