#include "ota/settlement.hpp"

#include "ota/life_cycle_table.hpp"

#include "ota/standing_problem.hpp"

#include <algorithm>

namespace ota {

using core::fail;
using core::Level;

namespace {

// The record of the update was not lost.
bool is_known(Installed const& bundle) noexcept {
    return bundle.manifest_hash != core::Sha256{};
}

// A boot after another one of the trial is one that nobody ordered, but those that could not be judged.
OutcomeTrial trial_of(UpdateRecord const& record) {
    return {.length_s = core::count_s(record.trial_length),
            .boots = record.trial_boots,
            .unexpected_reboots = std::max(record.trial_boots - 1 - record.unjudged_boots, 0)};
}

}   // namespace

Settlement::Settlement(core::Clock& clock,
                       BootEnv& boot,
                       Books& books,
                       core::Writer<&core::DeviceState::update> update,
                       core::Log log,
                       int attempts,
                       std::string boot_id)
    : clock_{clock},
      boot_{boot},
      books_{books},
      update_{update},
      log_{std::move(log)},
      attempts_{attempts},
      boot_id_{std::move(boot_id)} {}

Task<Result<void>> Settlement::commit(UpdateRecord record) {
    measure_trial(record);
    record.phase = next_phase(record.phase, Event::judged_good);
    auto recorded = books_.set(record);

    // Even if the verdict could not be stored: a full /data must not cost a good update.
    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "committing slot " + std::string{core::name(record.target)});
    add_problem_if_lost(update_, log_, *env);
    auto const wanted = with_committed(*env, record.target, attempts_);
    if (wanted != *env) {
        auto const written = co_await boot_.write(wanted);
        if (!written) co_return fail(written, "committing slot " + std::string{core::name(record.target)});
    }
    show_attempts(wanted, record.target);
    bool const is_news = env->trial == record.target;

    if (recorded) recorded = record_commit(record);
    publish(Phase::committed, record.bundle.version);
    if (is_news)
        log_(Level::notice, "update committed",
             {{"version", record.bundle.version}, {"slot", core::name(record.target)}});
    if (recorded) recorded = books_.trial_end().forget();
    if (!recorded) co_return fail(recorded, "recording the commit");
    co_return Result<void>{};
}

Result<void> Settlement::record_commit(UpdateRecord const& record) {
    auto committed = books_.committed();
    committed.last = record.target;
    if (is_known(record.bundle)) {
        committed.bundles[record.target] = record.bundle;
        committed.floor = floor_after(committed.floor, record.bundle);
    } else {
        committed.bundles.erase(record.target);
    }
    if (auto const ok = books_.set(std::move(committed)); !ok) return ok;
    auto history = books_.history();
    history.add(
        {.committed = true,
         .slot = record.target,
         .version = record.bundle.version,
         .manifest_hash = record.bundle.manifest_hash,
         .reason = record.reason.empty() ? "every required probe held for the whole window" : record.reason,
         .at = core::print_wall_time(clock_.wall_now()),
         .boot_id = record.boot_id,
         .trial = trial_of(record)});   // of the trial: every later boot comes by here too
    return books_.set(std::move(history));
}

Result<void> Settlement::record_rollback(UpdateRecord const& record, Rejection why, bool again) {
    auto ledger = books_.ledger();
    bool const listed = again && std::ranges::any_of(ledger.entries(), [&](Rejected const& entry) {
                            return entry.bundle == record.bundle && entry.reason == record.reason;
                        });
    if (is_known(record.bundle) && !listed) {
        // Soon after a boot nobody vouches for the clock; the update task dates it when somebody does.
        ledger.add({.bundle = record.bundle,
                    .why = why,
                    .reason = record.reason,
                    .at = clock_.wall_now(),
                    .is_dated = false});
        if (auto const ok = books_.set(std::move(ledger)); !ok) return ok;
    }
    Outcome outcome{.committed = false,
                    .slot = record.target,
                    .version = record.bundle.version,
                    .manifest_hash = record.bundle.manifest_hash,
                    .reason = record.reason,
                    .at = core::print_wall_time(clock_.wall_now()),
                    .boot_id = boot_id_,
                    .trial = trial_of(record)};
    auto history = books_.history();
    if (again && !history.outcomes.empty() && history.outcomes.back().reason == outcome.reason)
        outcome.boot_id = history.outcomes.back().boot_id;   // told in the boot that was cut short
    history.add(std::move(outcome));
    return books_.set(std::move(history));
}

Task<Result<void>> Settlement::roll_back(UpdateRecord record, std::string reason, Rejection why) {
    measure_trial(record);
    record.phase = next_phase(record.phase, why == Rejection::verdict ? Event::judged_bad : Event::fell_back);
    record.reason = std::move(reason);
    record.why = why;
    record.boot_id = boot_id_;
    log_(
        Level::error, "update rolled back",
        {{"version", record.bundle.version}, {"slot", core::name(record.target)}, {"reason", record.reason}});
    auto const& known = books_.update();
    bool const again = known && known->phase == Phase::rolled_back && known->target == record.target &&
                       known->bundle == record.bundle;
    auto recorded = books_.set(record);
    if (recorded) recorded = record_rollback(record, why, again);
    if (recorded && !books_.survive())
        recorded = fail(core::Errc::io, "the data partition did not mount, so its files are lost");
    publish(Phase::rolled_back, record.bundle.version);

    // Even if the explanation could not be stored: the environment is what keeps the bad slot from being
    // booted. Its trial mark is then the only memory of it.
    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "marking slot " + std::string{core::name(record.target)} + " bad");
    add_problem_if_lost(update_, log_, *env);
    auto wanted = with_marked_bad(*env, record.target, attempts_);
    if (!recorded) wanted.trial = env->trial;
    if (wanted != *env) {
        auto const written = co_await boot_.write(wanted);
        if (!written)
            co_return fail(written, "marking slot " + std::string{core::name(record.target)} + " bad");
    }
    if (recorded) recorded = books_.trial_end().forget();
    if (!recorded) co_return fail(recorded, "recording the rollback");
    co_return Result<void>{};
}

// The first time only: when the end is repeated, or told by another boot, that says nothing of the trial.
void Settlement::measure_trial(UpdateRecord& record) const {
    if (record.phase == Phase::trial && record.boot_id == boot_id_)
        record.trial_length = clock_.now() - record.trial_started;
}

void Settlement::show_attempts(BootState const& env, core::Slot running) {
    update_.change([&](core::Update& update) { update.attempts_left = env.left(running); });
}

void Settlement::publish(Phase phase, std::string const& version) {
    update_.change([&](core::Update& update) {
        update.phase = phase;
        update.version = version;
        update.last_commit = books_.history().last_commit();
        update.last_rollback = books_.history().last_rollback();
        update.rejected.clear();
        for (auto const& entry : books_.ledger().entries()) update.rejected.push_back(entry.bundle.version);
    });
}

}   // namespace ota
