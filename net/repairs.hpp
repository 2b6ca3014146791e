#pragma once
// How soon to put right what another program changed: at once, then later each time while it keeps at it.
// Pure.

#include "core/backoff.hpp"

namespace net {

class Repairs {
public:
    // What the other one wants may be in force for that long: seconds, not more.
    Repairs() = default;
    explicit Repairs(core::Backoff backoff) : backoff_{backoff} {}

    // The change was noticed `now`; zero for the first in a while.
    core::Duration pause(core::TimePoint now) {
        if (now - last_ >= backoff_.forget_after) in_a_row_ = 0;
        auto const pause = in_a_row_ == 0 ? core::Duration{} : backoff_.pause(in_a_row_);
        ++in_a_row_;
        last_ = now + pause;
        return pause;
    }

private:
    core::Backoff backoff_{.most = std::chrono::seconds{5}};
    unsigned in_a_row_ = 0;
    core::TimePoint last_{};
};

}   // namespace net
