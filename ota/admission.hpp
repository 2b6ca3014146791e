#pragma once
// Whether a signed manifest may be installed here, decided before its body is fetched. Pure.

#include "ota/history.hpp"
#include "ota/judging_time.hpp"
#include "ota/ledger.hpp"
#include "ota/offer.hpp"
#include "ota/update_settings.hpp"

#include <optional>
#include <string>

namespace ota {

struct Admission {
    enum class Kind {
        install,
        up_to_date,   // the running slot has this content already
        rejected,     // in the ledger
        refused,      // not for this device, or not what was offered: an error to be shown
        not_wanted,   // the operator wants security updates only, and this is none
        wait,         // for its turn in the rollout: `why` says until when; ask again later
    };
    Kind kind = Kind::refused;
    std::string why;   // a sentence, empty for install
    bool operator==(Admission const&) const = default;
};

struct AdmissionFacts {
    std::string compatible;              // of this device
    std::optional<int> revision;         // of its board, if known
    std::optional<Installed> running;    // what the running slot holds, if a commit recorded it
    std::uint64_t installed_index = 0;   // of what runs; 0: it has none
    std::uint64_t floor = 0;             // no lower index is installed; 0: there is none
    bool only_security = false;          // the operator's wish
    int trials_per_bundle = 1;           // the image's
    unsigned rollout_place = 0;          // ota/rollout.hpp
    core::WallTime now{};
    bool clock_is_trusted = false;   // otherwise nothing waits for a time, and no time limit ends
};

// The running image's own index counts wherever nothing was committed yet, or /data was lost.
// `mac` of the WAN link, from which the server's name for the device is made.
AdmissionFacts admission_facts(UpdateSettings const& settings,
                               Committed const& committed,
                               core::Slot running,
                               std::string_view mac,
                               core::WallTime now,
                               bool clock_is_trusted);

Admission admit(Manifest const& manifest,
                core::Sha256 const& manifest_hash,
                Offer const& offer,
                Ledger const& ledger,
                AdmissionFacts const& facts);

}   // namespace ota
