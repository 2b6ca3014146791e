#include "ota/admission.hpp"

#include "support/ota_samples.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace std::chrono_literals;
using ota::Admission;
using ota::AdmissionFacts;
using ota::Ledger;
using ota::Manifest;
using ota::Rejection;
using Kind = Admission::Kind;

namespace {

constexpr core::WallTime kNow{1'795'000'000s};   // 2026-11-18T11:06:40Z
constexpr core::Sha256 kHash{9};

// A device that runs index 5, and a bundle of index 6 for it, which is admitted as it is.
struct Given {
    Manifest manifest = test::sample_manifest("1.2.0", 5);
    ota::Release& release = manifest.release;
    ota::Offer offer{"1.2.0", "https://u/x"};
    Ledger ledger;
    AdmissionFacts facts{.compatible = "atomix-sim",
                         .revision = 3,
                         .running = test::sample_bundle("1.1.0", 7),
                         .installed_index = 5,
                         .floor = 5,
                         .rollout_place = 2047,
                         .now = kNow,
                         .clock_is_trusted = true};
    Given() {
        release.index = 6;
        release.issued = kNow - 1h;
    }

    ota::Installed bundle() const { return installed(manifest, kHash); }
    void reject(Rejection why, core::WallTime at = kNow, bool is_dated = true) {
        ledger.add({.bundle = bundle(), .why = why, .reason = "dns: silent", .at = at, .is_dated = is_dated});
    }
    Admission admission() const { return admit(manifest, kHash, offer, ledger, facts); }
};

// The bundle with which a fleet is freed of a floor that was raised by mistake.
void make_recovery(Given& given, std::uint64_t index, std::uint64_t from) {
    given.release.index = index;
    given.release.lowers_floor_from = from;
}

void check_each(
    std::initializer_list<std::tuple<char const*, std::function<void(Given&)>, Kind, char const*>> cases) {
    for (auto const& [name, change, kind, why] : cases) {
        CAPTURE(name);
        Given given;
        change(given);
        auto const got = given.admission();
        CHECK(got.kind == kind);
        CHECK(got.why == why);
    }
}

}   // namespace

TEST_CASE("a bundle for this device that is newer than what runs is installed") {
    CHECK(Given{}.admission() == Admission{Kind::install, ""});
}

TEST_CASE("a bundle for another device, or another than was offered, is refused") {
    check_each({
        {"other device", [](Given& g) { g.facts.compatible = "rock64"; }, Kind::refused,
         "the bundle is for \"atomix-sim\", this device is \"rock64\""},
        {"other version", [](Given& g) { g.offer.version = "1.3.0"; }, Kind::refused,
         "the server offers version 1.3.0 but the signed manifest says 1.2.0"},
        {"board too old", [](Given& g) { g.release.min_revision = 4; }, Kind::refused,
         "the bundle is for board revisions from 4, this board's is 3"},
        {"board too new", [](Given& g) { g.release.max_revision = 2; }, Kind::refused,
         "the bundle is for board revisions up to 2, this board's is 3"},
        {"board within", [](Given& g) { g.release.min_revision = g.release.max_revision = 3; }, Kind::install,
         ""},
        {"board not known",
         [](Given& g) {
             g.release.min_revision = 0;
             g.release.max_revision = 9;
             g.facts.revision = std::nullopt;
         },
         Kind::refused, "the bundle is for board revisions from 0 up to 9, this board's is not known"},
        {"board not known, and any will do", [](Given& g) { g.facts.revision = std::nullopt; }, Kind::install,
         ""},
    });
}

TEST_CASE("a bundle below the floor is refused, unless it is a recovery bundle for that floor") {
    check_each({
        {"at the floor", [](Given& g) { g.release.index = 5; }, Kind::install, ""},
        {"below", [](Given& g) { g.release.index = 3; }, Kind::refused,
         "the bundle's index 3 is below this device's floor of 5"},
        {"no index", [](Given& g) { g.release.index = 0; }, Kind::refused,
         "the bundle has no index and could be older than this device's floor of 5"},
        {"no index and no floor",
         [](Given& g) {
             g.release.index = 0;
             g.facts.floor = 0;
         },
         Kind::install, ""},
        {"recovery from this floor", [](Given& g) { make_recovery(g, 3, 5); }, Kind::install, ""},
        {"recovery from a higher floor too", [](Given& g) { make_recovery(g, 3, 9); }, Kind::install, ""},
        {"recovery of long ago, replayed", [](Given& g) { make_recovery(g, 3, 4); }, Kind::refused,
         "the bundle's index 3 is below this device's floor of 5"},
        {"recovery that is newer anyhow", [](Given& g) { make_recovery(g, 6, 6); }, Kind::install, ""},
        {"what runs already, whatever the floor says",
         [](Given& g) {
             g.release.index = 3;
             g.facts.running = g.bundle();
         },
         Kind::up_to_date, "the running slot already holds the content of version 1.2.0"},
    });
}

TEST_CASE("a stepping stone must run before what needs it is installed") {
    check_each({
        {"runs", [](Given& g) { g.release.min_index = 5; }, Kind::install, ""},
        {"missing", [](Given& g) { g.release.min_index = 6; }, Kind::refused,
         "the bundle installs only over index 6 or later, this device runs index 5"},
        {"nothing known of what runs",
         [](Given& g) {
             g.release.min_index = 1;
             g.facts.installed_index = 0;
         },
         Kind::refused,
         "the bundle installs only over index 1 or later, this device runs a version without an index"},
    });
}

TEST_CASE("a bundle of the future is refused on a clock that can be trusted") {
    check_each({
        {"a day ahead", [](Given& g) { g.release.issued = kNow + 24h; }, Kind::install, ""},
        {"more than a day ahead", [](Given& g) { g.release.issued = kNow + 24h + 1s; }, Kind::refused,
         "the bundle says it was issued at 2026-11-19T11:06:41Z, more than 24 h after this device's time "
         "2026-11-18T11:06:40Z"},
        {"on a clock that says 1970",
         [](Given& g) {
             g.facts.now = core::WallTime{60s};
             g.facts.clock_is_trusted = false;
         },
         Kind::install, ""},
        {"not said", [](Given& g) { g.release.issued = std::nullopt; }, Kind::install, ""},
    });
}

TEST_CASE("the content that runs is not installed again, whatever its name") {
    Given given;
    given.facts.running = given.bundle();
    given.facts.running->version = "1.1.0";
    given.facts.running->manifest_hash = {1};
    CHECK(given.admission().kind == Kind::up_to_date);
}

TEST_CASE("what was rejected before is not installed, and the reason is told") {
    check_each({
        {"by a trial", [](Given& g) { g.reject(Rejection::verdict); }, Kind::rejected,
         "version 1.2.0 was rejected on 2026-11-18T11:06:40Z: dns: silent"},
        {"by a trial, long ago", [](Given& g) { g.reject(Rejection::verdict, kNow - 10'000h); },
         Kind::rejected, "version 1.2.0 was rejected on 2025-09-27T19:06:40Z: dns: silent"},
        {"attempts used up 23 h ago", [](Given& g) { g.reject(Rejection::attempts, kNow - 23h); },
         Kind::rejected, "version 1.2.0 was rejected on 2026-11-17T12:06:40Z: dns: silent"},
        {"attempts used up a day ago", [](Given& g) { g.reject(Rejection::attempts, kNow - 24h); },
         Kind::install, ""},
        {"attempts used up a day ago, by a clock that cannot be trusted",
         [](Given& g) {
             g.reject(Rejection::attempts, kNow - 24h);
             g.facts.clock_is_trusted = false;
         },
         Kind::rejected, "version 1.2.0 was rejected on 2026-11-17T11:06:40Z: dns: silent"},
        {"attempts used up in 1970",
         [](Given& g) { g.reject(Rejection::attempts, core::WallTime{60s}, false); }, Kind::rejected,
         "version 1.2.0 was rejected: dns: silent"},
    });
}

TEST_CASE("an operator who wants security updates only gets no others") {
    check_each({
        {"security", [](Given& g) { g.facts.only_security = g.release.security = true; }, Kind::install, ""},
        {"another", [](Given& g) { g.facts.only_security = true; }, Kind::not_wanted,
         "version 1.2.0 is no security update, and only those are wanted here"},
        {"security for one who wants all", [](Given& g) { g.release.security = true; }, Kind::install, ""},
    });
}

TEST_CASE("a device waits for its turn in the rollout, but not for ever and not for a broken clock") {
    auto const in_waves = [](Given& g) { g.release.waves = {{30min, 10}, {48h, 100}}; };
    check_each({
        {"in the last wave", in_waves, Kind::wait,
         "this device's turn in the rollout comes at 2026-11-20T10:06:40Z"},
        {"in the first wave",
         [&](Given& g) {
             in_waves(g);
             g.facts.rollout_place = 0;
         },
         Kind::install, ""},
        {"when its turn has come",
         [&](Given& g) {
             in_waves(g);
             g.release.issued = kNow - 48h;
         },
         Kind::install, ""},
        {"security updates do not wait",
         [&](Given& g) {
             in_waves(g);
             g.release.security = true;
         },
         Kind::install, ""},
        {"on a clock that cannot be trusted",
         [&](Given& g) {
             in_waves(g);
             g.facts.clock_is_trusted = false;
         },
         Kind::install, ""},
        {"from no time",
         [&](Given& g) {
             in_waves(g);
             g.release.issued = std::nullopt;
         },
         Kind::install, ""},
        {"for everybody at once, signed by a clock that is ahead",
         [](Given& g) { g.release.issued = kNow + 1h; }, Kind::install, ""},
    });
}

TEST_CASE("over 50 hourly polls of the same bad images, signed anew each time, few installs happen") {
    auto const installs_over_polls = [](Rejection why) {
        Given given;
        int installs = 0;
        for (std::uint8_t poll = 0; poll < 50; ++poll) {
            given.facts.now = kNow + poll * 1h;
            given.manifest.version = given.offer.version = "1.2." + std::to_string(poll);
            given.release.index = 6u + poll;
            core::Sha256 const hash{poll, 1};
            if (admit(given.manifest, hash, given.offer, given.ledger, given.facts).kind != Kind::install)
                continue;
            ++installs;
            given.ledger.add({.bundle = installed(given.manifest, hash),
                              .why = why,
                              .reason = "dns: silent",
                              .at = given.facts.now});
        }
        return installs;
    };
    CHECK(installs_over_polls(Rejection::verdict) == 1);
    CHECK(installs_over_polls(Rejection::attempts) == 2);   // the second after 24 h, and no third
}

TEST_CASE("what is known of the device comes from its commits, its image and the operator") {
    ota::UpdateSettings const settings{
        .compatible = "atomix-sim", .index = 4, .revision = 2, .only_security = true};
    auto const facts_with = [&](ota::Committed const& committed, bool trusted = true) {
        return admission_facts(settings, committed, core::Slot::a, "02:00:00:00:00:0A", kNow, trusted);
    };
    auto const factory = facts_with({});
    CHECK(factory.compatible == "atomix-sim");
    CHECK(factory.revision == 2);
    CHECK_FALSE(factory.running);
    CHECK(factory.installed_index == 4);   // the image's own
    CHECK(factory.floor == 4);
    CHECK(factory.only_security);
    CHECK(factory.rollout_place == ota::rollout_place("02000000000a"));
    CHECK(factory.now == kNow);
    CHECK(factory.clock_is_trusted);
    CHECK_FALSE(facts_with({}, false).clock_is_trusted);

    auto running = test::sample_bundle("1.1.0", 7);
    running.index = 6;
    auto const updated =
        facts_with({.last = core::Slot::a, .bundles = {{core::Slot::a, running}}, .floor = 8});
    CHECK(updated.running == running);
    CHECK(updated.installed_index == 6);
    CHECK(updated.floor == 8);

    running.index = 0;   // committed before there were indexes
    auto const old = facts_with({.last = core::Slot::a, .bundles = {{core::Slot::a, running}}, .floor = 2});
    CHECK(old.installed_index == 4);
    CHECK(old.floor == 4);
    CHECK_FALSE(facts_with({.last = core::Slot::b, .bundles = {{core::Slot::b, running}}}).running);
}
