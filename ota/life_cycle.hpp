#pragma once
// From start to polling: what a start means for an update under way, the trial, then updates for ever.
//
// The act that comes first on an ordinary boot is the refill of the booted slot's counter: the loader counts
// every boot, and three reboots must never bring an old version back.

#include "core/board.hpp"
#include "core/workers.hpp"
#include "ota/settlement.hpp"
#include "ota/start.hpp"
#include "ota/update_task.hpp"

namespace ota {

class LifeCycle {
public:
    LifeCycle(core::Clock& clock,
              core::Workers& workers,
              core::Board& board,
              BootEnv& boot,
              Books& books,
              Settlement& settlement,
              UpdateTask& updates,
              core::StateBus& state,
              core::Writer<&core::DeviceState::update> update,
              core::Log log,
              UpdateSettings settings);

    Task<void> run();

    // Finds out where an update stands and brings it to a known point. Afterwards one of: ordinary (poll),
    // trial (judge it), reboot_into_trial, reboot_to_old. Errors: the boot environment's, a state file's;
    // call it again.
    Task<Result<StartAction>> start();

private:
    StartFacts facts_of(BootState env) const;
    Task<Result<BootState>> restore(BootState lost);
    Task<Result<StartAction>> start_ordinary(StartAction action, BootState env);
    Task<Result<StartAction>> activate_again(UpdateRecord record, BootState env);
    Task<Result<StartAction>> resume_written(UpdateRecord record, BootState env);
    Task<Result<StartAction>> give_up(UpdateRecord record, BootState env, std::string why);
    Task<Result<void>> holds_all_of(UpdateRecord record);
    Task<Result<StartAction>> begin_trial(UpdateRecord record);
    Task<Result<StartAction>> fallen_back(StartAction action, UpdateRecord record, BootState env);
    Task<Result<StartAction>> finish_rollback(UpdateRecord record);
    UpdateRecord record_for(Slot target) const;
    Task<void> judge_trial();
    Task<void> leave_if_unjudged(core::TimePoint deadline, std::string why);
    Task<core::Health> verdict();

    core::Clock& clock_;
    core::Workers& workers_;
    core::Board& board_;
    BootEnv& boot_;
    Books& books_;
    Settlement& settlement_;
    UpdateTask& updates_;
    core::StateBus& state_;
    core::Writer<&core::DeviceState::update> update_;
    core::Log log_;
    UpdateSettings settings_;
};

}   // namespace ota
