#include "health/container_units.hpp"

#include "core/files.hpp"

#include <algorithm>

namespace health {

using core::Level;

namespace {

constexpr core::Backoff kAttempts{};   // 1 s … 60 s, forgotten after as long
constexpr core::Backoff kFileAttempts{.first = std::chrono::seconds{1}, .most = std::chrono::minutes{5}};
constexpr char const* kFiles = "";   // in attempts_: the files and systemd's reading of them
constexpr int kRounds = 3;           // of files and states that one look goes through
// By systemd, of a file that it makes no unit of: half a minute, then the file is what is wrong.
constexpr unsigned kMostReadings = 6;

// In attempts_: a service that does not end is not to wait for its next start, nor the other way round.
std::string stop_of(std::string const& service) {
    return "stop " + service;
}

}   // namespace

ContainerUnits::ContainerUnits(core::Clock& clock,
                               core::Log log,
                               std::vector<QuadletFile> wanted,
                               LeftOver left_over)
    : clock_{clock}, log_{std::move(log)}, wanted_{std::move(wanted)}, left_over_{left_over} {}

bool ContainerUnits::is_due(std::string const& what) {
    auto const found = attempts_.find(what);
    if (found == attempts_.end() || clock_.now() >= found->second.not_before) return true;
    if (!next_ || found->second.not_before < *next_) next_ = found->second.not_before;
    return false;
}

void ContainerUnits::attempted(std::string const& what) {
    auto& attempts = attempts_[what];
    auto const pause = what == kFiles ? kFileAttempts : kAttempts;
    attempts.last = clock_.now();
    attempts.not_before = clock_.now() + pause.pause(++attempts.in_a_row);
}

Task<Result<void>> ContainerUnits::read_states(core::Units& units, std::vector<UnitFile> there) {
    UnitStates states;
    for (auto const& service : services_of(wanted_, there)) {
        if (auto ok = units.watch(service); !ok) co_return ok.error();
        auto state = co_await units.state(service);
        if (!state) co_return state.error();
        // Up now, and long after it was asked for last: that one counts as a success.
        auto const found = attempts_.find(service);
        if (found != attempts_.end() && !core::is_down(*state) &&
            clock_.now() - found->second.last >= kAttempts.forget_after)
            attempts_.erase(found);
        if (state->load == "loaded") unmade_.erase(service);
        states.emplace(service, std::move(*state));
    }
    note_builds(states);
    states_ = std::move(states);
    co_return Result<void>{};
}

// A build that has just ended well, or did before this program came; systemd may have forgotten its run
// since.
void ContainerUnits::note_builds(UnitStates const& now) {
    for (auto const& file : wanted_) {
        auto const state = now.find(file.service);
        if (file.kind != config::ContainerUnitKind::build || state == now.end()) continue;
        auto const before = states_.find(file.service);
        bool const has_run =
            before == states_.end() ? !state->second.invocation.empty() : !core::is_down(before->second);
        if (has_run && state->second.active == "inactive") built_.insert(file.service);
    }
}

// Files, and systemd's reading of them, until there is nothing more to touch at this moment.
Task<Result<Steps>> ContainerUnits::converge(core::Units& units, Places places) {
    for (int round = 1;; ++round) {
        auto there = read_unit_files(places.files);
        if (!there) co_return there.error();
        if (auto ok = co_await read_states(units, *there); !ok) co_return ok.error();
        auto steps = next_steps(wanted_, *there, states_, built_, left_over_);

        std::error_code ignored;
        bool const is_unread = std::filesystem::exists(places.unread, ignored);
        bool const touches = !steps.write.empty() || !steps.remove.empty();
        bool const unmade = std::ranges::any_of(
            steps.unmade, [&](auto const& service) { return unmade_[service] < kMostReadings; });
        bool const is_read = !touches && !is_unread && !unmade;
        if (is_read || round == kRounds || !is_due(kFiles)) {
            if (is_read) attempts_.erase(kFiles);
            as_wanted_ = is_read && steps.unmade.empty() && !steps.waiting && steps.errors.empty();
            co_return steps;
        }
        if (unmade || round > 1) attempted(kFiles);   // what changes nothing must not be done in a circle
        auto done = core::replace_file(places.unread, "");
        if (done) done = touch_unit_files(places.files, places.readers, steps);
        for (auto const& file : steps.write)
            if (auto const service = service_of_ours(file.text)) {
                built_.erase(*service);
                unmade_.erase(*service);
            }
        if (done) {
            done = co_await units.reload();
            if (!done && !done.error().is(core::Errc::refused)) co_return done.error();
        }
        if (!done) {
            attempted(kFiles);
            steps.errors.push_back(done.error().text());
            as_wanted_ = false;
            co_return steps;
        }
        for (auto const& service : steps.unmade) ++unmade_[service];
        if (touches)
            log_(Level::notice, "unit files of containers changed",
                 {{"written", steps.write.size()}, {"removed", steps.remove.size()}});
        if (auto ok = core::remove_file(places.unread); !ok) co_return ok.error();
    }
}

void ContainerUnits::note_answer(std::string const& service, Result<void> const& taken) {
    if (taken)
        refused_.erase(service);
    else
        refused_[service] = taken.error().text();
}

// What is not asked for any more is not refused, and the next time it is asked for at once. A start waits:
// what comes up for a moment only must not be started in a circle.
void ContainerUnits::forget_all_but(Steps const& asked) {
    std::set<std::string> stops{asked.stop.begin(), asked.stop.end()}, orders = stops;
    orders.insert(asked.start.begin(), asked.start.end());
    std::erase_if(refused_, [&](auto const& refused) { return !orders.contains(refused.first); });
    auto const is_over = [&](std::string const& what) {
        return what.starts_with(stop_of("")) && !stops.contains(what.substr(stop_of("").size()));
    };
    std::erase_if(attempts_, [&](auto const& attempts) { return is_over(attempts.first); });
}

Task<Result<void>> ContainerUnits::stop(core::Units& units, std::vector<std::string> services) {
    for (auto const& service : services) {
        if (!is_due(stop_of(service))) continue;
        log_(Level::info, "asking for a stop", {{"unit", service}});
        attempted(stop_of(service));
        auto const taken = co_await units.stop(service);
        if (!taken && !taken.error().is(core::Errc::refused)) co_return taken.error();
        note_answer(service, taken);
    }
    co_return Result<void>{};
}

Task<Result<void>> ContainerUnits::start(core::Units& units, std::vector<std::string> services) {
    for (auto const& service : services) {
        if (!is_due(service)) continue;
        log_(Level::info, "asking for a start", {{"unit", service}});
        attempted(service);
        auto const taken = co_await units.start(service);
        if (!taken && !taken.error().is(core::Errc::refused)) co_return taken.error();
        note_answer(service, taken);
    }
    co_return Result<void>{};
}

Task<Result<void>> ContainerUnits::look(core::Units& units, Places places) {
    next_.reset();
    auto const steps = co_await converge(units, places);
    if (!steps) co_return steps.error();
    forget_all_but(*steps);
    if (auto ok = co_await stop(units, steps->stop); !ok) co_return ok.error();
    if (auto ok = co_await start(units, steps->start); !ok) co_return ok.error();

    auto errors = steps->errors;
    for (auto const& service : steps->unmade)
        errors.push_back(
            "systemd has made no " + service + ": /usr/libexec/podman/quadlet -dryrun" +
            (places.readers.group != 0 ? " -user" : "") + " says why" +
            (unmade_[service] < kMostReadings ? "" : "; systemd is not asked again before its file changes"));
    for (auto const& file : wanted_) {   // containers tell themselves
        auto const state = states_.find(file.service);
        if (file.kind == config::ContainerUnitKind::container || state == states_.end()) continue;
        if (state->second.active == "failed")
            errors.push_back(file.service + " failed, " + state->second.result + ": its journal says why");
    }
    for (auto const& [service, words] : refused_) errors.push_back(service + ": " + words);
    for (auto const& error : errors)
        if (std::ranges::find(errors_, error) == errors_.end())
            log_(Level::warning, "containers are not as wanted", {{"why", error}});
    errors_ = std::move(errors);
    co_return Result<void>{};
}

}   // namespace health
