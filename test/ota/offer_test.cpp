#include "ota/offer.hpp"

#include <doctest/doctest.h>

TEST_CASE("an offer is a version and an https address, whatever else is there") {
    auto const offer = ota::parse_offer(
        R"({"version": "1.2.0-rc.1", "bundle_url": "https://u.example/x.raucb", "notes": [1]})");
    REQUIRE(offer.has_value());
    CHECK(*offer == ota::Offer{"1.2.0-rc.1", "https://u.example/x.raucb"});
}

TEST_CASE("what is not an offer is refused with a sentence that says why") {
    auto const long_version =
        R"({"version": ")" + std::string(129, '1') + R"(", "bundle_url": "https://u/x"})";
    struct {
        char const* name;
        std::string text;
        char const* want;
    } const cases[] = {
        {"not JSON", "<html>", "not JSON"},
        {"cut in half", R"({"version": "1.2)", "not JSON"},
        {"not an object", R"(["1.2.0"])", "not a JSON object"},
        {"no version", R"({"bundle_url": "https://u/x"})", "no string \"version\""},
        {"a version that is a number", R"({"version": 2, "bundle_url": "https://u/x"})",
         "no string \"version\""},
        {"a version with a slash", R"({"version": "../1", "bundle_url": "https://u/x"})",
         "[A-Za-z0-9._+-]{1,128}"},
        {"an empty version", R"({"version": "", "bundle_url": "https://u/x"})", "[A-Za-z0-9._+-]{1,128}"},
        {"a version that is too long", long_version, "[A-Za-z0-9._+-]{1,128}"},
        {"no address", R"({"version": "1"})", "no string \"bundle_url\""},
        {"an http address", R"({"version": "1", "bundle_url": "http://u/x"})", "https://"},
        {"a file", R"({"version": "1", "bundle_url": "file:///etc/passwd"})", "https://"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const offer = ota::parse_offer(c.text);
        REQUIRE(!offer);
        CHECK_MESSAGE(offer.error().context.find(c.want) != std::string::npos, offer.error().context);
    }
}

TEST_CASE("the device id is the MAC address without colons, or unknown") {
    CHECK(ota::device_id("AA:bb:0C:dd:ee:ff") == "aabb0cddeeff");
    CHECK(ota::device_id("") == "unknown");
    CHECK(ota::device_id("aa:bb") == "unknown");
    CHECK(ota::device_id("zz:bb:cc:dd:ee:ff") == "unknown");
}
