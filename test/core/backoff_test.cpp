#include "core/backoff.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

TEST_CASE("a pause doubles from the first to the longest, and never overflows") {
    constexpr core::Backoff backoff{.first = 1s, .most = 60s};
    struct {
        unsigned failures;
        core::Duration want;
    } const cases[] = {
        {0, 1s}, {1, 1s}, {2, 2s}, {3, 4s}, {4, 8s}, {6, 32s}, {7, 60s}, {8, 60s}, {100, 60s}, {~0u, 60s},
    };
    for (auto const& c : cases) {
        CAPTURE(c.failures);
        CHECK(backoff.pause(c.failures) == c.want);
    }
}

TEST_CASE("a first pause above the longest is the longest") {
    constexpr core::Backoff backoff{.first = 90s, .most = 60s};
    CHECK(backoff.pause(1) == 60s);
    CHECK(backoff.pause(5) == 60s);
}

TEST_CASE("hours can be waited for without overflow") {
    constexpr core::Backoff backoff{.first = 1h, .most = 24h * 365 * 100};
    CHECK(backoff.pause(1000) <= 24h * 365 * 100);
    CHECK(backoff.pause(1000) > 0s);
}
