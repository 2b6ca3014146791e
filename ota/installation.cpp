#include "ota/installation.hpp"

#include "ota/bundle_plan.hpp"
#include "ota/standing_problem.hpp"

#include <algorithm>

namespace ota {

using core::Errc;
using core::fail;
using core::Level;

namespace {

std::int64_t count_ms(core::Duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}   // namespace

Installation::Installation(core::Clock& clock,
                           core::Workers& workers,
                           BootEnv& boot,
                           Books& books,
                           core::StateBus& state,
                           core::Writer<&core::DeviceState::update> update,
                           core::Log log,
                           UpdateSettings settings)
    : clock_{clock},
      workers_{workers},
      boot_{boot},
      books_{books},
      state_{state},
      update_{update},
      log_{std::move(log)},
      settings_{std::move(settings)} {}

Task<Result<void>> Installation::run(core::HttpClient& http,
                                     BundleSource source,
                                     std::optional<std::string> offered,
                                     JudgingTime time) {
    auto const considered = co_await consider(http, source, std::move(offered), time);
    if (!considered) co_return considered.error();
    auto const& [head, admission] = *considered;
    if (admission.kind == Admission::Kind::refused) co_return fail(Errc::refused, admission.why);
    if (admission.kind != Admission::Kind::install) {
        tell(admission);
        co_return Result<void>{};
    }
    if (is_written(head.manifest_hash)) co_return Result<void>{};   // and waits to be activated

    auto const spare = core::other(state_.now().identity.slot);
    if (auto const fits = check_targets(head.manifest, settings_.targets(spare)); !fits)
        co_return fits.error();
    auto const before = books_.update();
    auto const done = co_await install(http, source, head);
    bool const has_begun = books_.update() != before;
    if (!done && has_begun) {   // the spare slot is unbootable by now, or was never touched
        if (auto const kept = enter(*books_.update(), Event::failed); !kept)
            log_(Level::warning, "could not record that the update ended", {{"why", kept.error().text()}});
    }
    co_return done;
}

Task<Result<Installation::Considered>> Installation::consider(core::HttpClient& http,
                                                              BundleSource source,
                                                              std::optional<std::string> offered,
                                                              JudgingTime time) {
    auto const name = offered ? "version " + *offered : source.url;
    auto head = co_await fetch_head(http, std::move(source), settings_.signers);
    if (!head) co_return fail(head, "checking the signature of " + name);

    auto const& state = state_.now();
    auto const facts = admission_facts(settings_, books_.committed(), state.identity.slot,
                                       state.links.wan.mac, clock_.wall_now(), time.is_wall_clock);
    Offer const offer{.version = offered.value_or(head->manifest.version), .bundle_url = {}};
    auto admission = admit(head->manifest, head->manifest_hash, offer, books_.ledger(), facts);
    if (admission.kind == Admission::Kind::install && !facts.running) {
        auto const already = co_await runs_already(*head);
        if (!already) co_return already.error();
        if (*already)
            admission = {Admission::Kind::up_to_date, "the running slot already holds these images"};
    }
    Considered considered{.head = std::move(*head), .admission = std::move(admission)};
    co_return considered;
}

void Installation::tell(Admission const& admission) {
    if (update_.now().note != admission.why)
        log_(Level::notice, "offered update not installed", {{"why", admission.why}});
    update_.change([&](core::Update& update) { update.note = admission.why; });
}

bool Installation::is_written(core::Sha256 const& manifest_hash) const {
    auto const& record = books_.update();
    return record && record->phase == Phase::written && record->bundle.manifest_hash == manifest_hash &&
           record->target == core::other(state_.now().identity.slot);
}

// Before the first commit nothing says what the running slot holds: look.
Task<Result<bool>> Installation::runs_already(BundleHead head) {
    return targets_hold(workers_, std::move(head.manifest), settings_.targets(state_.now().identity.slot));
}

Task<Result<void>> Installation::install(core::HttpClient& http, BundleSource source, BundleHead head) {
    auto const env = co_await boot_.read();
    if (!env) co_return fail(env, "preparing the spare slot");
    add_problem_if_lost(update_, log_, *env);

    auto const& identity = state_.now().identity;
    UpdateRecord record{.phase = Phase::idle,
                        .target = core::other(identity.slot),
                        .bundle = installed(head.manifest, head.manifest_hash),
                        .boot_size = head.manifest.boot.size,
                        .rootfs_size = head.manifest.rootfs.size,
                        .boot_id = identity.boot_id};
    // An update that is written and waits is not forgotten for one whose tables cannot be read.
    Patience const patience{.minimum_rate = static_cast<std::uint64_t>(settings_.minimum_rate),
                            .until = clock_.now() + settings_.download_limit};
    bool const another_waits = books_.update() && books_.update()->phase == Phase::written;
    if (!another_waits)
        if (auto const ok = begin_offer(record, head); !ok) co_return ok;
    auto const plan = co_await fetch_plan(http, clock_, workers_, source, head, patience);
    if (!plan) co_return fail(plan, "reading the tables of version " + record.bundle.version);
    if (another_waits)
        if (auto const ok = begin_offer(record, head); !ok) co_return ok;
    record.phase = Phase::offered;

    auto const started = clock_.now();
    auto const written = co_await write_spare(http, source, *plan, record, patience);
    if (!written) co_return fail(written, "writing version " + record.bundle.version);
    log_(Level::notice, "update written",
         {{"version", record.bundle.version},
          {"fetched", update_.now().fetched_bytes},
          {"in_ms", count_ms(clock_.now() - started)}});

    // From here on a start of this program can finish the job by itself.
    record.phase = Phase::downloading;
    co_return enter(std::move(record), Event::images_written);
}

Result<void> Installation::begin_offer(UpdateRecord const& record, BundleHead const& head) {
    if (auto const ok = enter(record, Event::offered); !ok) return ok;
    log_(Level::notice, "update offered",
         {{"version", record.bundle.version},
          {"bytes", head.total_size},
          {"slot", core::name(record.target)}});
    update_.change([](core::Update& update) {   // what an earlier one left
        update.done_bytes = update.total_bytes = update.fetched_bytes = 0;
    });
    return {};
}

Task<Result<void>> Installation::write_spare(core::HttpClient& http,
                                             BundleSource source,
                                             std::shared_ptr<BundlePlan const> plan,
                                             UpdateRecord record,
                                             Patience patience) {
    auto const looked = co_await look_here(http, source, plan, record.target, patience);
    if (!looked) co_return looked.error();
    auto const& found = *looked;
    auto const target = record.target;
    WriteSteps steps{.before_first_byte = [this, record] { return give_up_spare(record); },
                     .progress = [this](WriteProgress now) { show_progress(now); },
                     .checkpoint =
                         [this, target](Progress progress) {
                             progress.target = target;
                             return keep_progress(std::move(progress));
                         },
                     .checkpoint_every = settings_.checkpoint_every,
                     .checkpoint_pause = settings_.checkpoint_pause,
                     .piece_size = settings_.piece_size};
    auto const written = co_await write_images(http, clock_, workers_, std::move(source), plan,
                                               settings_.targets(target), found, patience, std::move(steps));
    if (!written) co_return written;
    // What an earlier attempt left was believed by a record of ours; the signed digest has the last word.
    if (std::ranges::find(found->is_done, true) == found->is_done.end()) co_return written;
    auto const holds = co_await targets_hold(workers_, plan->head.manifest, settings_.targets(target));
    if (!holds) co_return holds.error();
    if (*holds) co_return written;
    Progress nothing{.target = target};
    co_await keep_progress(std::move(nothing));
    co_return fail(Errc::io, "the spare slot does not hold what was written to it: is its storage failing?");
}

Task<Result<std::shared_ptr<Found const>>> Installation::look_here(core::HttpClient& http,
                                                                   BundleSource source,
                                                                   std::shared_ptr<BundlePlan const> plan,
                                                                   Slot target,
                                                                   Patience patience) {
    LocalSources local{.running = settings_.targets(core::other(target)),
                       .boot_files = settings_.boot_files,
                       .progress = books_.read_progress()};
    if (local.progress && local.progress->target != target) local.progress.reset();
    auto found = co_await find_local(http, clock_, workers_, std::move(source), std::move(plan),
                                     settings_.targets(target), std::move(local), patience);
    if (!found) co_return found;
    for (auto const& note : (*found)->notes)
        log_(Level::info, "less found here than might have been", {{"why", note}});
    co_return found;
}

// Until here the spare slot is as good a fallback as it was.
Task<Result<void>> Installation::give_up_spare(UpdateRecord record) {
    auto committed = books_.committed();
    committed.bundles.erase(record.target);
    if (auto const ok = books_.set(std::move(committed)); !ok) co_return ok;
    if (auto const ok = enter(record, Event::data_flows); !ok) co_return ok;

    auto const env = co_await boot_.read();
    if (!env) co_return env.error();
    add_problem_if_lost(update_, log_, *env);
    auto const marked = with_marked_bad(*env, record.target, settings_.attempts);
    if (marked == *env) co_return Result<void>{};
    co_return co_await boot_.write(marked);
}

// On the pool: it is synced.
Task<void> Installation::keep_progress(Progress progress) {
    auto write = [file = books_.progress_file(), kept = std::move(progress)] {
        return file.write(to_json(kept));
    };
    auto const kept = co_await workers_.run(std::move(write));
    if (!kept) log_(Level::info, "could not record the progress", {{"why", kept.error().text()}});
}

Result<void> Installation::enter(UpdateRecord record, Event event) {
    record.phase = next_phase(record.phase, event);
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

void Installation::show_progress(WriteProgress now) {
    auto const& shown = update_.now();
    bool const worth_it = now.done == now.total || now.total != shown.total_bytes ||
                          now.done < shown.done_bytes || now.done - shown.done_bytes >= now.total / 100;
    if (!worth_it) return;
    update_.change([&](core::Update& update) {
        update.done_bytes = now.done;
        update.total_bytes = now.total;
        update.fetched_bytes = now.fetched;
    });
}

}   // namespace ota
