#include "ota/rollout.hpp"

#include "support/print_result.hpp"

#include <doctest/doctest.h>

#include <cstdio>

using namespace std::chrono_literals;

namespace {

constexpr core::WallTime kIssued{1'795'000'000s};
constexpr auto kBottlerocket = "1h:1 4h:5 1d:15 2d:40 4d:60 5d:90 6d:100";

std::string mac_id(int number) {
    char id[13];
    std::snprintf(id, sizeof id, "0200%08x", static_cast<unsigned>(number));
    return id;
}

}   // namespace

TEST_CASE("a profile of waves is read as it is written") {
    auto const waves = ota::parse_waves(kBottlerocket);
    REQUIRE(waves);
    CHECK(*waves == ota::Waves{{1h, 1}, {4h, 5}, {24h, 15}, {48h, 40}, {96h, 60}, {120h, 90}, {144h, 100}});
    CHECK(*ota::parse_waves("  30min:50   90d:100 ") == ota::Waves{{30min, 50}, {2160h, 100}});
    CHECK(*ota::parse_waves("0h:100") == ota::Waves{{0s, 100}});
}

TEST_CASE("a profile that leaves devices out, goes back or is no profile is refused") {
    struct {
        char const* name;
        std::string text;
        char const* says;
    } const cases[] = {
        {"empty", "", "must end with 100 per cent"},
        {"blank", "   ", "must end with 100 per cent"},
        {"not for all", "1h:1 6d:99", "must end with 100 per cent"},
        {"times go back", "2h:1 1h:100", "growing times"},
        {"the same time twice", "1h:1 1h:100", "growing times"},
        {"shares shrink", "1h:20 2h:10 3h:100", "shares that do not shrink"},
        {"no share", "1h", "must be waves such as"},
        {"no unit", "1:100", "must be waves such as"},
        {"another unit", "1w:100", "must be waves such as"},
        {"no number", "h:100", "must be waves such as"},
        {"negative", "-1h:100", "must be waves such as"},
        {"share 0", "1h:0 2h:100", "must be waves such as"},
        {"share 101", "1h:101", "must be waves such as"},
        {"after 91 days", "91d:100", "must be waves such as"},
        {"beyond every integer", "99999999999999999999d:100", "must be waves such as"},
        {"a comma", "1h:1,2h:100", "must be waves such as"},
        {"33 waves",
         [] {
             std::string text;
             for (int i = 1; i <= 33; ++i) text += std::to_string(i) + "h:100 ";
             return text;
         }(),
         "at most 32"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const got = ota::parse_waves(c.text);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(core::Errc::bad_input));
        CHECK_MESSAGE(got.error().context.find(c.says) != std::string::npos, got.error().text());
    }
}

TEST_CASE("a device's turn comes with the first wave that reaches its place") {
    auto const waves = *ota::parse_waves(kBottlerocket);
    CHECK(ota::turn_of(0, waves, kIssued) == kIssued + 1h);
    CHECK(ota::turn_of(20, waves, kIssued) == kIssued + 1h);   // 1 % of 2048 places: 0 … 20
    CHECK(ota::turn_of(21, waves, kIssued) == kIssued + 4h);
    CHECK(ota::turn_of(102, waves, kIssued) == kIssued + 4h);   // 5 %: 0 … 102
    CHECK(ota::turn_of(103, waves, kIssued) == kIssued + 24h);
    CHECK(ota::turn_of(2047, waves, kIssued) == kIssued + 144h);
    ota::Waves const quarter{{1h, 25}, {2h, 100}};
    CHECK(ota::turn_of(511, quarter, kIssued) == kIssued + 1h);
    CHECK(ota::turn_of(512, quarter, kIssued) == kIssued + 2h);
    CHECK(ota::turn_of(2047, {}, kIssued) == kIssued);
}

TEST_CASE("devices keep their place and are spread evenly over all places") {
    CHECK(ota::rollout_place("02000000000a") == ota::rollout_place("02000000000a"));
    CHECK(ota::rollout_place("unknown") == ota::kRolloutPlaces - 1);
    int per_tenth[10] = {};
    for (int i = 0; i < 10'000; ++i) {
        auto const place = ota::rollout_place(mac_id(i));   // of one batch: they differ in the last digits
        REQUIRE(place < ota::kRolloutPlaces);
        ++per_tenth[place * 10 / ota::kRolloutPlaces];
    }
    for (auto const count : per_tenth) {
        CHECK(count > 850);
        CHECK(count < 1150);
    }
}
