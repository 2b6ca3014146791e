#pragma once
// The time at which certificates are judged, CMS and TLS alike, on a device whose clock may say 1970 or 2036.
// Pure.

#include "core/time.hpp"

namespace ota {

struct JudgingTime {
    core::WallTime at{};
    bool is_wall_clock = false;   // otherwise the floor: it is that late, or later
    bool operator==(JudgingTime const&) const = default;
};

// `floor`: the later of the image's build time and the newest `issued` ever committed.
constexpr JudgingTime judging_time(core::WallTime wall, bool synchronised, core::WallTime floor) noexcept {
    if (synchronised && wall >= floor) return {wall, true};
    return {floor, false};
}

}   // namespace ota
