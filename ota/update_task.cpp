#include "ota/update_task.hpp"

#include "config/flag_watcher.hpp"
#include "core/files.hpp"
#include "core/race.hpp"
#include "ota/file_source.hpp"
#include "ota/life_cycle_table.hpp"
#include "ota/reboot.hpp"
#include "ota/server_contact.hpp"
#include "ota/standing_problem.hpp"

#include <boost/asio/as_tuple.hpp>

namespace ota {

using core::Errc;
using core::fail;
using core::Level;

namespace {
constexpr std::size_t kLongestReply = 64 * 1024;
constexpr auto kLookAgain = std::chrono::minutes{1};   // whether a window has opened
std::string const kRetryFlag{config::kRetryUpdate};
std::string const kHoldFlag{config::kHoldUpdates};

// Also when the task is cancelled.
struct Busy {
    explicit Busy(bool& flag) : flag_{flag} { flag_ = true; }
    Busy(Busy const&) = delete;
    ~Busy() { flag_ = false; }
    bool& flag_;
};

}   // namespace

struct UpdateTask::Asked {
    std::optional<Offer> offer;   // nothing: the server has none
};

UpdateTask::UpdateTask(core::Clock& clock,
                       core::HttpClient& http,
                       core::Workers& workers,
                       core::Board& board,
                       BootEnv& boot,
                       Books& books,
                       core::StateBus& state,
                       core::Writer<&core::DeviceState::update> update,
                       core::Log log,
                       UpdateSettings settings,
                       UpdateActs acts)
    : clock_{clock},
      http_{http},
      workers_{workers},
      board_{board},
      boot_{boot},
      books_{books},
      state_{state},
      update_{update},
      log_{std::move(log)},
      settings_{settings},
      acts_{std::move(acts)},
      installation_{clock, workers, boot, books, state, update, log_, std::move(settings)} {}

Task<void> UpdateTask::run() {
    asked_ = std::make_shared<core::asio::steady_timer>(co_await core::asio::this_coro::executor,
                                                        core::asio::steady_timer::time_point::max());
    if (!settings_.server_url)
        update_.change([](core::Update& update) { update.note = "no update server is configured"; });
    auto next = clock_.now() + first_poll(settings_.poll, acts_.chance());
    for (unsigned failures = 0;;) {
        auto const waits = co_await activate_if_allowed();
        if (busy_) {   // with a file
            co_await clock_.sleep_for(std::chrono::seconds{1});
        } else if (poll_asked_ || clock_.now() >= next) {
            poll_asked_ = false;
            auto const until_next = co_await poll_once(failures);
            next = clock_.now() + until_next;
        } else {
            co_await pause(std::min(next, waits));
            // Not at once: after an outage all devices of a provider come back together.
            if (std::exchange(wan_is_back_, false))
                next = std::min(next, clock_.now() + poll_after_outage(settings_.poll, acts_.chance()));
        }
    }
}

// How long until the next one.
Task<core::Duration> UpdateTask::poll_once(unsigned& failures) {
    if (!settings_.server_url) co_return std::chrono::hours{24};
    Busy const busy{busy_};
    auto const polled = co_await poll();
    failures = polled ? 0 : failures + 1;
    auto const until_next = next_poll(settings_.poll, failures, retry_after_, acts_.chance());
    auto const why = polled ? "" : polled.error().text();
    update_.change([&](core::Update& update) { update.error = why; });
    if (!polled)
        log_(Level::warning, "update failed, will retry",
             {{"why", why}, {"in_s", core::count_s(until_next)}});
    co_return until_next;
}

Task<Result<void>> UpdateTask::poll() {
    take_retry_flag();
    auto const time = co_await time_to_judge_at();
    if (time.is_wall_clock) date_ledger();
    auto const asked = co_await ask(time);
    if (!asked) co_return asked.error();
    if (!asked->offer || asked->offer->version == state_.now().identity.version) {
        if (!is_written()) update_.change([](core::Update& update) { update.note = "up to date"; });
        co_return Result<void>{};
    }
    auto installed = co_await install(*asked->offer, time);
    // Replaced on the server while we read it: what was written of it counts if it is still the same bundle.
    if (!installed && installed.error().is(Errc::changed)) installed = co_await install(*asked->offer, time);
    co_return installed;
}

Task<Result<void>> UpdateTask::install(Offer offer, JudgingTime time) {
    BundleSource source{.url = offer.bundle_url,
                        .judge_at = time.at,
                        .judge_at_is_floor = !time.is_wall_clock,
                        .retry_after = std::make_shared<std::optional<core::Duration>>()};
    auto const done = co_await installation_.run(http_, source, offer.version, time);
    if (!done && *source.retry_after) retry_after_ = *source.retry_after;
    co_return done;
}

Task<Result<void>> UpdateTask::install_from(std::filesystem::path path) {
    // On trial the spare slot is the one to fall back to.
    if (busy_ || !asked_) co_return fail(Errc::refused, "an update is under way; try again when it is done");
    Busy const busy{busy_};
    auto const done = co_await install_local(std::move(path));
    if (done && asked_) asked_->cancel();   // it may be allowed to be activated
    co_return done;
}

Task<Result<void>> UpdateTask::install_local(std::filesystem::path path) {
    FileSource files{workers_};
    take_retry_flag();
    auto const time = co_await time_to_judge_at();
    if (time.is_wall_clock) date_ledger();
    std::error_code unknown;
    if (!std::filesystem::is_directory(path, unknown)) {
        BundleSource source{
            .url = file_url(path), .judge_at = time.at, .judge_at_is_floor = !time.is_wall_clock};
        co_return co_await installation_.run(files, std::move(source), std::nullopt, time);
    }
    auto const bundles = bundles_in(path);
    if (!bundles) co_return bundles.error();
    auto const best = co_await newest_of(files, *bundles, time);
    if (!best) co_return best.error();
    BundleSource source{
        .url = file_url(*best), .judge_at = time.at, .judge_at_is_floor = !time.is_wall_clock};
    co_return co_await installation_.run(files, std::move(source), std::nullopt, time);
}

// The one that may be installed and has the highest index; of equals the last by name.
Task<Result<std::filesystem::path>>
UpdateTask::newest_of(FileSource& files, std::vector<std::filesystem::path> bundles, JudgingTime time) {
    std::optional<std::filesystem::path> best;
    std::uint64_t best_index = 0;
    std::string why = "there is no file *.raucb";
    for (auto const& bundle : bundles) {
        BundleSource source{
            .url = file_url(bundle), .judge_at = time.at, .judge_at_is_floor = !time.is_wall_clock};
        auto const considered = co_await installation_.consider(files, std::move(source), std::nullopt, time);
        if (!considered || considered->admission.kind != Admission::Kind::install) {
            why = bundle.filename().string() + ": " +
                  (considered ? considered->admission.why : considered.error().text());
            continue;
        }
        auto const index = considered->head.manifest.release.index;
        if (best && index < best_index) continue;
        best = bundle;
        best_index = index;
    }
    if (!best) co_return fail(Errc::not_found, "no bundle here can be installed: " + why);
    co_return *best;
}

Task<JudgingTime> UpdateTask::time_to_judge_at() {
    auto const floor = time_floor(books_.committed(), settings_.built);
    bool const synchronised = co_await acts_.clock_is_synchronised();
    auto const time = judging_time(clock_.wall_now(), synchronised, floor);
    update_.change([&](core::Update& update) {
        update.judged_at =
            std::string{time.is_wall_clock ? "wall clock" : "floor"} + ' ' + core::print_wall_time(time.at);
    });
    co_return time;
}

Task<Result<UpdateTask::Asked>> UpdateTask::ask(JudgingTime time) {
    retry_after_.reset();
    auto request = offer_request(*settings_.server_url, state_.now(), etag_, time);
    auto const path = request.url.substr(settings_.server_url->size());
    auto const stream = co_await http_.open(std::move(request));
    auto const contact = contact_of(stream, clock_.now());
    update_.change([&](core::Update& update) {
        update.last_poll = core::print_wall_time(clock_.wall_now());
        update.server = contact;
    });
    if (!stream) co_return fail(stream, "asking for updates");

    auto const& head = (*stream)->head();
    retry_after_ = head.retry_after;
    if (head.status == 304 && last_offer_) co_return Asked{last_offer_};
    if (head.status == 204) co_return Asked{};
    if (head.status != 200)
        co_return fail(Errc::bad_input,
                       "the update server answered " + std::to_string(head.status) + " to " + path);
    auto const body = co_await core::read_all(**stream, kLongestReply);
    if (!body) co_return fail(body, "asking for updates");
    auto const offer = parse_offer(*body);
    if (!offer) co_return offer.error();
    etag_ = head.etag;
    last_offer_ = *offer;
    co_return Asked{*offer};
}

bool UpdateTask::is_written() const {
    auto const& record = books_.update();
    return record && record->phase == Phase::written &&
           record->target == core::other(state_.now().identity.slot);
}

// When to look again, if there is something that waits.
Task<core::TimePoint> UpdateTask::activate_if_allowed() {
    if (!is_written() || busy_) co_return core::TimePoint::max();
    auto const waits_for = co_await what_is_waited_for();
    if (busy_) co_return core::TimePoint::max();   // a file has begun meanwhile
    if (waits_for.empty()) {
        Busy const busy{busy_};   // no file may take the slot now, nor while the reboot is awaited
        auto const done = co_await activate(*books_.update());
        auto const why = done ? "" : done.error().text();
        update_.change([&](core::Update& update) { update.error = why; });
        if (done)
            co_await reboot_for_good(board_, clock_, log_,
                                     "version " + update_.now().version + " is activated");
        log_(Level::error, "could not activate", {{"why", why}});
        co_return core::TimePoint::max();   // with the next poll
    }
    if (update_.now().note != waits_for) log_(Level::notice, "update waits", {{"for", waits_for}});
    update_.change([&](core::Update& update) { update.note = waits_for; });
    co_return clock_.now() + kLookAgain;
}

Task<std::string> UpdateTask::what_is_waited_for() {
    if (state_.now().flags.contains(kHoldFlag))
        co_return "version " + books_.update()->bundle.version + " is written; it is held by the flag " +
            kHoldFlag;
    if (settings_.windows.empty()) co_return std::string{};
    bool const is_synchronised = co_await acts_.clock_is_synchronised();
    auto const now = clock_.wall_now();
    if (is_synchronised && config::is_open(settings_.windows, now)) co_return std::string{};
    auto waits = "version " + books_.update()->bundle.version + " is written; it waits for the window " +
                 config::print(settings_.windows);
    if (is_synchronised)
        waits += ", which opens at " + core::print_wall_time(config::next_opening(settings_.windows, now));
    else
        waits += ", and the clock is not synchronised";
    co_return waits;
}

Task<Result<void>> UpdateTask::activate(UpdateRecord record) {
    record.baseline = co_await acts_.baseline();
    record.boot_id = state_.now().identity.boot_id;
    auto const stored = co_await store_activation(record);
    if (stored) co_return stored;
    if (books_.update()->phase != Phase::activated)
        co_return fail(stored, "activating version " + record.bundle.version);
    // A store that failed may have taken effect all the same: what it comes to is for the environment to say.
    auto env = co_await boot_.read();
    while (!env) {
        auto const why = env.error().text();
        update_.change([&](core::Update& update) { update.error = why; });
        log_(Level::error, "cannot tell whether the update is activated, will look again", {{"why", why}});
        co_await clock_.sleep_for(kLookAgain);
        env = co_await boot_.read();
    }
    if (env->trial == record.target) {
        log_(Level::warning, "update activated, although storing it was reported to have failed",
             {{"why", stored.error().text()}});
        co_return Result<void>{};
    }
    // The images are whole: what failed is tried again without another download.
    if (auto const kept = installation_.enter(*books_.update(), Event::not_activated); !kept)
        log_(Level::warning, "could not record that the update waits", {{"why", kept.error().text()}});
    co_return fail(stored, "activating version " + record.bundle.version);
}

Task<Result<void>> UpdateTask::store_activation(UpdateRecord record) {
    if (auto const ok = installation_.enter(record, Event::allowed); !ok) co_return ok;
    auto const env = co_await boot_.read();
    if (!env) co_return env.error();
    add_problem_if_lost(update_, log_, *env);
    auto const activated = with_activated(*env, record.target, settings_.attempts);
    auto const stored = co_await boot_.write(activated);
    if (!stored) co_return stored;
    log_(Level::notice, "update activated",
         {{"version", record.bundle.version}, {"slot", core::name(record.target)}});
    co_return Result<void>{};
}

void UpdateTask::take_retry_flag() {
    retry_flag_seen_ = state_.now().flags.contains(kRetryFlag);
    if (!retry_flag_seen_) return;
    auto cleared = books_.set(Ledger{});
    if (cleared) cleared = core::remove_file(settings_.flags / kRetryFlag);
    if (!cleared) {
        log_(Level::warning, "could not clear the ledger", {{"why", cleared.error().text()}});
        return;
    }
    update_.change([](core::Update& update) { update.rejected.clear(); });
    log_(Level::notice, "ledger of rejected updates cleared", {{"flag", kRetryFlag}});
}

// The second try of what used its attempts up is a day after this, not after a date of 1970.
void UpdateTask::date_ledger() {
    auto ledger = books_.ledger();
    if (!ledger.date(clock_.wall_now())) return;
    if (auto const kept = books_.set(std::move(ledger)); !kept)
        log_(Level::warning, "could not date the ledger", {{"why", kept.error().text()}});
}

void UpdateTask::poll_now() {
    poll_asked_ = true;
    if (asked_) asked_->cancel();
}

// poll_now(), or something has been written from a file.
Task<void> UpdateTask::asked_for() {
    if (!poll_asked_) co_await asked_->async_wait(core::asio::as_tuple(core::asio::use_awaitable));
}

// The WAN has come up, the operator set the retry flag, or took away the one that holds updates.
Task<void> UpdateTask::state_asks() {
    for (auto seen = state_.get();;) {
        // Also one that was set while nobody looked, during a poll.
        bool const retry = seen->flags.contains(kRetryFlag);
        if (retry && !retry_flag_seen_) poll_asked_ = true;
        retry_flag_seen_ = retry;
        if (poll_asked_) co_return;
        auto const next = co_await state_.changed_from(seen);
        bool const wan_is_up = seen->links.wan.addresses.empty() && !next->links.wan.addresses.empty();
        bool const released = seen->flags.contains(kHoldFlag) && !next->flags.contains(kHoldFlag);
        wan_is_back_ = wan_is_up && !update_.now().error.empty() && !retry_after_;
        if (wan_is_back_ || released) co_return;
        seen = next;
    }
}

Task<void> UpdateTask::pause(core::TimePoint until) {
    auto wishes = core::ends_before(asked_for(), state_asks());
    auto over = clock_.sleep_until(until);
    co_await core::first_of(std::move(wishes), std::move(over));
}

}   // namespace ota
