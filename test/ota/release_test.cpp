#include "ota/release.hpp"

#include "support/print_result.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

using Keys = std::map<std::string, std::string, std::less<>>;

}   // namespace

TEST_CASE("a bundle that says nothing about its release has no index, no conditions and no waves") {
    auto const got = ota::parse_release({});
    REQUIRE(got);
    CHECK(*got == ota::Release{});
    CHECK(got->index == 0);
    CHECK_FALSE(got->issued);
    CHECK_FALSE(got->security);
    CHECK(got->lowers_floor_from == 0);
}

TEST_CASE("everything that a release can say is understood, and what is unknown is ignored") {
    auto const got = ota::parse_release({{"index", "12"},
                                         {"issued", "2026-11-18T00:00:00Z"},
                                         {"min-index", "7"},
                                         {"security", "true"},
                                         {"min-revision", "0"},
                                         {"max-revision", "4"},
                                         {"waves", "1h:10 1d:100"},
                                         {"lowers-floor-from", "15"},
                                         {"colour", "blue"}});
    REQUIRE(got);
    ota::Release const want{.index = 12,
                            .issued = core::parse_wall_time("2026-11-18T00:00:00Z"),
                            .min_index = 7,
                            .security = true,
                            .min_revision = 0,
                            .max_revision = 4,
                            .waves = {{1h, 10}, {24h, 100}},
                            .lowers_floor_from = 15};
    CHECK(*got == want);
    CHECK(ota::parse_release({{"index", "9007199254740992"}})->index == ota::kLargestIndex);
    CHECK_FALSE(ota::parse_release({{"security", "false"}})->security);
}

TEST_CASE("a release with an invalid value is refused with its group and key") {
    struct {
        char const* name;
        Keys keys;
        char const* want;   // after "manifest: [meta.atomix] "
    } const cases[] = {
        {"index 0", {{"index", "0"}}, "index must be a decimal number from 1 to 9007199254740992"},
        {"index empty", {{"index", ""}}, "index must be a decimal number from 1 to 9007199254740992"},
        {"index negative", {{"index", "-1"}}, "index must be a decimal number from 1 to 9007199254740992"},
        {"index with a sign", {{"index", "+1"}}, "index must be a decimal number from 1 to 9007199254740992"},
        {"index with a space",
         {{"index", "1 "}},
         "index must be a decimal number from 1 to 9007199254740992"},
        {"index in hex", {{"index", "0x10"}}, "index must be a decimal number from 1 to 9007199254740992"},
        {"index broken", {{"index", "1.5"}}, "index must be a decimal number from 1 to 9007199254740992"},
        {"index too large",
         {{"index", "9007199254740993"}},
         "index must be a decimal number from 1 to 9007199254740992"},
        {"index beyond 64 bits",
         {{"index", "18446744073709551617"}},
         "index must be a decimal number from 1 to 9007199254740992"},
        {"stepping stone",
         {{"min-index", "x"}},
         "min-index must be a decimal number from 0 to 9007199254740992"},
        {"issued without zone",
         {{"issued", "2026-11-18T00:00:00"}},
         "issued must be a UTC time such as 2026-11-18T00:00:00Z"},
        {"issued on no day",
         {{"issued", "2026-02-30T00:00:00Z"}},
         "issued must be a UTC time such as 2026-11-18T00:00:00Z"},
        {"issued empty", {{"issued", ""}}, "issued must be a UTC time such as 2026-11-18T00:00:00Z"},
        {"security yes", {{"security", "yes"}}, "security must be true or false"},
        {"security empty", {{"security", ""}}, "security must be true or false"},
        {"revision", {{"min-revision", "a"}}, "min-revision must be a decimal number from 0 to 2147483647"},
        {"revision too large",
         {{"max-revision", "2147483648"}},
         "max-revision must be a decimal number from 0 to 2147483647"},
        {"revisions turned round",
         {{"min-revision", "3"}, {"max-revision", "2"}},
         "min-revision must not be above max-revision"},
        {"waves",
         {{"issued", "2026-11-18T00:00:00Z"}, {"waves", "1h:50"}},
         "waves must end with 100 per cent, or some devices would never be updated"},
        {"waves from no time", {{"waves", "1h:100"}}, "waves need issued, from which they count"},
        {"recovery to nowhere",
         {{"lowers-floor-from", "5"}},
         "lowers-floor-from needs an index to lower the floor to"},
        {"recovery upwards",
         {{"index", "6"}, {"lowers-floor-from", "5"}},
         "lowers-floor-from must not be below index"},
        {"recovery from 0",
         {{"index", "6"}, {"lowers-floor-from", "0"}},
         "lowers-floor-from must be a decimal number from 1 to 9007199254740992"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const got = ota::parse_release(c.keys);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(core::Errc::bad_input));
        CHECK(got.error().context == "manifest: [meta.atomix] " + std::string{c.want});
    }
}
