#include "ota/admission.hpp"

#include <algorithm>

namespace ota {
namespace {

using Kind = Admission::Kind;
using Why = std::optional<std::string>;   // a sentence, or nothing against it

constexpr auto kClockLag = std::chrono::hours{24};   // between the signer's clock and this one

Why wrong_device(Manifest const& manifest, Offer const& offer, AdmissionFacts const& facts) {
    if (manifest.compatible != facts.compatible)
        return "the bundle is for \"" + manifest.compatible + "\", this device is \"" + facts.compatible +
               "\"";
    if (manifest.version != offer.version)
        return "the server offers version " + offer.version + " but the signed manifest says " +
               manifest.version;
    return std::nullopt;
}

Why wrong_revision(Release const& release, std::optional<int> revision) {
    if (!release.min_revision && !release.max_revision) return std::nullopt;
    bool const fits = revision && *revision >= release.min_revision.value_or(*revision) &&
                      *revision <= release.max_revision.value_or(*revision);
    if (fits) return std::nullopt;
    std::string range;
    if (release.min_revision) range += " from " + std::to_string(*release.min_revision);
    if (release.max_revision) range += " up to " + std::to_string(*release.max_revision);
    return "the bundle is for board revisions" + range + ", this board's is " +
           (revision ? std::to_string(*revision) : "not known");
}

// A commit of it would lift the floor of this device's time for ever.
Why issued_too_late(Release const& release, AdmissionFacts const& facts) {
    if (!facts.clock_is_trusted || !release.issued || *release.issued <= facts.now + kClockLag)
        return std::nullopt;
    return "the bundle says it was issued at " + core::print_wall_time(*release.issued) +
           ", more than 24 h after this device's time " + core::print_wall_time(facts.now);
}

Why below_floor(Release const& release, AdmissionFacts const& facts) {
    bool const is_recovery = release.lowers_floor_from > 0 && release.lowers_floor_from >= facts.floor;
    if (is_recovery || release.index >= facts.floor) return std::nullopt;
    auto const floor = "this device's floor of " + std::to_string(facts.floor);
    if (release.index == 0) return "the bundle has no index and could be older than " + floor;
    return "the bundle's index " + std::to_string(release.index) + " is below " + floor;
}

Why stone_missing(Release const& release, AdmissionFacts const& facts) {
    if (release.min_index <= facts.installed_index) return std::nullopt;
    return "the bundle installs only over index " + std::to_string(release.min_index) +
           " or later, this device runs " +
           (facts.installed_index > 0 ? "index " + std::to_string(facts.installed_index)
                                      : "a version without an index");
}

std::string why_rejected(Rejected const& entry, std::string const& version) {
    auto const when = entry.is_dated ? " on " + core::print_wall_time(entry.at) : std::string{};
    return "version " + version + " was rejected" + when + ": " + entry.reason;
}

// A turn is a time: it is waited for only on a clock that will get there.
Why not_its_turn(Release const& release, AdmissionFacts const& facts) {
    if (release.security || !facts.clock_is_trusted || !release.issued) return std::nullopt;
    auto const turn = turn_of(facts.rollout_place, release.waves, *release.issued);
    if (release.waves.empty() || facts.now >= turn) return std::nullopt;
    return "this device's turn in the rollout comes at " + core::print_wall_time(turn);
}

}   // namespace

AdmissionFacts admission_facts(UpdateSettings const& settings,
                               Committed const& committed,
                               core::Slot running,
                               std::string_view mac,
                               core::WallTime now,
                               bool clock_is_trusted) {
    auto const found = committed.bundles.find(running);
    auto const bundle = found == committed.bundles.end() ? std::nullopt : std::optional{found->second};
    return {.compatible = settings.compatible,
            .revision = settings.revision,
            .running = bundle,
            .installed_index = bundle && bundle->index > 0 ? bundle->index : settings.index,
            .floor = std::max(committed.floor, settings.index),
            .only_security = settings.only_security,
            .trials_per_bundle = settings.trials_per_bundle,
            .rollout_place = rollout_place(device_id(mac)),
            .now = now,
            .clock_is_trusted = clock_is_trusted};
}

Admission admit(Manifest const& manifest,
                core::Sha256 const& manifest_hash,
                Offer const& offer,
                Ledger const& ledger,
                AdmissionFacts const& facts) {
    auto const& release = manifest.release;
    if (auto why = wrong_device(manifest, offer, facts)) return {Kind::refused, *why};
    auto const bundle = installed(manifest, manifest_hash);
    if (facts.running &&
        facts.running->same_content(bundle))   // first: what runs is no error, whatever it is
        return {Kind::up_to_date,
                "the running slot already holds the content of version " + manifest.version};

    if (auto why = wrong_revision(release, facts.revision)) return {Kind::refused, *why};
    if (auto why = issued_too_late(release, facts)) return {Kind::refused, *why};
    if (auto why = below_floor(release, facts)) return {Kind::refused, *why};
    if (auto why = stone_missing(release, facts)) return {Kind::refused, *why};
    if (auto const entry =
            ledger.refusal_of(bundle, facts.now, facts.clock_is_trusted, facts.trials_per_bundle))
        return {Kind::rejected, why_rejected(*entry, manifest.version)};

    if (facts.only_security && !release.security)
        return {Kind::not_wanted,
                "version " + manifest.version + " is no security update, and only those are wanted here"};
    if (auto why = not_its_turn(release, facts)) return {Kind::wait, *why};
    return {Kind::install, ""};
}

}   // namespace ota
