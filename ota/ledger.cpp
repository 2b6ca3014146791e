#include "ota/ledger.hpp"

#include <algorithm>

namespace ota {
namespace {

constexpr std::size_t kMostEntries = 32;
constexpr int kMostTries = 2;
// Of what a file may say, so that one can be added to it.
constexpr std::int64_t kMostTimes = 1'000'000;
constexpr std::int64_t kLatest_s = 253'402'300'799;   // the end of the year 9999
constexpr auto kSecondTryAfter = std::chrono::hours{24};

core::json::object entry_json(Rejected const& entry) {
    auto object = to_json(entry.bundle);
    object["why"] = name(entry.why);
    object["reason"] = entry.reason;
    object["at"] = core::print_wall_time(entry.at);
    object["at_unix_s"] = entry.at.time_since_epoch().count();
    object["dated"] = entry.is_dated;
    object["times"] = entry.times;
    return object;
}

std::optional<Rejected> entry_from_json(core::json::value const& value) {
    auto const* object = value.if_object();
    auto const bundle = object ? installed_from_json(*object) : std::nullopt;
    if (!bundle) return std::nullopt;
    Rejected entry{.bundle = *bundle};
    entry.why = rejection_in(*object);
    entry.reason = core::string_in(*object, "reason").value_or("");
    auto const at_s = core::integer_in(*object, "at_unix_s").value_or(0);
    entry.at = core::WallTime{std::chrono::seconds{std::clamp<std::int64_t>(at_s, 0, kLatest_s)}};
    auto const* const dated = object->if_contains("dated");
    entry.is_dated = !dated || !dated->is_bool() || dated->as_bool();
    auto const times = core::integer_in(*object, "times").value_or(1);
    entry.times = static_cast<int>(std::clamp<std::int64_t>(times, 1, kMostTimes));
    return entry;
}

}   // namespace

void Ledger::add(Rejected entry) {
    auto const known = std::ranges::find_if(
        entries_, [&](Rejected const& other) { return other.bundle.same_content(entry.bundle); });
    if (known != entries_.end()) {
        entry.times = known->times + 1;
        entries_.erase(known);
    }
    entries_.push_back(std::move(entry));
    if (entries_.size() > kMostEntries) make_room();
}

// Never for the newest: what was rejected just now would be installed again at once.
void Ledger::make_room() {
    auto const newest = std::prev(entries_.end());
    auto const attempts = std::find_if(
        entries_.begin(), newest, [](Rejected const& entry) { return entry.why == Rejection::attempts; });
    entries_.erase(attempts == newest ? entries_.begin() : attempts);
}

bool Ledger::date(core::WallTime now) {
    bool changed = false;
    for (auto& entry : entries_) {
        if (entry.is_dated) continue;
        entry.at = now;
        entry.is_dated = true;
        changed = true;
    }
    return changed;
}

std::optional<Rejected>
Ledger::refusal_of(Installed const& bundle, core::WallTime now, bool clock_is_trusted, int trials) const {
    for (auto const& entry : entries_) {
        if (!entry.bundle.same_content(bundle)) continue;
        bool const may_try_again = entry.why == Rejection::attempts && entry.times < kMostTries &&
                                   entry.is_dated && clock_is_trusted && now >= entry.at + kSecondTryAfter;
        auto const allowed = entry.why == Rejection::attempts ? 1 : trials;
        if (!may_try_again && entry.times >= allowed) return entry;
    }
    return std::nullopt;
}

core::json::object to_json(Ledger const& ledger) {
    core::json::array entries;
    for (auto const& entry : ledger.entries()) entries.push_back(entry_json(entry));
    return {{"rejected", std::move(entries)}};
}

Ledger ledger_from_json(core::json::object const& object) {
    std::vector<Rejected> entries;
    auto const* const array = object.if_contains("rejected");
    if (array && array->is_array())
        for (auto const& value : array->as_array())
            if (auto entry = entry_from_json(value)) entries.push_back(std::move(*entry));
    return Ledger{std::move(entries)};
}

}   // namespace ota
