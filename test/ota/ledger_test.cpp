#include "ota/ledger.hpp"

#include "ota/admission.hpp"
#include "support/ota_samples.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using ota::Admission;
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
    CHECK(ledger.refusal_of(rejected, kNow + 10000h));

    auto same_manifest = sample_bundle("1.2.0", 2);
    same_manifest.manifest_hash = rejected.manifest_hash;
    CHECK(ledger.refusal_of(same_manifest, kNow));

    auto signed_anew = sample_bundle("1.2.1", 2);
    signed_anew.boot = rejected.boot;
    signed_anew.rootfs = rejected.rootfs;
    CHECK(ledger.refusal_of(signed_anew, kNow));

    CHECK(!ledger.refusal_of(sample_bundle("1.2.0", 3), kNow));
}

TEST_CASE("a bundle whose attempts were used up gets one more try after a day") {
    auto const bundle = sample_bundle("1.2.0", 1);
    auto const once = with(bundle, Rejection::attempts);
    CHECK(once.refusal_of(bundle, kNow + 23h));
    CHECK(!once.refusal_of(bundle, kNow + 24h));
    CHECK(with(bundle, Rejection::attempts, 2).refusal_of(bundle, kNow + 2400h));
}

TEST_CASE("the ledger survives its file, and keeps the 32 newest entries") {
    Ledger ledger;
    for (int i = 0; i < 40; ++i)
        ledger.add({.bundle = sample_bundle("1." + std::to_string(i), static_cast<std::uint8_t>(i + 1)),
                    .why = i % 2 ? Rejection::attempts : Rejection::verdict,
                    .reason = "reason " + std::to_string(i),
                    .at = kNow});
    CHECK(ledger.entries().size() == 32);
    CHECK(ledger.entries().back().bundle.version == "1.39");
    CHECK(ota::ledger_from_json(to_json(ledger)).entries() == ledger.entries());
}

TEST_CASE("a signed manifest is admitted, known already, rejected before, or refused with the reason") {
    auto const manifest = test::sample_manifest("1.2.0", 5);
    core::Sha256 const hash{9};
    auto const bundle = installed(manifest, hash);
    ota::Offer const offer{"1.2.0", "https://u/x"};
    ota::AdmissionFacts const facts{
        .compatible = "atomix-sim", .running = sample_bundle("1.1.0", 7), .now = kNow};
    using Kind = Admission::Kind;

    CHECK(admit(manifest, hash, offer, {}, facts) == Admission{Kind::install, ""});

    auto const other_device = admit(manifest, hash, offer, {}, {.compatible = "rock64"});
    CHECK(other_device.kind == Kind::refused);
    CHECK(other_device.why == "the bundle is for \"atomix-sim\", this device is \"rock64\"");

    auto const other_version = admit(manifest, hash, {"1.3.0", "https://u/x"}, {}, facts);
    CHECK(other_version.kind == Kind::refused);
    CHECK(other_version.why == "the server offers version 1.3.0 but the signed manifest says 1.2.0");

    auto running = facts;
    running.running = bundle;
    running.running->version = "1.1.0";   // the same content under another name
    CHECK(admit(manifest, hash, offer, {}, running).kind == Kind::up_to_date);

    auto const rejected = admit(manifest, hash, offer, with(bundle, Rejection::verdict), facts);
    CHECK(rejected.kind == Kind::rejected);
    CHECK(rejected.why == "version 1.2.0 was rejected on 2026-11-18T11:06:40Z: dns: silent");
}
