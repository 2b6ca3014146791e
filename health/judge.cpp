#include "health/judge.hpp"

#include "core/probe_names.hpp"

#include <algorithm>

// What rolls a trial back is marked: test/mutation/triggers.py disables each of the marked, one at a time,
// and expects a red test.

namespace health {
namespace {

std::string const kWanLease{"wan_lease"};

std::string seconds(core::Duration d) {
    return std::to_string(core::count_s(d)) + " s";
}

bool fails(Reading const& reading) {
    return reading.weight == core::Weight::required && !reading.good;   // trigger: failing probe
}

Reading const* first_failing(std::vector<Reading> const& readings, bool with_cable_out) {
    auto const failing = std::ranges::find_if(
        readings, [&](Reading const& r) { return fails(r) && (with_cable_out || !r.cable_out); });
    return failing == readings.end() ? nullptr : &*failing;
}

std::string told(Reading const& failing, core::TimePoint now) {
    return failing.probe + ": " + failing.detail + ", for " + seconds(now - failing.since);
}

// Every one of them: who looks for the cable must not find the next one afterwards.
std::string told_failing(std::vector<Reading> const& readings, core::TimePoint now) {
    std::string all;
    for (auto const& reading : readings)
        if (fails(reading)) all += "; " + told(reading, now);
    return all;
}

bool contains(std::vector<std::string> const& names, std::string const& name) {
    return std::ranges::find(names, name) != names.end();
}

bool no_wan_cable(std::vector<Reading> const& readings) {
    return std::ranges::any_of(readings,
                               [](Reading const& r) { return r.probe == kWanLease && r.cable_out; });
}

core::Weight weight_of(Reading const& reading, Rules const& rules, core::Baseline const& before) {
    if (contains(before.failing, reading.probe)) return core::Weight::excused;
    if (reading.cable_out && rules.cable == Cable::ignore) return core::Weight::excused;
    auto const importance = rules.importance_of(reading.probe);
    bool const is_required =
        importance == Importance::required ||
        (importance == Importance::kept && contains(before.good, reading.probe));   // trigger: lost ability
    return is_required ? core::Weight::required : core::Weight::wanted;
}

std::string started_again(TrialFacts const& facts, std::string const& name, unsigned restarts) {
    auto const service = facts.services.find(name);
    auto const error = service == facts.services.end() ? "" : service->second.error;
    return "started again " + std::to_string(restarts) + " times in " + seconds(facts.age) +
           (error.empty() ? "" : ", last " + error);
}

// What is up at the moment, and starts the window over all the same.
std::string told_restarts(TrialFacts const& facts) {
    std::string all;
    for (auto const& [name, restarts] : facts.restarts)
        if (restarts > 0) all += "; " + name + ": " + started_again(facts, name, restarts);
    return all;
}

Judgement at_the_limit(TrialFacts const& facts, Rules const& rules) {
    auto const at_end = ", at the end of a trial of " + seconds(rules.limit);
    if (facts.healthy_but_cable_for >= rules.window) {   // trigger: rest at the limit
        return {Verdict::commit, "everything but a cable held for the whole window" +
                                     told_failing(facts.readings, facts.now) + at_end};
    }
    auto const* failing = first_failing(facts.readings, false);
    if (!failing) failing = first_failing(facts.readings, true);
    if (failing) return {Verdict::roll_back, told(*failing, facts.now) + at_end};
    return {Verdict::roll_back, "the probes did not hold for " + seconds(rules.window) +
                                    " within a trial of " + seconds(rules.limit) + told_restarts(facts)};
}

}   // namespace

Judgement judge(TrialFacts const& facts, Rules const& rules) {
    if (facts.healthy_for >= rules.window)   // trigger: whole window
        return {Verdict::commit, "every required probe held for the whole window"};
    for (auto const& [name, restarts] : facts.restarts) {
        if (core::is_container_probe(name)) continue;   // what it waits for may come yet
        if (restarts > rules.restarts_allowed)          // trigger: restless service
            return {Verdict::roll_back, name + " does not stay up: " + started_again(facts, name, restarts)};
    }
    if (facts.age >= rules.limit) return at_the_limit(facts, rules);   // trigger: limit
    auto const* const failing = first_failing(facts.readings, true);
    return {Verdict::wait, failing ? told(*failing, facts.now) : ""};
}

std::vector<Reading>
weighed(std::vector<Reading> readings, Rules const& rules, core::Baseline const& before) {
    std::erase_if(readings,
                  [&](Reading const& r) { return rules.importance_of(r.probe) == Importance::off; });
    // A cable that was out before explains nothing that fails since.
    bool const went_out = no_wan_cable(readings) && !contains(before.failing, kWanLease);
    for (auto& reading : readings) {
        if (reading.probe == kWanLease || core::is_container_probe(reading.probe))
            reading.cable_out = reading.cable_out && went_out;
        reading.weight = weight_of(reading, rules, before);
    }
    return readings;
}

std::vector<Reading> weighed(std::vector<Reading> readings, Rules const& rules) {
    auto const& required = rules.required_containers;
    return weighed(std::move(readings), rules, {.failing = {}, .good = {required.begin(), required.end()}});
}

core::Services counted_runs(core::Services services,
                            core::Containers const& containers,
                            std::vector<Reading> const& readings) {
    for (auto const& [name, container] : containers.known) {
        auto const probe = core::container_probe(name);
        bool const is_required = std::ranges::any_of(readings, [&](Reading const& r) {
            return r.probe == probe && r.weight == core::Weight::required;
        });
        if (!is_required) continue;
        services[probe] = {.running = container.unit == "active",   // trigger: restarted container
                           .starts = container.starts,
                           .error = container.error,
                           .invocation = container.invocation};
        // Unknown is not zero.
        if (!container.state.empty())
            services[probe + " (podman)"] = {.starts = container.restarts + 1, .error = container.error};
    }
    return services;
}

core::Services
judged_services(core::Services services, std::vector<Reading> const& weighed, Rules const& rules) {
    std::erase_if(services, [&](auto const& service) {
        auto const& name = service.first;
        auto const reading = std::ranges::find(weighed, name, &Reading::probe);
        return rules.importance_of(name) == Importance::off ||
               (reading != weighed.end() && reading->weight != core::Weight::required);
    });
    return services;
}

std::map<std::string, unsigned> Held::restarts() const {
    std::map<std::string, unsigned> counted;
    for (auto const& [name, run] : runs) {
        auto const again = run.starts > 0 ? run.starts - 1 : 0;
        counted[name] = again - std::min(again, run.forgiven);
    }
    return counted;
}

Held next_held(Held held,
               std::vector<Reading> const& readings,
               core::Services const& services,
               core::TimePoint now,
               bool in_grace) {
    // A container may have ended for want of its remote, and be up in this round.
    bool const excused = no_wan_cable(readings);
    bool restarted = false;
    for (auto const& [name, service] : services) {
        bool const is_known = held.runs.contains(name);
        auto& run = held.runs[name];
        bool const counted = run.starts != service.starts;
        bool const other_run = !service.invocation.empty() && run.invocation != service.invocation;
        bool const counts = is_known && !(excused && core::is_container_probe(name));
        restarted |= counts && (counted || other_run);   // triggers: counted restart, unseen restart
        run.starts = service.starts;
        run.invocation = service.invocation;
        if (in_grace && service.starts > 0) run.forgiven = service.starts - 1;
    }
    auto const next = [&](std::optional<core::TimePoint>& since, bool with_cable_out) {
        if (first_failing(readings, with_cable_out))
            since.reset();   // trigger: window begins anew
        else if (restarted || !since)
            since = now;
    };
    next(held.since, true);
    next(held.but_cable_since, false);
    return held;
}

}   // namespace health
