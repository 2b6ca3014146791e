#include "ota/life_cycle.hpp"

#include "ota/reboot.hpp"

namespace ota {

using core::fail;
using core::Level;

namespace {
constexpr auto kRetryPause = std::chrono::seconds{5};
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
    auto started = co_await start();
    while (!started) {
        auto const why = started.error().text();
        log_(Level::error, "cannot tell where an update stands, will retry",
             {{"why", why}, {"in_s", core::count_s(kRetryPause)}});
        update_.change([&](core::Update& update) { update.error = why; });
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

Task<Result<StartAction>> LifeCycle::start() {
    if (update_.now().problems != books_.problems()) {
        for (auto const& problem : books_.problems())
            log_(Level::error, "a state file was unreadable", {{"why", problem}});
        update_.change([&](core::Update& update) { update.problems = books_.problems(); });
    }
    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "starting");

    auto const& identity = state_.now().identity;
    auto const& record = books_.update();
    StartFacts facts{.env = *env, .booted = identity.slot, .committed = books_.committed().last};
    if (record) {
        facts.phase = record->phase;
        facts.target = record->target;
        facts.same_boot = record->boot_id == identity.boot_id;
    }
    auto const action = decide_start(facts);
    auto const target = env->trial.value_or(record ? record->target : identity.slot);
    switch (action) {
    case StartAction::ordinary:
    case StartAction::unplanned_fallback:
        co_return co_await start_ordinary(action, *env);
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
    }
    co_return StartAction::ordinary;
}

Task<Result<StartAction>> LifeCycle::start_ordinary(StartAction action, BootState env) {
    auto const booted = state_.now().identity.slot;
    auto const refilled = with_refilled(env, booted, settings_.attempts);
    if (refilled != env) {
        auto const written = co_await boot_.write(refilled);
        if (!written) co_return fail(written, "refilling the boot counter");
    }
    auto const& record = books_.update();
    bool const settled = record && (record->phase == Phase::committed || record->phase == Phase::rolled_back);
    settlement_.publish(settled ? record->phase : Phase::idle, settled ? record->bundle.version : "");
    if (action == StartAction::unplanned_fallback) {
        auto const text = std::string{"running slot "} + core::name(booted) + ", but slot " +
                          core::name(*books_.committed().last) + " was committed last: the loader fell back";
        log_(Level::error, "unplanned fallback", {{"why", text}});
        update_.change([&](core::Update& update) { update.problems.push_back(text); });
    }
    co_return StartAction::ordinary;
}

// The environment does not know of the activation: whether the slot was finished is for the slot itself to
// say.
Task<Result<StartAction>> LifeCycle::activate_again(UpdateRecord record, BootState env) {
    Manifest images;
    images.boot = {.filename = "boot", .sha256 = record.bundle.boot, .size = record.boot_size};
    images.rootfs = {.filename = "rootfs", .sha256 = record.bundle.rootfs, .size = record.rootfs_size};
    auto const holds = co_await targets_hold(workers_, images, settings_.targets(record.target));
    if (!holds || !*holds) {
        record.phase = Phase::idle;
        if (auto const ok = books_.set(record); !ok) co_return ok.error();
        log_(Level::warning, "interrupted update given up",
             {{"version", record.bundle.version},
              {"why", holds ? "the slot does not hold all of it" : holds.error().text()}});
        co_return co_await start_ordinary(StartAction::ordinary, env);
    }
    record.phase = Phase::activated;
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

Task<Result<StartAction>> LifeCycle::begin_trial(UpdateRecord record) {
    auto const& boot_id = state_.now().identity.boot_id;
    bool const resumed = record.phase == Phase::trial && record.boot_id == boot_id;
    if (!resumed) record.trial_started = clock_.now();   // a restart of this program does not prolong a trial
    record.phase = Phase::trial;
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
    auto const slot = std::string{core::name(record.target)};
    bool const judged = record.phase == Phase::rolled_back && !record.reason.empty();
    auto const reason = judged ? record.reason
                        : action == StartAction::attempts_used_up
                            ? "slot " + slot + " used up its boot attempts without a commit"
                            : "the loader could not load slot " + slot + " (" +
                                  std::to_string(env.left(record.target)) + " attempts left)";
    auto const done = co_await settlement_.roll_back(std::move(record), reason, Rejection::attempts);
    if (!done) co_return done.error();
    co_return StartAction::ordinary;   // roll_back refilled the running slot's counter in the same write
}

Task<Result<StartAction>> LifeCycle::finish_rollback(UpdateRecord record) {
    auto const reason = record.reason;
    auto const done = co_await settlement_.roll_back(std::move(record), reason, Rejection::verdict);
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
    auto const record = record_for(state_.now().identity.slot);
    if (health.verdict == core::Verdict::roll_back) {
        auto const done = co_await settlement_.roll_back(record, health.reason, Rejection::verdict);
        if (!done)   // the next start finishes it, or the loader's counter does
            log_(Level::error, "could not finish the rollback", {{"why", done.error().text()}});
        co_await reboot_for_good(board_, clock_, log_, "rolled back: " + health.reason);
    }
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
