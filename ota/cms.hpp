#pragma once
// A bundle's signature: CMS SignedData with the manifest inside it, as `rauc bundle` makes it for verity
// bundles (RAUC src/signature.c). By OpenSSL.

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace ota {

// The signed content, once every signer's chain leads to a certificate of `keyring` (PEM) that is valid at
// `judge_at`. Errors: bad_signature (unknown signer, expired, not yet valid, altered: each in its own
// sentence, with OpenSSL's words), bad_input (not CMS), refused (detached: a plain bundle; enveloped: an
// encrypted one), not_found or io (the keyring).
core::Result<std::string>
verify_cms(std::span<std::byte const> der, std::filesystem::path const& keyring, core::WallTime judge_at);

}   // namespace ota
