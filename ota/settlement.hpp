#pragma once
// The two ends of an update, each the same after a power cut at any step: the verdict is persisted first,
// then the boot environment, then the books that explain it.

#include "core/clock.hpp"
#include "core/log.hpp"
#include "ota/books.hpp"
#include "ota/boot_env.hpp"

#include <string>

namespace ota {

class Settlement {
public:
    Settlement(core::Clock& clock,
               BootEnv& boot,
               Books& books,
               core::Writer<&core::DeviceState::update> update,
               core::Log log,
               int attempts,
               std::string boot_id);

    // Makes `record.target` the committed slot, in the environment even if the books cannot say so, and moves
    // the floor of indexes, which nothing else does. Errors: the environment's or a state file's; call it
    // again then. A repetition changes and tells nothing.
    Task<Result<void>> commit(UpdateRecord record);

    // Rejects `record.target`: never booted again, the other slot first. The caller reboots if that slot is
    // running. Errors: as commit; what could be recorded is recorded, and the trial mark stays until all of
    // it is: the next start of the other slot finds it and records the rest.
    Task<Result<void>> roll_back(UpdateRecord record, std::string reason, Rejection why);

    // Shows how often the loader would try `running` still.
    void show_attempts(BootState const& env, core::Slot running);

    // Shows what the books say in DeviceState::update, in `phase`.
    void publish(Phase phase, std::string const& version);

private:
    void measure_trial(UpdateRecord& record) const;
    Result<void> record_commit(UpdateRecord const& record);
    // `again`: the record says so already, the other books may.
    Result<void> record_rollback(UpdateRecord const& record, Rejection why, bool again);

    core::Clock& clock_;
    BootEnv& boot_;
    Books& books_;
    core::Writer<&core::DeviceState::update> update_;
    core::Log log_;
    int attempts_;
    std::string boot_id_;
};

}   // namespace ota
