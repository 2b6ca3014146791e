#include "net/status_json.hpp"

#include "core/json.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cmath>

namespace net {
namespace {

namespace json = core::json;

constexpr std::size_t kMostShown = 64;     // of containers, and of what is said of them
constexpr std::size_t kMostProbes = 128;   // some 20 are ours, the others containers and trial.units

json::value text_or_null(std::string const& text) {
    if (text.empty()) return nullptr;
    return json::value(text);
}

template <class Number> json::value number_or_null(std::optional<Number> const& number) {
    if (!number) return nullptr;
    return json::value(*number);
}

template <class Texts> json::array list(Texts const& texts) {
    json::array made;
    for (auto const& text : texts) made.emplace_back(text);
    return made;
}

json::value outcome(std::optional<core::Outcome> const& outcome) {
    if (!outcome) return nullptr;
    return json::object{{"version", outcome->version},
                        {"reason", text_or_null(outcome->reason)},
                        {"at", text_or_null(outcome->at)}};
}

json::object update(core::Update const& update, core::TimePoint now) {
    json::value trial = nullptr;
    if (update.trial_started) trial = core::count_s(now - *update.trial_started);
    json::value percent = nullptr;
    if (update.total_bytes > 0) {
        auto const done = static_cast<double>(update.done_bytes) / static_cast<double>(update.total_bytes);
        percent = static_cast<int>(100 * done);
    }
    return {{"phase", core::name(update.phase)},
            {"version", text_or_null(update.version)},
            {"done_bytes", update.done_bytes},
            {"total_bytes", update.total_bytes},
            {"fetched_bytes", update.fetched_bytes},
            {"progress_percent", percent},
            {"error", text_or_null(update.error)},
            {"last_poll", text_or_null(update.last_poll)},
            {"note", text_or_null(update.note)},
            {"certificates_judged_at", text_or_null(update.judged_at)},
            {"last_commit", outcome(update.last_commit)},
            {"last_rollback", outcome(update.last_rollback)},
            {"rejected", list(update.rejected)},
            {"problems", list(update.problems)},
            {"trial_s", trial},
            {"failed_before_update", list(update.baseline.failing)},
            {"attempts_left", number_or_null(update.attempts_left)}};
}

json::value failure(std::optional<core::Reading::Failure> const& failure, core::TimePoint now) {
    if (!failure) return nullptr;
    return json::object{{"detail", text_or_null(failure->detail)},
                        {"ago_s", core::count_s(now - failure->at)}};
}

// Those that fail are never the first to be left out, nor those that are required; in the order of the round.
std::vector<core::Reading const*> shown_readings(std::vector<core::Reading> const& readings) {
    std::vector<core::Reading const*> shown;
    for (auto const& reading : readings) shown.push_back(&reading);
    if (shown.size() <= kMostProbes) return shown;
    std::ranges::stable_sort(shown, {}, [](core::Reading const* reading) {
        return (reading->good ? 2 : 0) + (reading->weight == core::Weight::required ? 0 : 1);
    });
    shown.resize(kMostProbes);
    std::ranges::sort(shown);
    return shown;
}

json::object health(core::Health const& health, core::TimePoint now) {
    json::array probes;
    for (auto const* shown : shown_readings(health.readings)) {
        auto const& reading = *shown;
        probes.push_back(json::object{{"probe", reading.probe},
                                      {"good", reading.good},
                                      {"required", reading.weight == core::Weight::required},
                                      {"weight", core::name(reading.weight)},
                                      {"detail", text_or_null(reading.detail)},
                                      {"warning", reading.warning},
                                      {"value", number_or_null(reading.value)},
                                      {"unit", text_or_null(reading.unit)},
                                      {"for_s", core::count_s(now - reading.since)},
                                      {"last_failure", failure(reading.last_failure, now)}});
    }
    auto const left_out = health.readings.size() - probes.size();
    return {{"verdict", core::name(health.verdict)},
            {"reason", text_or_null(health.reason)},
            {"healthy_for_s", core::count_s(health.healthy_for)},
            {"condition", core::name(health.condition)},
            {"probes", std::move(probes)},
            {"probes_left_out", left_out}};
}

json::object link(core::Link const& link) {
    return {{"name", link.name},
            {"present", link.present},
            {"up", link.up},
            {"carrier", link.carrier},
            {"mac", text_or_null(link.mac)},
            {"addresses", list(link.addresses)},
            {"error", text_or_null(link.error)},
            {"speed_mbit", number_or_null(link.speed_mbit)}};
}

json::object links(core::Links const& links) {
    json::array further;
    for (auto const& one : links.further) further.push_back(link(one));
    json::value route = nullptr;
    if (links.default_route)
        route = json::object{{"gateway", text_or_null(links.default_route->gateway)},
                             {"interface", links.default_route->interface}};
    return {{"wan", link(links.wan)},
            {"lan", link(links.lan)},
            {"further", std::move(further)},
            {"default_route", std::move(route)}};
}

json::object services(core::Services const& services) {
    json::object made;
    for (auto const& [name, service] : services) {
        json::value pid = nullptr;
        if (service.running) pid = service.pid;
        made[name] = json::object{{"running", service.running},
                                  {"pid", pid},
                                  {"starts", service.starts},
                                  {"error", text_or_null(service.error)}};
    }
    return made;
}

json::object leases(core::Leases const& leases) {
    json::array known;
    for (auto const& lease : leases.known) {
        json::value expires = nullptr;
        if (lease.expires) expires = json::value(core::print_wall_time(*lease.expires));
        known.push_back(json::object{{"address", lease.address},
                                     {"mac", lease.mac},
                                     {"name", text_or_null(lease.name)},
                                     {"expires", std::move(expires)}});
    }
    return {{"known", std::move(known)}, {"left_out", leases.left_out}};
}

template <class Texts> json::array at_most_shown(Texts const& texts) {
    json::array made;
    for (auto const& text : texts)
        if (made.size() < kMostShown) made.emplace_back(text);
    return made;
}

json::object container(core::Container const& container) {
    return {{"mode", container.rootful ? "rootful" : "rootless"},
            {"required", container.required},
            {"unit", text_or_null(container.unit)},
            {"starts", container.starts},
            {"state", text_or_null(container.state)},
            {"health", text_or_null(container.health)},
            {"restarts", container.restarts},
            {"image", text_or_null(container.image)},
            {"image_id", text_or_null(container.image_id)},
            {"error", text_or_null(container.error)}};
}

std::string podman_error(core::Containers const& containers) {
    std::string all;
    if (!containers.rootful_podman_error.empty()) all = "of the system: " + containers.rootful_podman_error;
    if (!containers.rootless_podman_error.empty())
        all += (all.empty() ? "" : "; ") + ("of the app user: " + containers.rootless_podman_error);
    return all;
}

// Those that are required first, so that they are never the ones left out.
json::object containers(core::Containers const& containers) {
    json::object known;
    for (bool const required : {true, false})
        for (auto const& [name, one] : containers.known)
            if (one.required == required && known.size() < kMostShown) known[name] = container(one);
    auto const left_out = containers.known.size() - known.size();
    return {{"applied", containers.applied},
            {"podman_error", text_or_null(podman_error(containers))},
            {"errors", at_most_shown(containers.errors)},
            {"warnings", at_most_shown(containers.warnings)},
            {"known", std::move(known)},
            {"left_out", left_out}};
}

json::object watchdog(core::WatchdogState const& watchdog) {
    json::value timeout = nullptr;
    if (watchdog.timeout) timeout = core::count_s(*watchdog.timeout);
    return {{"armed", watchdog.armed},
            {"device", text_or_null(watchdog.device)},
            {"identity", text_or_null(watchdog.identity)},
            {"timeout_s", std::move(timeout)},
            {"trusted", watchdog.trusted},
            {"note", text_or_null(watchdog.note)},
            {"reset_us", watchdog.reset_us}};
}

// In whole degrees: no sensor of a board is better than that.
long degrees(int millicelsius) {
    return std::lround(millicelsius / 1000.0);
}

json::array temperatures(core::Temperatures const& measured) {
    json::array made;
    for (auto const& one : measured) {
        json::value critical = nullptr;
        if (one.critical_millicelsius) critical = degrees(*one.critical_millicelsius);
        made.push_back(json::object{{"sensor", text_or_null(one.sensor)},
                                    {"celsius", degrees(one.millicelsius)},
                                    {"critical_celsius", std::move(critical)}});
    }
    return made;
}

}   // namespace

std::string
status_json(core::DeviceState const& state, core::TimePoint now, core::Temperatures const& measured) {
    auto const& identity = state.identity;
    json::object const document{
        {"schema", 1},
        {"version", text_or_null(identity.version)},
        {"controller", identity.controller},
        {"board", identity.board},
        {"compatible", identity.compatible},
        {"model", text_or_null(identity.model)},
        {"serial", text_or_null(identity.serial)},
        {"slot", core::name(identity.slot)},
        {"boot_id", text_or_null(identity.boot_id)},
        {"uptime_s", core::count_s(now - identity.started)},
        {"config",
         {{"source", core::name(state.config.source)},
          {"accepted_by",
           text_or_null(state.config.accepted_by ? core::name(*state.config.accepted_by) : "")},
          {"problems", list(state.config.problems)}}},
        {"boots",
         {{"reason", text_or_null(state.boots.reason)},
          {"unexpected", state.boots.unexpected},
          {"unexpected_in_trial", state.boots.unexpected_in_trial}}},
        {"update", update(state.update, now)},
        {"health", health(state.health, now)},
        {"links", links(state.links)},
        {"network", {{"applied", state.network.applied}, {"error", text_or_null(state.network.error)}}},
        {"resolver", {{"servers", list(state.resolver.servers)}, {"search", list(state.resolver.search)}}},
        {"services", services(state.services)},
        {"leases", leases(state.leases)},
        {"firewall",
         {{"applied", state.firewall.applied},
          {"ssh_on_wan", state.firewall.ssh_on_wan},
          {"bootstrap_on_wan", state.firewall.bootstrap_on_wan},
          {"lan", core::name(state.firewall.lan)},
          {"error", text_or_null(state.firewall.error)},
          {"transactions", state.firewall.transactions},
          {"repairs", state.firewall.repairs}}},
        {"forwarding",
         {{"off", state.forwarding.off},
          {"error", text_or_null(state.forwarding.error)},
          {"switched_off", state.forwarding.switched_off}}},
        {"watchdog", watchdog(state.watchdog)},
        {"temperatures", temperatures(measured)},
        {"containers", containers(state.containers)},
        {"flags", list(state.flags)},
    };
    return core::print_json(document);
}

}   // namespace net
