#pragma once
// [meta.atomix] of the signed manifest: what the maker of a release decides about who may install it and
// when. Made by `rauc bundle` 1.9 or later; older ones drop the group. docs/bundle-format.md. Pure.

#include "core/result.hpp"
#include "core/time.hpp"
#include "ota/rollout.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace ota {

// The largest index: what every JSON reader keeps exactly.
inline constexpr std::uint64_t kLargestIndex = std::uint64_t{1} << 53;

struct Release {
    std::uint64_t index = 0;                // grows with every release; 0: none
    std::optional<core::WallTime> issued;   // when it was signed
    std::uint64_t min_index = 0;            // a stepping stone: what runs must be at least this
    bool security = false;                  // mends a security hole: never held back by waves
    std::optional<int> min_revision;        // of the board
    std::optional<int> max_revision;
    Waves waves;
    // A recovery bundle: installs below a floor of at most this, and lowers it. 0: it is none. Bounded, so
    // that raising the floor beyond it ends its use for good.
    std::uint64_t lowers_floor_from = 0;
    bool operator==(Release const&) const = default;
};

// Unknown keys are ignored: a later maker may say more. Errors: bad_input, naming group and key.
core::Result<Release> parse_release(std::map<std::string, std::string, std::less<>> const& keys);

}   // namespace ota
