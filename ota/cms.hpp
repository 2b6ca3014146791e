#pragma once
// A bundle's signature: CMS SignedData with the manifest inside it, as `rauc bundle` makes it for verity
// bundles (RAUC src/signature.c). By OpenSSL.

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ota {

// Who may sign bundles for this device.
struct SignerRules {
    std::filesystem::path keyring;   // PEM: the authorities
    // PEM: what they have revoked. With it, every authority of a signer's chain must have a list in it. A
    // list counts however old it is: it ships with the image, and a device may be switched off for years.
    std::optional<std::filesystem::path> crl;
    std::vector<std::string> names;   // common names, one of which a signer must have; empty: any
    bool operator==(SignerRules const&) const = default;
};

struct SignedContent {
    std::string text;
    core::WallTime signers_valid_until{};   // the earliest end of a signer's certificate
};

// Once every signer's chain leads to a certificate of the keyring that is valid at `judge_at`, or, if that is
// only a floor, may be valid later, and the other rules hold. Errors: bad_signature (unknown signer, expired,
// not yet valid, revoked, not among the names, altered: each in its own sentence, with OpenSSL's words),
// bad_input (not CMS), refused (detached: a plain bundle; enveloped: an encrypted one), not_found or io (the
// keyring, the list of revoked).
core::Result<SignedContent> verify_cms(std::span<std::byte const> der,
                                       SignerRules const& rules,
                                       core::WallTime judge_at,
                                       bool judge_at_is_floor = false);

}   // namespace ota
