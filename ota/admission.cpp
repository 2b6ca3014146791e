#include "ota/admission.hpp"

namespace ota {

Admission admit(Manifest const& manifest,
                core::Sha256 const& manifest_hash,
                Offer const& offer,
                Ledger const& ledger,
                AdmissionFacts const& facts) {
    using Kind = Admission::Kind;
    if (manifest.compatible != facts.compatible)
        return {Kind::refused, "the bundle is for \"" + manifest.compatible + "\", this device is \"" +
                                   facts.compatible + "\""};
    if (manifest.version != offer.version)
        return {Kind::refused, "the server offers version " + offer.version +
                                   " but the signed manifest says " + manifest.version};
    auto const bundle = installed(manifest, manifest_hash);
    if (facts.running && facts.running->same_content(bundle))
        return {Kind::up_to_date,
                "the running slot already holds the content of version " + manifest.version};
    if (auto const entry = ledger.refusal_of(bundle, facts.now))
        return {Kind::rejected, "version " + manifest.version + " was rejected on " +
                                    core::print_wall_time(entry->at) + ": " + entry->reason};
    return {Kind::install, ""};
}

}   // namespace ota
