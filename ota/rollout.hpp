#pragma once
// In which wave of a rollout a device's turn comes. The profile is in the signed manifest, so that a mirror
// can neither hurry nor hold it: "1h:1 4h:5 1d:15 2d:40 4d:60 5d:90 6d:100" means that one hour after
// `issued` 1 % of all devices may install, four hours after it 5 %, and so on. Pure.

#include "core/result.hpp"
#include "core/time.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ota {

struct Wave {
    std::chrono::seconds after{};   // since `issued`, at most 90 days
    int per_cent = 0;               // 1 … 100 of all devices, those of the waves before included
    bool operator==(Wave const&) const = default;
};
using Waves = std::vector<Wave>;   // empty: everybody at once

// Times grow, shares do not shrink, and the last share is 100: a profile cannot leave a device out for ever.
// Errors: bad_input, the sentence that follows "waves ".
core::Result<Waves> parse_waves(std::string_view text);

// Devices are spread over as many places; always the same one for the same device.
inline constexpr unsigned kRolloutPlaces = 2048;

// From the id that the server knows the device by (ota/offer.hpp, device_id). The last place for "unknown".
unsigned rollout_place(std::string_view device_id);

// When the turn of the device at `place` comes. `issued` if there are no waves.
core::WallTime turn_of(unsigned place, Waves const& waves, core::WallTime issued) noexcept;

}   // namespace ota
