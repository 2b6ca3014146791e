#include "ota/update_task.hpp"

#include "config/flag_watcher.hpp"
#include "core/files.hpp"
#include "core/race.hpp"
#include "ota/reboot.hpp"

#include <boost/asio/as_tuple.hpp>

namespace ota {

using core::Errc;
using core::fail;
using core::Level;

namespace {
constexpr std::size_t kLongestReply = 64 * 1024;
constexpr char const* kOfferPath = "/api/v1/updates/latest";
std::string const kRetryFlag{config::kRetryUpdate};
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
      settings_{std::move(settings)},
      acts_{std::move(acts)} {}

Task<void> UpdateTask::run() {
    asked_ = std::make_shared<core::asio::steady_timer>(co_await core::asio::this_coro::executor,
                                                        core::asio::steady_timer::time_point::max());
    if (!settings_.server_url)
        update_.change([](core::Update& update) { update.note = "no update server is configured"; });
    co_await pause(first_poll(settings_.poll, acts_.chance()));
    for (unsigned failures = 0;;) {
        if (!settings_.server_url) {
            co_await pause(std::chrono::hours{24});
            continue;
        }
        auto const polled = co_await poll();
        failures = polled ? 0 : failures + 1;
        auto const until_next = next_poll(settings_.poll, failures, retry_after_, acts_.chance());
        auto const why = polled ? "" : polled.error().text();
        update_.change([&](core::Update& update) { update.error = why; });
        if (!polled)
            log_(Level::warning, "update failed, will retry",
                 {{"why", why}, {"in_s", core::count_s(until_next)}});
        co_await pause(until_next);
    }
}

Task<Result<void>> UpdateTask::poll() {
    take_retry_flag();
    auto const judge_at = co_await time_to_judge_at();
    auto const asked = co_await ask(judge_at);
    if (!asked) co_return asked.error();
    if (!asked->offer || asked->offer->version == state_.now().identity.version) {
        update_.change([](core::Update& update) { update.note = "up to date"; });
        co_return Result<void>{};
    }
    co_return co_await consider(*asked->offer, judge_at);
}

Task<core::WallTime> UpdateTask::time_to_judge_at() {
    auto floor = settings_.built;
    for (auto const& [slot, bundle] : books_.committed().bundles)
        if (auto const issued = core::parse_wall_time(bundle.issued)) floor = std::max(floor, *issued);
    bool const synchronised = co_await acts_.clock_is_synchronised();
    auto const time = judging_time(clock_.wall_now(), synchronised, floor);
    update_.change([&](core::Update& update) {
        update.judged_at =
            std::string{time.is_wall_clock ? "wall clock" : "floor"} + ' ' + core::print_wall_time(time.at);
    });
    co_return time.at;
}

std::vector<std::pair<std::string, std::string>> UpdateTask::headers() const {
    auto const& state = state_.now();
    std::vector<std::pair<std::string, std::string>> headers{{"X-Device-ID", device_id(state.links.wan.mac)},
                                                             {"X-Current-Version", state.identity.version}};
    if (!etag_.empty()) headers.emplace_back("If-None-Match", etag_);
    return headers;
}

Task<Result<UpdateTask::Asked>> UpdateTask::ask(core::WallTime judge_at) {
    retry_after_.reset();
    core::HttpRequest request{
        .url = *settings_.server_url + kOfferPath, .headers = headers(), .judge_at = judge_at};
    auto const stream = co_await http_.open(std::move(request));
    update_.change(
        [&](core::Update& update) { update.last_poll = core::print_wall_time(clock_.wall_now()); });
    if (!stream) co_return fail(stream, "asking for updates");

    auto const& head = (*stream)->head();
    retry_after_ = head.retry_after;
    if (head.status == 304 && last_offer_) co_return Asked{last_offer_};
    if (head.status == 204) co_return Asked{};
    if (head.status != 200)
        co_return fail(Errc::bad_input,
                       "the update server answered " + std::to_string(head.status) + " to " + kOfferPath);
    auto const body = co_await core::read_all(**stream, kLongestReply);
    if (!body) co_return fail(body, "asking for updates");
    auto const offer = parse_offer(*body);
    if (!offer) co_return offer.error();
    etag_ = head.etag;
    last_offer_ = *offer;
    co_return Asked{*offer};
}

Task<Result<void>> UpdateTask::consider(Offer offer, core::WallTime judge_at) {
    BundleSource source{.url = offer.bundle_url, .judge_at = judge_at};
    auto const head = co_await fetch_head(http_, source, settings_.keyring);
    if (!head) co_return fail(head, "checking the signature of version " + offer.version);

    auto const& bundles = books_.committed().bundles;
    auto const running = bundles.find(state_.now().identity.slot);
    AdmissionFacts const facts{.compatible = settings_.compatible,
                               .running =
                                   running == bundles.end() ? std::nullopt : std::optional{running->second},
                               .now = clock_.wall_now()};
    auto admission = admit(head->manifest, head->manifest_hash, offer, books_.ledger(), facts);
    if (admission.kind == Admission::Kind::install && !facts.running) {
        auto const already = co_await runs_already(*head);
        if (!already) co_return already.error();
        if (*already)
            admission = {Admission::Kind::up_to_date, "the running slot already holds these images"};
    }
    if (admission.kind == Admission::Kind::refused) co_return fail(Errc::refused, admission.why);
    if (admission.kind != Admission::Kind::install) {
        if (update_.now().note != admission.why)
            log_(Level::notice, "offered update not installed", {{"why", admission.why}});
        update_.change([&](core::Update& update) { update.note = admission.why; });
        co_return Result<void>{};
    }

    auto const spare = core::other(state_.now().identity.slot);
    if (auto const fits = check_targets(head->manifest, settings_.targets(spare)); !fits)
        co_return fits.error();

    auto const done = co_await install(source, *head);
    if (!done && books_.update()) {   // the spare slot is unbootable by now, or was never touched
        auto record = *books_.update();
        record.phase = Phase::idle;
        if (auto const kept = enter(std::move(record)); !kept)
            log_(Level::warning, "could not record that the update ended", {{"why", kept.error().text()}});
    }
    co_return done;
}

// Before the first commit nothing says what the running slot holds: look.
Task<Result<bool>> UpdateTask::runs_already(BundleHead head) {
    return targets_hold(workers_, std::move(head.manifest), settings_.targets(state_.now().identity.slot));
}

Task<Result<void>> UpdateTask::install(BundleSource source, BundleHead head) {
    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "preparing the spare slot");

