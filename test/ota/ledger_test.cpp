#include "ota/ledger.hpp"

#include "support/ota_samples.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using ota::Ledger;
using ota::Rejection;
using test::sample_bundle;

namespace {

constexpr core::WallTime kNow{1'795'000'000s};

Ledger with(ota::Installed bundle, Rejection why, int times = 1) {
    Ledger ledger;
    for (int i = 0; i < times; ++i)
        ledger.add({.bundle = bundle, .why = why, .reason = "dns: silent", .at = kNow});
    return ledger;
}

}   // namespace

TEST_CASE("a bundle that a trial rejected is never installed again, under whatever manifest or version") {
    auto const rejected = sample_bundle("1.2.0", 1);
    auto const ledger = with(rejected, Rejection::verdict);
    CHECK(ledger.refusal_of(rejected, kNow + 10000h, true));

    auto same_manifest = sample_bundle("1.2.0", 2);
    same_manifest.manifest_hash = rejected.manifest_hash;
    CHECK(ledger.refusal_of(same_manifest, kNow, true));

    auto signed_anew = sample_bundle("1.2.1", 2);
    signed_anew.boot = rejected.boot;
    signed_anew.rootfs = rejected.rootfs;
    CHECK(ledger.refusal_of(signed_anew, kNow, true));

    CHECK(!ledger.refusal_of(sample_bundle("1.2.0", 3), kNow, true));
}

TEST_CASE("a bundle whose attempts were used up gets one more try after a day") {
    auto const bundle = sample_bundle("1.2.0", 1);
    auto const once = with(bundle, Rejection::attempts);
    CHECK(once.refusal_of(bundle, kNow + 23h, true));
    CHECK(!once.refusal_of(bundle, kNow + 24h, true));
    CHECK(with(bundle, Rejection::attempts, 2).refusal_of(bundle, kNow + 2400h, true));
}

TEST_CASE("that more bad verdicts are allowed changes nothing about used-up attempts") {
    auto const bundle = sample_bundle("1.2.0", 1);
    constexpr int kTrials = 3;
    auto const once = with(bundle, Rejection::attempts);
    CHECK(once.refusal_of(bundle, kNow + 23h, true, kTrials));
    CHECK(!once.refusal_of(bundle, kNow + 24h, true, kTrials));
    CHECK(!with(bundle, Rejection::verdict, 2).refusal_of(bundle, kNow, true, kTrials));
    CHECK(with(bundle, Rejection::verdict, 3).refusal_of(bundle, kNow, true, kTrials));
}

TEST_CASE("the day before the second try does not pass while the clock cannot be trusted") {
    auto const bundle = sample_bundle("1.2.0", 1);
    CHECK(with(bundle, Rejection::attempts).refusal_of(bundle, kNow + 2400h, false));

    Ledger after_boot;   // the clock says 1970, and jumps to now when chrony has found a server
    after_boot.add({.bundle = bundle,
                    .why = Rejection::attempts,
                    .reason = "used up",
                    .at = core::WallTime{60s},
                    .is_dated = false});
    CHECK(after_boot.refusal_of(bundle, kNow, true));
    CHECK(after_boot.date(kNow));
    CHECK_FALSE(after_boot.date(kNow + 1h));   // once
    CHECK(after_boot.refusal_of(bundle, kNow + 23h, true));
    CHECK(!after_boot.refusal_of(bundle, kNow + 24h, true));
}

TEST_CASE("the ledger survives its file, and keeps the 32 newest entries of a kind") {
    Ledger ledger;
    for (int i = 0; i < 40; ++i)
        ledger.add({.bundle = sample_bundle("1." + std::to_string(i), static_cast<std::uint8_t>(i + 1)),
                    .why = Rejection::verdict,
                    .reason = "reason " + std::to_string(i),
                    .at = kNow,
                    .is_dated = i % 2 == 0});
    CHECK(ledger.entries().size() == 32);
    CHECK(ledger.entries().front().bundle.version == "1.8");
    CHECK(ledger.entries().back().bundle.version == "1.39");
    CHECK(ota::ledger_from_json(to_json(ledger)).entries() == ledger.entries());
}

TEST_CASE("a ledger of an older version, which knows nothing of dates, is read") {
    auto json = to_json(with(sample_bundle("1.2.0", 1), Rejection::attempts));
    json["rejected"].as_array()[0].as_object().erase("dated");
    REQUIRE(ota::ledger_from_json(json).entries().size() == 1);
    CHECK(ota::ledger_from_json(json).entries()[0].is_dated);
}

TEST_CASE("33 bundles that used up their attempts do not make the ledger forget one that a trial rejected") {
    auto const bad = sample_bundle("1.0", 200);
    auto ledger = with(bad, Rejection::verdict);
    for (std::uint8_t i = 1; i <= 33; ++i)
        ledger.add(
            {.bundle = sample_bundle("2", i), .why = Rejection::attempts, .reason = "used up", .at = kNow});
    CHECK(ledger.entries().size() == 32);
    CHECK(ledger.refusal_of(bad, kNow, true));
    CHECK(!ledger.refusal_of(sample_bundle("2", 2), kNow, true));   // the oldest of those had to go
}

TEST_CASE("what was rejected just now stays in a ledger full of verdicts") {
    Ledger ledger;
    for (std::uint8_t i = 1; i <= 32; ++i)
        ledger.add(
            {.bundle = sample_bundle("1", i), .why = Rejection::verdict, .reason = "silent", .at = kNow});
    auto const newest = sample_bundle("2", 100);
    ledger.add({.bundle = newest, .why = Rejection::attempts, .reason = "used up", .at = kNow});
    CHECK(ledger.entries().size() == 32);
    CHECK(ledger.refusal_of(newest, kNow, true));
}

TEST_CASE("as many bad verdicts as the image allows make a content rejected") {
    auto const bundle = sample_bundle("1.1.0", 1);
    auto const once = with(bundle, Rejection::verdict, 1);
    CHECK(once.refusal_of(bundle, kNow, true));
    CHECK(!once.refusal_of(bundle, kNow, true, 2));
    CHECK(with(bundle, Rejection::verdict, 2).refusal_of(bundle, kNow, true, 2));
    CHECK(with(bundle, Rejection::verdict, 3).refusal_of(bundle, kNow, true, 2));
}
