#include "health/own_probes.hpp"

#include "core/files.hpp"

#include <algorithm>
#include <array>

namespace health {
namespace {

using core::Errc;
using core::fail;

constexpr auto kLateTick = std::chrono::milliseconds{100};
constexpr auto kTooLate = std::chrono::seconds{2};
constexpr unsigned kFirstErrorStatus = 400;
// What servers answer whose client certificate they do not like: 403, and nginx 400, or 495 and 496 where it
// is told to. It may be for another reason, so the fault is not called ours.
constexpr std::array<unsigned, 5> kRefusals{400, 401, 403, 495, 496};

core::Result<std::uint64_t> free_below(std::filesystem::path const& data) {
    std::error_code failed;
    auto const space = std::filesystem::space(data, failed);
    if (failed) return core::fail(failed, "looking for free space below " + data.string());
    return static_cast<std::uint64_t>(space.available);
}

std::string print_mib(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

// Empty: this device is not to blame.
std::string local_fault(core::Error const& error, core::Links const& links, Reading const& wan_lease) {
    if (error.is(Errc::bad_signature) || error.is(Errc::no_address) || error.is(Errc::io))
        return error.context;
    if (!error.is(Errc::unreachable) && !error.is(Errc::timed_out)) return {};
    if (!wan_lease.good) return wan_lease.detail;
    if (!links.default_route) return "there is no default route; " + error.context;
    return {};
}

// Of a document that is refused: what that means, and the first sentence that says why.
std::string fate_of(core::ConfigState const& config) {
    auto const& first = config.problems.front();
    if (config.other_slot_accepts) return "which the other slot accepted: " + first;
    if (config.refuses_other_slots) {
        auto const of_copy = std::ranges::find_if(
            config.problems, [](auto const& problem) { return problem.starts_with("accepted-"); });
        return "and the one that the other slot accepted last too: " +
               (of_copy == config.problems.end() ? first : *of_copy);
    }
    if (config.accepted_by)
        return std::string{"the last one that slot "} + core::name(*config.accepted_by) +
               " accepted is in force: " + first;
    return "the built-in default is in force: " + first;
}

}   // namespace

Task<DataFacts> look_at_data(core::Workers& workers, std::filesystem::path data) {
    auto look = [data] {
        return DataFacts{.free_bytes = free_below(data),
                         .written = core::replace_file(data / "state" / "probe", "written by a probe\n")};
    };
    co_return co_await workers.run(std::move(look));
}

Reading data_space_reading(core::Result<std::uint64_t> const& free_bytes, std::uint64_t minimum) {
    Reading reading{.probe = "data_space"};
    if (!free_bytes) {
        reading.detail = free_bytes.error().text();
        return reading;
    }
    reading.good = *free_bytes >= minimum;
    reading.detail =
        print_mib(*free_bytes) + " free" +
        (reading.good ? "" : ", less than the " + print_mib(minimum) + " of trial.data_minimum_mib");
    reading.value = static_cast<std::int64_t>(*free_bytes);
    reading.unit = "bytes";
    return reading;
}

Reading data_writable_reading(core::Result<void> const& written) {
    return {.probe = "data_writable",
            .good = written.has_value(),
            .detail = written ? "written and synced" : written.error().text()};
}

Reading document_reading(core::ConfigState const& config) {
    Reading reading{.probe = "document", .good = !config.other_slot_accepts && !config.refuses_other_slots};
    if (!core::is_refused(config)) {
        bool const is_there = config.source == core::ConfigState::Source::operator_document;
        reading.detail = is_there ? "the operator's is in force" : "the operator has written none";
        return reading;
    }
    reading.warning = reading.good;
    reading.detail = "this version refuses the operator's document, " + fate_of(config);
    return reading;
}

Reading clock_reading(core::WallTime wall, core::WallTime floor, bool synchronised) {
    bool const good = wall >= floor;
    auto const now = core::print_wall_time(wall);
    return {.probe = "clock",
            .good = good,
            .detail =
                !good ? "it says " + now + ", before this image was built, " + core::print_wall_time(floor)
                : synchronised ? "synchronised"
                               : "not synchronised; it says " + now};
}

Reading loop_latency_reading(core::Duration late) {
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(late).count();
    return {.probe = "loop_latency",
            .good = late <= kTooLate,
            .detail = "an alarm rang " + std::to_string(ms) + " ms late",
            .value = ms,
            .unit = "ms"};
}

Task<void> watch_lateness(core::Clock& clock, core::Duration& late) {
    for (;;) {
        auto const due = clock.now() + kLateTick;
        co_await clock.sleep_until(due);
        late = std::max(late, clock.now() - due);
    }
}

Reading update_server_reading(std::optional<core::ServerContact> const& contact,
                              core::Links const& links,
                              Reading const& wan_lease) {
    Reading reading{.probe = "update_server", .good = true, .detail = "not asked yet"};
    if (!contact) return reading;
    if (!contact->error) {
        bool const refuses = std::ranges::find(kRefusals, contact->status) != kRefusals.end();
        reading.detail =
            (refuses ? "it refuses this device, its certificate perhaps, with status " : "it answered ") +
            std::to_string(contact->status);
        reading.warning = contact->status >= kFirstErrorStatus;
        return reading;
    }
    auto const fault = local_fault(*contact->error, links, wan_lease);
    reading.good = fault.empty();
    reading.warning = reading.good;
    reading.detail = reading.good ? contact->error->context : fault;
    reading.cable_out = !reading.good && wan_lease.cable_out && fault == wan_lease.detail;
    return reading;
}

std::optional<Reading> missing_server_reading(core::DeviceState const& state) {
    constexpr char const* kProbe = "update_server";
    auto const& good = state.update.baseline.good;
    bool const was_reached = std::ranges::find(good, kProbe) != good.end();
    bool const in_trial = state.update.phase == core::Phase::trial;
    if (!in_trial || !was_reached || !core::is_refused(state.config)) return std::nullopt;
    return Reading{.probe = kProbe,
                   .good = false,   // trigger: no update server any more
                   .detail = "this version has no update server configured, the version before reached one"};
}

}   // namespace health
