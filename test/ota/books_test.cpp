#include "ota/books.hpp"

#include "core/files.hpp"
#include "ota/running_version.hpp"
#include "support/ota_samples.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using core::Phase;
using core::Slot;

TEST_CASE("everything the books hold survives a restart") {
    test::TemporaryDirectory data;
    auto const record = test::sample_record(Phase::trial, "boot-1");
    ota::Committed const committed{.last = Slot::b, .bundles = {{Slot::b, test::sample_bundle("1.1.0", 1)}}};
    ota::History history;
    history.add({.committed = true,
                 .slot = Slot::b,
                 .version = "1.1.0",
                 .reason = "held",
                 .at = "now",
                 .boot_id = "1"});
    {
        ota::Books books{data.path()};
        CHECK(!books.update());
        REQUIRE(books.set(record).has_value());
        REQUIRE(books.set(committed).has_value());
        REQUIRE(books.set(history).has_value());
    }
    ota::Books const books{data.path()};
    CHECK(books.problems().empty());
    CHECK(books.update() == record);
    CHECK(books.committed() == committed);
    CHECK(books.history() == history);
}

TEST_CASE("any state file cut anywhere is set aside and reported, and the others are still read") {
    for (auto const* name : {"update.json", "ledger.json", "history.json", "committed.json"}) {
        CAPTURE(name);
        test::TemporaryDirectory data;
        {
            ota::Books books{data.path()};
            REQUIRE(books.set(test::sample_record(Phase::trial, "boot-1")).has_value());
            REQUIRE(books.set(ota::Ledger{}).has_value());
            REQUIRE(books.set(ota::History{.outcomes = {{.committed = true, .version = "1"}}}).has_value());
            REQUIRE(books.set(ota::Committed{.last = Slot::b}).has_value());
        }
        auto const whole = core::read_file(data / name, 65536);
        REQUIRE(whole.has_value());
        for (auto const length : {std::size_t{0}, std::size_t{1}, whole->size() / 2, whole->size() - 3}) {
            REQUIRE(core::replace_file(data / name, whole->substr(0, length)).has_value());
            ota::Books const books{data.path()};
            REQUIRE(books.problems().size() == 1);
            CHECK(books.problems()[0].find(name) != std::string::npos);
            CHECK(std::filesystem::exists(data / (std::string{name} + ".broken")));
        }
    }
}

TEST_CASE("a record that is JSON but not a record is reported, not guessed at") {
    test::TemporaryDirectory data;
    struct {
        char const* name;
        char const* text;
        char const* want;
    } const cases[] = {
        {"unknown phase", R"({"schema": 1, "phase": "asleep", "target": "B"})", "phase"},
        {"unknown slot", R"({"schema": 1, "phase": "trial", "target": "C"})", "target"},
        {"no bundle", R"({"schema": 1, "phase": "trial", "target": "B"})", "bundle"},
        {"a digest that is none",
         R"({"schema": 1, "phase": "trial", "target": "B", "bundle": {"version": "1", "manifest_hash": "x"}})",
         "bundle"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        REQUIRE(core::replace_file(data / "update.json", c.text).has_value());
        ota::Books const books{data.path()};
        CHECK(!books.update());
        REQUIRE(books.problems().size() == 1);
        CHECK(books.problems()[0].find(c.want) != std::string::npos);
    }
}

TEST_CASE("the same end of the same update is one outcome, and the twenty newest are kept") {
    ota::History history;
    for (int i = 0; i < 30; ++i)
        for (int again = 0; again < 2; ++again)
            history.add(
                {.committed = i % 2 == 0, .version = std::to_string(i), .boot_id = std::to_string(i)});
    CHECK(history.outcomes.size() == 20);
    CHECK(history.last_commit()->version == "28");
    CHECK(history.last_rollback()->version == "29");
}

TEST_CASE("an outcome of an older version has no trial, and what no trial has is none") {
    test::TemporaryDirectory data;
    auto const file = data / "state" / "history.json";
    REQUIRE(core::replace_file(file, R"({"schema": 1, "outcomes": [
        {"outcome": "committed", "slot": "B", "version": "1.1.0", "at": "", "boot_id": "b"},
        {"outcome": "rolled_back", "slot": "A", "version": "1.2.0", "trial_s": -5, "boots": 1e300,
         "unexpected_reboots": "two"}]})")
                .has_value());
    ota::Books books{data / "state"};
    CHECK(books.problems().empty());
    REQUIRE(books.history().outcomes.size() == 2);
    CHECK(books.history().last_commit()->version == "1.1.0");
    for (auto const& outcome : books.history().outcomes) CHECK(outcome.trial == ota::OutcomeTrial{});
}

TEST_CASE("the running version is the manifest's once an update wrote the slot, os-release's before") {
    test::TemporaryDirectory data;
    auto const os_release = data / "os-release";
    REQUIRE(core::replace_file(os_release, "NAME=AtomixOS\nVERSION_ID=\"1.0.0\"\n").has_value());
    ota::Books books{data / "state"};
    CHECK(running_version(books, Slot::a, os_release) == "1.0.0");
    CHECK(running_version(books, Slot::a, data / "nowhere") == "unknown");

    REQUIRE(books.set(test::sample_record(Phase::trial, "boot-2")).has_value());
    CHECK(running_version(books, Slot::b, os_release) == "1.1.0");
    CHECK(running_version(books, Slot::a, os_release) == "1.0.0");

    REQUIRE(books.set(test::sample_record(Phase::idle, "boot-2")).has_value());
    REQUIRE(
        books.set(ota::Committed{.last = Slot::a, .bundles = {{Slot::a, test::sample_bundle("0.9.0", 2)}}})
            .has_value());
    CHECK(running_version(books, Slot::a, os_release) == "0.9.0");
}

TEST_CASE("a version in os-release is taken with or without quotes, and only if it is one") {
    CHECK(ota::version_id("VERSION_ID=12\n") == "12");
    CHECK(ota::version_id("VERSION_ID=1.2.3+4.gabcdef012.dirty\n") ==
          "1.2.3+4.gabcdef012.dirty");   // deploy/version
    CHECK(ota::version_id("VERSION_ID='1.2'\nVERSION=x\n") == "1.2");
    CHECK(ota::version_id("VERSION_ID=\"1 2\"\n").empty());
    CHECK(ota::version_id("VERSION=12\n").empty());
}
