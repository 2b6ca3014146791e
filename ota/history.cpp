#include "ota/history.hpp"

#include <algorithm>
#include <ranges>

namespace ota {
namespace {

constexpr std::size_t kMostOutcomes = 20;
constexpr std::int64_t kMostSeconds = 1'000'000'000;   // of what a file may say

std::optional<core::Outcome> last_of(std::vector<Outcome> const& outcomes, bool committed) {
    for (auto const& outcome : outcomes | std::views::reverse)
        if (outcome.committed == committed) return core::Outcome{outcome.version, outcome.reason, outcome.at};
    return std::nullopt;
}

bool same_event(Outcome const& one, Outcome const& other) {
    return one.committed == other.committed && one.slot == other.slot &&
           one.manifest_hash == other.manifest_hash && one.boot_id == other.boot_id;
}

}   // namespace

void History::add(Outcome outcome) {
    if (!outcomes.empty() && same_event(outcomes.back(), outcome)) return;
    outcomes.push_back(std::move(outcome));
    if (outcomes.size() > kMostOutcomes) outcomes.erase(outcomes.begin());
}

std::optional<core::Outcome> History::last_commit() const {
    return last_of(outcomes, true);
}
std::optional<core::Outcome> History::last_rollback() const {
    return last_of(outcomes, false);
}

core::json::object to_json(History const& history) {
    core::json::array array;
    for (auto const& outcome : history.outcomes)
        array.push_back(core::json::object{{"outcome", outcome.committed ? "committed" : "rolled_back"},
                                           {"slot", core::name(outcome.slot)},
                                           {"version", outcome.version},
                                           {"manifest_hash", core::to_hex(outcome.manifest_hash)},
                                           {"reason", outcome.reason},
                                           {"at", outcome.at},
                                           {"boot_id", outcome.boot_id},
                                           {"trial_s", outcome.trial.length_s},
                                           {"boots", outcome.trial.boots},
                                           {"unexpected_reboots", outcome.trial.unexpected_reboots}});
    return {{"outcomes", std::move(array)}};
}

History history_from_json(core::json::object const& object) {
    History history;
    auto const* const array = object.if_contains("outcomes");
    if (!array || !array->is_array()) return history;
    for (auto const& value : array->as_array()) {
        auto const* const entry = value.if_object();
        if (!entry) continue;
        auto const text = [&](char const* key) { return core::string_in(*entry, key).value_or(""); };
        auto const count = [&](char const* key) {   // a file of an older version has none
            return std::clamp<std::int64_t>(core::integer_in(*entry, key).value_or(0), 0, kMostSeconds);
        };
        history.outcomes.push_back(
            {.committed = text("outcome") == "committed",
             .slot = core::slot_named(text("slot")).value_or(core::Slot::a),
             .version = text("version"),
             .manifest_hash = core::sha256_from_hex(text("manifest_hash")).value_or(core::Sha256{}),
             .reason = text("reason"),
             .at = text("at"),
             .boot_id = text("boot_id"),
             .trial = {.length_s = count("trial_s"),
                       .boots = static_cast<int>(count("boots")),
                       .unexpected_reboots = static_cast<int>(count("unexpected_reboots"))}});
    }
    return history;
}

core::json::object to_json(Committed const& committed) {
    core::json::object object;
    if (committed.last) object["last"] = core::name(*committed.last);
    core::json::object slots;
    for (auto const& [slot, bundle] : committed.bundles) slots[core::name(slot)] = to_json(bundle);
    object["slots"] = std::move(slots);
    object["floor"] = committed.floor;
    return object;
}

Committed committed_from_json(core::json::object const& object) {
    Committed committed;
    committed.last = core::slot_named(core::string_in(object, "last").value_or(""));
    committed.floor = index_in(object, "floor");
    auto const* const slots = object.if_contains("slots");
    if (!slots || !slots->is_object()) return committed;
    for (auto const& [key, value] : slots->as_object()) {
        auto const slot = core::slot_named({key.data(), key.size()});
        auto const bundle = value.is_object() ? installed_from_json(value.as_object()) : std::nullopt;
        if (slot && bundle) committed.bundles[*slot] = *bundle;
    }
    return committed;
}

std::uint64_t floor_after(std::uint64_t floor, Installed const& bundle) noexcept {
    bool const lowers = bundle.lowers_floor_from > 0 && bundle.lowers_floor_from >= floor;
    return lowers ? bundle.index : std::max(floor, bundle.index);
}

}   // namespace ota
