#pragma once
// One bundle, from its signature to a spare slot that holds all of it, wherever it comes from.

#include "core/clock.hpp"
#include "core/log.hpp"
#include "ota/admission.hpp"
#include "ota/books.hpp"
#include "ota/boot_env.hpp"
#include "ota/life_cycle_table.hpp"
#include "ota/local_copies.hpp"

namespace ota {

class Installation {
public:
    Installation(core::Clock& clock,
                 core::Workers& workers,
                 BootEnv& boot,
                 Books& books,
                 core::StateBus& state,
                 core::Writer<&core::DeviceState::update> update,
                 core::Log log,
                 UpdateSettings settings);

    // Checks the bundle's signature and decides; if it is to be installed, writes it into the spare slot. On
    // success the record says `written`, or DeviceState::update.note why there is nothing to write.
    // `offered`: what the server called the bundle's version; nothing: a bundle that nobody offered. Errors:
    // changed (begin again at once), refused (not for this device), those of fetch_head, fetch_plan and
    // write_images, the environment's, a state file's. After one the spare slot is as it was, or cannot be
    // booted.
    Task<Result<void>>
    run(core::HttpClient& http, BundleSource source, std::optional<std::string> offered, JudgingTime time);

    // What would become of the bundle. Errors: those of fetch_head.
    struct Considered {
        BundleHead head;
        Admission admission;
    };
    Task<Result<Considered>> consider(core::HttpClient& http,
                                      BundleSource source,
                                      std::optional<std::string> offered,
                                      JudgingTime time);

    // Persists what `event` makes of the record's phase, and shows it. Errors: the state file's.
    Result<void> enter(UpdateRecord record, Event event);

private:
    bool is_written(core::Sha256 const& manifest_hash) const;
    Task<Result<bool>> runs_already(BundleHead head);
    Task<Result<void>> install(core::HttpClient& http, BundleSource source, BundleHead head);
    Result<void> begin_offer(UpdateRecord const& record, BundleHead const& head);
    Task<Result<void>> write_spare(core::HttpClient& http,
                                   BundleSource source,
                                   std::shared_ptr<BundlePlan const> plan,
                                   UpdateRecord record,
                                   Patience patience);
    Task<Result<std::shared_ptr<Found const>>> look_here(core::HttpClient& http,
                                                         BundleSource source,
                                                         std::shared_ptr<BundlePlan const> plan,
                                                         Slot target,
                                                         Patience patience);
    Task<Result<void>> give_up_spare(UpdateRecord record);
    Task<void> keep_progress(Progress progress);
    void tell(Admission const& admission);
    void show_progress(WriteProgress now);

    core::Clock& clock_;
    core::Workers& workers_;
    BootEnv& boot_;
    Books& books_;
    core::StateBus& state_;
    core::Writer<&core::DeviceState::update> update_;
    core::Log log_;
    UpdateSettings settings_;
};

}   // namespace ota
