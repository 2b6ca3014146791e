#include "ota/settlement.hpp"

namespace ota {

using core::fail;
using core::Level;

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
    record.phase = Phase::committed;
    if (auto const ok = books_.set(record); !ok) co_return fail(ok, "recording the commit");

    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "committing slot " + std::string{core::name(record.target)});
    auto const wanted = with_committed(*env, record.target, attempts_);
    if (wanted != *env) {
        auto const written = co_await boot_.write(wanted);
        if (!written) co_return fail(written, "committing slot " + std::string{core::name(record.target)});
    }

    auto committed = books_.committed();
    committed.last = record.target;
    committed.bundles[record.target] = record.bundle;
    if (auto const ok = books_.set(std::move(committed)); !ok) co_return fail(ok, "recording the commit");
    auto history = books_.history();
    history.add({.committed = true,
                 .slot = record.target,
                 .version = record.bundle.version,
                 .manifest_hash = record.bundle.manifest_hash,
                 .reason = "every required probe held for the whole window",
                 .at = core::print_wall_time(clock_.wall_now()),
                 .boot_id = boot_id_});
    if (auto const ok = books_.set(std::move(history)); !ok) co_return fail(ok, "recording the commit");

    publish(Phase::committed, record.bundle.version);
    log_(Level::notice, "update committed",
         {{"version", record.bundle.version}, {"slot", core::name(record.target)}});
    co_return Result<void>{};
}

Result<void> Settlement::record_rollback(UpdateRecord const& record, Rejection why) {
    if (record.bundle.manifest_hash != core::Sha256{}) {   // known: the record was not lost
        auto ledger = books_.ledger();
        ledger.add({.bundle = record.bundle, .why = why, .reason = record.reason, .at = clock_.wall_now()});
        if (auto const ok = books_.set(std::move(ledger)); !ok) return fail(ok, "recording the rollback");
    }
    auto history = books_.history();
    history.add({.committed = false,
                 .slot = record.target,
                 .version = record.bundle.version,
                 .manifest_hash = record.bundle.manifest_hash,
                 .reason = record.reason,
                 .at = core::print_wall_time(clock_.wall_now()),
                 .boot_id = boot_id_});
    if (auto const ok = books_.set(std::move(history)); !ok) return fail(ok, "recording the rollback");
    return {};
}

Task<Result<void>> Settlement::roll_back(UpdateRecord record, std::string reason, Rejection why) {
    record.phase = Phase::rolled_back;
    record.reason = std::move(reason);
    record.boot_id = boot_id_;
    log_(
        Level::error, "update rolled back",
        {{"version", record.bundle.version}, {"slot", core::name(record.target)}, {"reason", record.reason}});
    auto recorded = books_.set(record);
    if (recorded) recorded = record_rollback(record, why);
    publish(Phase::rolled_back, record.bundle.version);

    // Even if the explanation could not be stored: the environment is what keeps the bad slot from being
    // booted.
    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "marking slot " + std::string{core::name(record.target)} + " bad");
    auto const wanted = with_marked_bad(*env, record.target, attempts_);
    if (wanted != *env) {
        auto const written = co_await boot_.write(wanted);
        if (!written)
            co_return fail(written, "marking slot " + std::string{core::name(record.target)} + " bad");
    }
    co_return recorded;
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
