#pragma once
// Which bundle a slot holds, as the books under <data>/state name it.

#include "core/json.hpp"
#include "ota/manifest.hpp"

#include <optional>
#include <string>

namespace ota {

// Why a bundle is not installed again: for good, or for a day (ota/ledger.hpp).
enum class Rejection { verdict, attempts };
char const* name(Rejection why) noexcept;
Rejection rejection_in(core::json::object const& object);   // "why"; verdict if it says nothing

struct Installed {
    std::string version;
    core::Sha256 manifest_hash{};
    core::Sha256 boot{};   // digest of the image
    core::Sha256 rootfs{};
    std::string issued;                    // of its Release, as text; empty: not said
    std::uint64_t index = 0;               // of its Release; 0: none
    std::uint64_t lowers_floor_from = 0;   // of its Release: a recovery bundle; 0: it is none

    // Made of the same images or of the same signed manifest; the version does not matter.
    bool same_content(Installed const& other) const noexcept {
        return manifest_hash == other.manifest_hash || (boot == other.boot && rootfs == other.rootfs);
    }
    bool operator==(Installed const&) const = default;
};

Installed installed(Manifest const& manifest, core::Sha256 const& manifest_hash);

core::json::object to_json(Installed const& bundle);
// Nothing if a part is missing or not what it should be.
std::optional<Installed> installed_from_json(core::json::object const& object);

// An index in a state file. 0, as if absent, for anything that is none: negative, too large, no number.
std::uint64_t index_in(core::json::object const& object, std::string_view key);

}   // namespace ota
