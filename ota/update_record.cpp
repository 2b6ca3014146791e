#include "ota/update_record.hpp"

#include <algorithm>

namespace ota {

using core::Errc;
using core::fail;
using core::Phase;

namespace {

constexpr std::int64_t kMostBoots = 1000;   // of what a file may say

std::optional<Phase> phase_named(std::string_view name) {
    for (auto const phase : {Phase::idle, Phase::offered, Phase::downloading, Phase::written,
                             Phase::activated, Phase::trial, Phase::committed, Phase::rolled_back})
        if (name == core::name(phase)) return phase;
    return std::nullopt;
}

// Neither a size nor a time since boot is negative.
std::int64_t count_in(core::json::object const& object, std::string_view key) {
    return std::max<std::int64_t>(core::integer_in(object, key).value_or(0), 0);
}

int boots_in(core::json::object const& object, std::string_view key) {
    return static_cast<int>(std::min(count_in(object, key), kMostBoots));
}

}   // namespace

core::json::object to_json(UpdateRecord const& record) {
    return {{"phase", core::name(record.phase)},
            {"target", core::name(record.target)},
            {"bundle", to_json(record.bundle)},
            {"boot_size", record.boot_size},
            {"rootfs_size", record.rootfs_size},
            {"failing_before", core::texts(record.baseline.failing)},
            {"good_before", core::texts(record.baseline.good)},
            {"boot_id", record.boot_id},
            {"trial_started_ns", record.trial_started.time_since_epoch().count()},
            {"trial_boots", record.trial_boots},
            {"trial_length_ns", record.trial_length.count()},
            {"reason", record.reason},
            {"why", name(record.why)},
            {"unjudged_boots", record.unjudged_boots}};
}

core::Result<UpdateRecord> update_record_from_json(core::json::object const& object) {
    UpdateRecord record;
    auto const phase = phase_named(core::string_in(object, "phase").value_or(""));
    if (!phase) return fail(Errc::bad_input, "update.json: phase is missing or not known here");
    auto const target = core::slot_named(core::string_in(object, "target").value_or(""));
    if (!target) return fail(Errc::bad_input, "update.json: target is neither A nor B");
    auto const* const bundle = object.if_contains("bundle");
    auto const installed =
        bundle && bundle->is_object() ? installed_from_json(bundle->as_object()) : std::nullopt;
    if (!installed) return fail(Errc::bad_input, "update.json: bundle is incomplete");

    record.phase = *phase;
    record.target = *target;
    record.bundle = *installed;
    record.boot_size = static_cast<std::uint64_t>(count_in(object, "boot_size"));
    record.rootfs_size = static_cast<std::uint64_t>(count_in(object, "rootfs_size"));
    record.baseline.failing = core::texts_in(object, "failing_before");
    record.baseline.good = core::texts_in(object, "good_before");   // older records have none
    record.boot_id = core::string_in(object, "boot_id").value_or("");
    record.trial_started = core::TimePoint{core::Duration{count_in(object, "trial_started_ns")}};
    record.trial_boots = boots_in(object, "trial_boots");
    record.trial_length = core::Duration{count_in(object, "trial_length_ns")};
    record.reason = core::string_in(object, "reason").value_or("");
    record.why = rejection_in(object);
    record.unjudged_boots = boots_in(object, "unjudged_boots");
    return record;
}

}   // namespace ota
