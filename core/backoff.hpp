#pragma once
// Later each time: doubling from `first` to `most`. Pure.

#include "core/time.hpp"

#include <algorithm>

namespace core {

struct Backoff {
    Duration first = std::chrono::seconds{1};
    Duration most = std::chrono::seconds{60};
    Duration forget_after = std::chrono::seconds{60};   // a run at least this long starts again at `first`

    constexpr Duration pause(unsigned failures_in_a_row) const noexcept {
        auto const doublings = std::min(failures_in_a_row == 0 ? 0u : failures_in_a_row - 1, 30u);
        auto pause = first;
        for (unsigned i = 0; i < doublings && pause < most; ++i) pause *= 2;
        return std::min(pause, most);
    }
};

}   // namespace core
