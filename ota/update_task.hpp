#pragma once
// Offer -> spare slot -> boot environment -> reboot. Runs only while no trial is under way
// (ota/life_cycle.hpp).

#include "core/board.hpp"
#include "core/clock.hpp"
#include "core/http.hpp"
#include "core/log.hpp"
#include "core/workers.hpp"
#include "ota/admission.hpp"
#include "ota/books.hpp"
#include "ota/boot_env.hpp"
#include "ota/judging_time.hpp"
#include "ota/update_settings.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>

namespace ota {

// What this task needs of others, as acts; wired in main.
struct UpdateActs {
    std::function<Task<bool>()> clock_is_synchronised;                // chrony's word
    std::function<Task<std::vector<std::string>>()> failing_probes;   // a fresh round: the baseline
    std::function<double()> chance;                                   // [0, 1)
};

class UpdateTask {
public:
    UpdateTask(core::Clock& clock,
               core::HttpClient& http,
               core::Workers& workers,
               core::Board& board,
               BootEnv& boot,
               Books& books,
               core::StateBus& state,
               core::Writer<&core::DeviceState::update> update,
               core::Log log,
               UpdateSettings settings,
               UpdateActs acts);

    // Polls for ever; ends only by cancellation, or in the reboot after an activation.
    Task<void> run();

    // Ends the pause before the next poll. An install under way is not disturbed.
    void poll_now();

private:
    struct Asked;   // what the server answered
    Task<Result<void>> poll();
    Task<Result<Asked>> ask(core::WallTime judge_at);
    Task<Result<void>> consider(Offer offer, core::WallTime judge_at);
    Task<Result<bool>> runs_already(BundleHead head);
    Task<Result<void>> install(BundleSource source, BundleHead head);
    Task<Result<void>>
    write_spare(BundleSource source, std::shared_ptr<BundlePlan const> plan, UpdateRecord record);
    Task<Result<void>> give_up_spare(UpdateRecord record);
    Task<Result<void>> activate(UpdateRecord record);
    Task<core::WallTime> time_to_judge_at();
    Task<void> pause(core::Duration d);
    Task<void> asked_for();
    Task<void> state_asks();
    Result<void> enter(UpdateRecord record);
    void take_retry_flag();
    void show_progress(std::uint64_t done, std::uint64_t total);
    std::vector<std::pair<std::string, std::string>> headers() const;

    core::Clock& clock_;
    core::HttpClient& http_;
    core::Workers& workers_;
    core::Board& board_;
    BootEnv& boot_;
    Books& books_;
    core::StateBus& state_;
    core::Writer<&core::DeviceState::update> update_;
    core::Log log_;
    UpdateSettings settings_;
    UpdateActs acts_;

    std::string etag_;                            // of the last answer that carried an offer
    std::optional<Offer> last_offer_;             // what a 304 stands for
    std::optional<core::Duration> retry_after_;   // the server's wish
    bool poll_asked_ = false;
    std::shared_ptr<core::asio::steady_timer> asked_;   // never rings; cancelled by poll_now
};

}   // namespace ota
