#pragma once
// Whether a signed manifest may be installed here, decided before its body is fetched. Pure.

#include "ota/ledger.hpp"
#include "ota/offer.hpp"

#include <optional>
#include <string>

namespace ota {

struct Admission {
    enum class Kind {
        install,
        up_to_date,   // the running slot has this content already
        rejected,     // in the ledger
        refused,      // not for this device, or not what was offered
    };
    Kind kind = Kind::refused;
    std::string why;   // a sentence, empty for install
    bool operator==(Admission const&) const = default;
};

struct AdmissionFacts {
    std::string compatible;             // of this device
    std::optional<Installed> running;   // what the running slot holds, if a commit recorded it
    core::WallTime now{};
};

Admission admit(Manifest const& manifest,
                core::Sha256 const& manifest_hash,
                Offer const& offer,
                Ledger const& ledger,
                AdmissionFacts const& facts);

}   // namespace ota
