#pragma once
// RAUC's manifest (a GKeyFile) as this device accepts it. Pure.
//
// Unknown groups and keys are errors as in RAUC (src/manifest.c, check_remaining_keys), except [meta.*] and
// [rollout]. Exactly one image of class "boot" and one of class "rootfs"; hooks, variants and handlers are
// refused.

#include "core/result.hpp"
#include "core/sha256.hpp"
#include "ota/release.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ota {

struct Image {
    std::string filename;
    core::Sha256 sha256{};
    std::uint64_t size = 0;
    bool operator==(Image const&) const = default;
};

struct Manifest {
    std::string compatible;
    std::string version;   // [A-Za-z0-9._+-]{1,128}: deploy/version
    Image boot;
    Image rootfs;
    core::Sha256 verity_hash{};   // root
    core::Sha256 verity_salt{};
    std::uint64_t verity_size = 0;   // of the tree
    Release release;                 // [meta.atomix], all defaults without it
    bool operator==(Manifest const&) const = default;
};

bool is_version(std::string_view text);   // [A-Za-z0-9._+-]{1,128}

// Errors: bad_input, naming the group and key; refused for what RAUC allows and this device does not.
core::Result<Manifest> parse_manifest(std::string_view text);

}   // namespace ota
