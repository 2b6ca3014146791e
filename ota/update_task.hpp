#pragma once
// Offer -> spare slot -> boot environment -> reboot. Runs only while no trial is under way
// (ota/life_cycle.hpp).

#include "core/board.hpp"
#include "core/clock.hpp"
#include "core/http.hpp"
#include "core/log.hpp"
#include "core/workers.hpp"
#include "ota/file_source.hpp"
#include "ota/installation.hpp"
#include "ota/judging_time.hpp"
#include "ota/update_settings.hpp"

#include <boost/asio/steady_timer.hpp>

#include <functional>

namespace ota {

// What this task needs of others, as acts; wired in main.
struct UpdateActs {
    std::function<Task<bool>()> clock_is_synchronised;   // chrony's word
    std::function<Task<core::Baseline>()> baseline;      // fresh rounds of the probes
    std::function<double()> chance;                      // [0, 1)
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

    // Installs a bundle from a file, or the newest one of a directory, as if a server had offered it; it is
    // then activated when window and flag allow it. Success without a change: DeviceState::update.note says
    // why. Errors: refused (an update is under way), not_found (none that can be installed), those of
    // Installation::run.
    Task<Result<void>> install_from(std::filesystem::path path);

    // Why the update under way may not be activated now, as a sentence; empty: it may.
    Task<std::string> what_is_waited_for();

private:
    struct Asked;   // what the server answered
    Task<core::Duration> poll_once(unsigned& failures);
    Task<Result<void>> poll();
    Task<Result<Asked>> ask(JudgingTime time);
    Task<Result<void>> install(Offer offer, JudgingTime time);
    Task<Result<void>> install_local(std::filesystem::path path);
    Task<Result<std::filesystem::path>>
    newest_of(FileSource& files, std::vector<std::filesystem::path> bundles, JudgingTime time);
    Task<core::TimePoint> activate_if_allowed();
    Task<Result<void>> activate(UpdateRecord record);
    Task<Result<void>> store_activation(UpdateRecord record);
    Task<JudgingTime> time_to_judge_at();
    Task<void> pause(core::TimePoint until);
    Task<void> asked_for();
    Task<void> state_asks();
    bool is_written() const;
    void take_retry_flag();
    void date_ledger();

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
    Installation installation_;

    std::string etag_;                            // of the last answer that carried an offer
    std::optional<Offer> last_offer_;             // what a 304 stands for
    std::optional<core::Duration> retry_after_;   // the server's wish
    bool wan_is_back_ = false;                    // after a poll that failed
    bool poll_asked_ = false;
    bool retry_flag_seen_ = false;                      // and acted upon
    bool busy_ = false;                                 // a poll or an installation is under way
    std::shared_ptr<core::asio::steady_timer> asked_;   // never rings; cancelled by poll_now
};

}   // namespace ota