    auto const& identity = state_.now().identity;
    UpdateRecord record{.phase = Phase::offered,
                        .target = core::other(identity.slot),
                        .bundle = installed(head.manifest, head.manifest_hash),
                        .boot_size = head.manifest.boot.size,
                        .rootfs_size = head.manifest.rootfs.size,
                        .boot_id = identity.boot_id};
    if (auto const ok = enter(record); !ok) co_return ok;
    log_(Level::notice, "update offered",
         {{"version", record.bundle.version},
          {"bytes", head.total_size},
          {"slot", core::name(record.target)}});
    show_progress(0, 0);   // what an earlier one left

    auto const plan = co_await fetch_plan(http_, workers_, source, head);
    if (!plan) co_return fail(plan, "reading the tables of version " + record.bundle.version);

    auto const started = clock_.now();
    auto const written = co_await write_spare(source, *plan, record);
    if (!written) co_return fail(written, "writing version " + record.bundle.version);
    log_(Level::notice, "update written",
         {{"version", record.bundle.version},
          {"in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - started).count()}});

    // From here on a start of this program can finish the job by itself.
    record.baseline = co_await acts_.failing_probes();
    record.phase = Phase::written;
    if (auto const ok = enter(record); !ok) co_return ok;
    auto const activated = co_await activate(record);
    if (!activated) co_return activated;
    co_await reboot_for_good(board_, clock_, log_, "version " + record.bundle.version + " is activated");
    co_return Result<void>{};
}

Task<Result<void>>
UpdateTask::write_spare(BundleSource source, std::shared_ptr<BundlePlan const> plan, UpdateRecord record) {
    WriteSteps steps{
        .before_first_byte = [this, record] { return give_up_spare(record); },
        .progress = [this](std::uint64_t done, std::uint64_t total) { show_progress(done, total); }};
    co_return co_await write_images(http_, workers_, std::move(source), std::move(plan),
                                    settings_.targets(record.target), std::move(steps));
}

// Until here the spare slot is as good a fallback as it was.
Task<Result<void>> UpdateTask::give_up_spare(UpdateRecord record) {
    auto committed = books_.committed();
    committed.bundles.erase(record.target);
    if (auto const ok = books_.set(std::move(committed)); !ok) co_return ok;
    record.phase = Phase::downloading;
    if (auto const ok = enter(record); !ok) co_return ok;

    auto const env = co_await boot_.read();
    if (!env) co_return env.error();
    auto const marked = with_marked_bad(*env, record.target, settings_.attempts);
    if (marked == *env) co_return Result<void>{};
    co_return co_await boot_.write(marked);
}

Task<Result<void>> UpdateTask::activate(UpdateRecord record) {
    record.phase = Phase::activated;
    if (auto const ok = enter(record); !ok) co_return ok;
    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "activating version " + record.bundle.version);
    auto const activated = with_activated(*env, record.target, settings_.attempts);
    auto const stored = co_await boot_.write(activated);
    if (!stored) co_return fail(stored, "activating version " + record.bundle.version);
    log_(Level::notice, "update activated",
         {{"version", record.bundle.version}, {"slot", core::name(record.target)}});
    co_return Result<void>{};
}

Result<void> UpdateTask::enter(UpdateRecord record) {
    auto const phase = record.phase;
    auto const version = phase == Phase::idle ? "" : record.bundle.version;
    if (auto const ok = books_.set(std::move(record)); !ok) return ok;
    update_.change([&](core::Update& update) {
        update.phase = phase;
        update.version = version;
        update.note.clear();
    });
    return {};
}

void UpdateTask::show_progress(std::uint64_t done, std::uint64_t total) {
    auto const& shown = update_.now();
    bool const worth_it = done == total || total != shown.total_bytes || done < shown.done_bytes ||
                          done - shown.done_bytes >= total / 100;
    if (!worth_it) return;
    update_.change([&](core::Update& update) {
        update.done_bytes = done;
        update.total_bytes = total;
    });
}

void UpdateTask::take_retry_flag() {
    if (!state_.now().flags.contains(kRetryFlag)) return;
    auto cleared = books_.set(Ledger{});
    if (cleared) cleared = core::remove_file(settings_.flags / kRetryFlag);
    if (!cleared) {
        log_(Level::warning, "could not clear the ledger", {{"why", cleared.error().text()}});
        return;
    }
    update_.change([](core::Update& update) { update.rejected.clear(); });
    log_(Level::notice, "ledger of rejected updates cleared", {{"flag", kRetryFlag}});
}

void UpdateTask::poll_now() {
    poll_asked_ = true;
    if (asked_) asked_->cancel();
}

Task<void> UpdateTask::asked_for() {
    while (!poll_asked_) co_await asked_->async_wait(core::asio::as_tuple(core::asio::use_awaitable));
}

// The WAN has come up, or the operator set the retry flag.
Task<void> UpdateTask::state_asks() {
    for (auto seen = state_.get();;) {
        auto const next = co_await state_.changed_from(seen);
        bool const wan_is_up = seen->links.wan.addresses.empty() && !next->links.wan.addresses.empty();
        bool const retry = !seen->flags.contains(kRetryFlag) && next->flags.contains(kRetryFlag);
        if ((wan_is_up && !update_.now().error.empty()) || retry) co_return;
        seen = next;
    }
}

Task<void> UpdateTask::pause(core::Duration d) {
    auto wishes = core::ends_before(asked_for(), state_asks());
    auto over = clock_.sleep_for(d);
    co_await core::first_of(std::move(wishes), std::move(over));
    poll_asked_ = false;   // only now: one that was asked for during a poll or a trial counts
}

}   // namespace ota
