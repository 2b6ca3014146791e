#include "config/accepted.hpp"

#include "config/documents.hpp"
#include "core/files.hpp"
#include "support/print_result.hpp"
#include "support/temporary_directory.hpp"

#include <sys/stat.h>

using Source = core::ConfigState::Source;
using core::Slot;

namespace {

namespace fs = std::filesystem;

struct Device {
    test::TemporaryDirectory data;
    fs::path written = data.path() / "config" / "atomix.yaml";

    Device() { fs::create_directories(data.path() / "config"); }
    void write(std::string const& text) const { std::ofstream{written} << text; }
    config::InForce choose(Slot slot = Slot::a) const { return config::Accepted{data.path(), slot}.choose(); }
    fs::path stored(char const* slot = "A") const {
        return data.path() / "state" / ("accepted-" + std::string{slot} + ".yaml");
    }
    std::string stored_text(char const* slot = "A") const {
        auto const text = core::read_file(stored(slot), 10'000);
        return text ? *text : text.error().text();
    }
};

std::string with_gateway(char const* cidr) {
    return "version: 1\nnetwork: {dnsmasq: {gateway_cidr: " + std::string{cidr} + "}}\n";
}
std::string const kRefused = "version: 1\ncolour: blue\n";
std::string const kRefusal =
    "atomix.yaml:2:1: colour: is not a known key here; known are version, network, watchdog, os_upgrade, "
    "containers, activation";

std::string gateway(config::InForce const& chosen) {
    return core::print(*chosen.document.lan);
}

}   // namespace

TEST_CASE_FIXTURE(Device,
                  "without an operator's document the built-in default is in force, and that is no problem") {
    auto const chosen = choose();
    CHECK(chosen.state == core::ConfigState{.source = Source::built_in, .problems = {}});
    CHECK(gateway(chosen) == "172.20.30.1/24");
    CHECK_FALSE(fs::exists(stored()));
}

TEST_CASE_FIXTURE(Device, "an accepted document is in force and kept for this slot, readable by root only") {
    write(with_gateway("10.44.0.1/24"));
    auto const chosen = choose();
    CHECK(chosen.state == core::ConfigState{.source = Source::operator_document, .problems = {}});
    CHECK(gateway(chosen) == "10.44.0.1/24");
    CHECK(stored_text() == with_gateway("10.44.0.1/24"));
    CHECK(fs::status(stored()).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK_FALSE(fs::exists(stored("B")));
}

TEST_CASE_FIXTURE(Device, "a refused document is reported, and the last one accepted stays in force") {
    write(with_gateway("10.44.0.1/24"));
    choose();
    write(kRefused);
    auto const chosen = choose();
    CHECK(chosen.state ==
          core::ConfigState{.source = Source::last_accepted, .problems = {kRefusal}, .accepted_by = Slot::a});
    CHECK(gateway(chosen) == "10.44.0.1/24");
    CHECK(stored_text() == with_gateway("10.44.0.1/24"));
}

TEST_CASE_FIXTURE(Device, "a refused document with none accepted before leaves the built-in default") {
    write(kRefused);
    auto const chosen = choose();
    CHECK(chosen.state == core::ConfigState{.source = Source::built_in, .problems = {kRefusal}});
    CHECK(gateway(chosen) == "172.20.30.1/24");
    CHECK_FALSE(fs::exists(stored()));
}

TEST_CASE_FIXTURE(Device, "the copy that was accepted last stands in for a refused document, in both slots") {
    write(with_gateway("10.1.0.1/24"));
    choose(Slot::a);
    write(with_gateway("10.2.0.1/24"));
    choose(Slot::b);
    write(kRefused);
    for (auto const slot : {Slot::a, Slot::b}) {
        auto const chosen = choose(slot);
        CHECK(chosen.state == core::ConfigState{.source = Source::last_accepted,
                                                .problems = {kRefusal},
                                                .accepted_by = Slot::b});
        CHECK(gateway(chosen) == "10.2.0.1/24");
    }
}

TEST_CASE_FIXTURE(Device, "a slot that never accepted a document goes on with the other slot's") {
    write(with_gateway("10.44.0.1/24"));
    choose(Slot::a);
    write(kRefused);
    auto const chosen = choose(Slot::b);
    CHECK(chosen.state.accepted_by == Slot::a);
    CHECK_FALSE(chosen.state.refuses_other_slots);
    CHECK(gateway(chosen) == "10.44.0.1/24");
    CHECK_FALSE(fs::exists(stored("B")));   // it has accepted nothing itself
}

TEST_CASE_FIXTURE(Device, "a document that a slot accepts again makes its copy the newer one") {
    write(with_gateway("10.1.0.1/24"));
    choose(Slot::a);
    write(with_gateway("10.2.0.1/24"));
    choose(Slot::b);
    write(with_gateway("10.1.0.1/24"));   // as A has it already
    choose(Slot::a);
    write(kRefused);
    CHECK(gateway(choose(Slot::b)) == "10.1.0.1/24");
    CHECK(gateway(choose(Slot::a)) == "10.1.0.1/24");
}

TEST_CASE_FIXTURE(Device, "a clock that is wrong by years does not make an older copy the newer one") {
    write(with_gateway("10.1.0.1/24"));
    choose(Slot::a);
    for (int const years : {10, -10}) {   // by which A's clock was wrong
        CAPTURE(years);
        fs::last_write_time(stored("A"), fs::file_time_type::clock::now() + years * std::chrono::hours{8766});
        write(with_gateway("10.2.0.1/24"));
        choose(Slot::b);
        write(kRefused);
        CHECK(gateway(choose(Slot::a)) == "10.2.0.1/24");
        CHECK(gateway(choose(Slot::b)) == "10.2.0.1/24");
    }
}

TEST_CASE_FIXTURE(Device, "a copy that this version refuses is passed over for the older one") {
    write(with_gateway("10.1.0.1/24"));
    choose(Slot::a);
    write(with_gateway("10.2.0.1/24"));
    choose(Slot::b);
    auto const later = fs::last_write_time(stored("B"));
    std::ofstream{stored("B")} << "version: 3\n";   // what another version, in B, understands
    fs::last_write_time(stored("B"), later);
    write(kRefused);
    std::string const why = "accepted-B.yaml:1:10: version: expected the integer 1, not \"3\"";

    auto const chosen = choose(Slot::a);
    CHECK(chosen.state == core::ConfigState{.source = Source::last_accepted,
                                            .problems = {kRefusal, why},
                                            .refuses_other_slots = true,
                                            .accepted_by = Slot::a});
    CHECK(gateway(chosen) == "10.1.0.1/24");

    auto const in_b = choose(Slot::b);   // there it is this slot's own, and says nothing of the version
    CHECK(in_b.state.accepted_by == Slot::a);
    CHECK_FALSE(in_b.state.refuses_other_slots);

    // An older one of the other slot's says nothing of what the device runs on.
    fs::last_write_time(stored("A"), later + std::chrono::hours{1});
    auto const newest = choose(Slot::a);
    CHECK(newest.state ==
          core::ConfigState{.source = Source::last_accepted, .problems = {kRefusal}, .accepted_by = Slot::a});
}

TEST_CASE("the other slot's copy goes first unless this slot's is the newer one") {
    using config::own_is_newer;
    fs::file_time_type const early{}, late = early + std::chrono::nanoseconds{1};
    CHECK(own_is_newer(late, early));
    CHECK(own_is_newer(early, std::nullopt));
    CHECK_FALSE(own_is_newer(early, late));
    CHECK_FALSE(own_is_newer(early, early));
    CHECK_FALSE(own_is_newer(std::nullopt, early));
    CHECK_FALSE(own_is_newer(std::nullopt, std::nullopt));
}

TEST_CASE_FIXTURE(Device, "a corrected document is in force again, and replaces the stored one") {
    write(with_gateway("10.1.0.1/24"));
    choose();
    write(kRefused);
    choose();
    write(with_gateway("10.2.0.1/24"));
    CHECK(choose().state.source == Source::operator_document);
    CHECK(stored_text() == with_gateway("10.2.0.1/24"));
}

TEST_CASE_FIXTURE(Device, "an unchanged document is not written again") {
    write(with_gateway("10.1.0.1/24"));
    choose();
    struct stat before {
    }, after{};
    REQUIRE(::stat(stored().c_str(), &before) == 0);
    choose();
    REQUIRE(::stat(stored().c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);   // a replaced file is another one
}

TEST_CASE_FIXTURE(Device, "a stored document that no longer parses is reported too") {
    write(kRefused);
    REQUIRE(core::replace_file(stored(), "version: 3\n").has_value());
    auto const chosen = choose();
    CHECK(chosen.state.source == Source::built_in);
    CHECK(chosen.state.problems ==
          std::vector<std::string>{kRefusal,
                                   "accepted-A.yaml:1:10: version: expected the integer 1, not \"3\""});
}

TEST_CASE_FIXTURE(Device, "a document that cannot be stored is in force all the same") {
    write(with_gateway("10.1.0.1/24"));
    std::ofstream{data / "state"} << "a file where a directory must be";
    auto const chosen = choose();
    CHECK(chosen.state.source == Source::operator_document);
    CHECK(gateway(chosen) == "10.1.0.1/24");
    REQUIRE(chosen.state.problems.size() == 1);
    CHECK(chosen.state.problems[0].starts_with("accepted-A.yaml: cannot be stored"));
}

TEST_CASE_FIXTURE(Device, "what is no readable file is refused like a document, and never waited for") {
    write(with_gateway("10.1.0.1/24"));
    choose();
    fs::remove(written);
    SUBCASE("a FIFO") {
        REQUIRE(::mkfifo(written.c_str(), 0600) == 0);
    }
    SUBCASE("a directory") {
        fs::create_directory(written);
    }
    auto const chosen = choose();
    CHECK(chosen.state.source == Source::last_accepted);
    CHECK(gateway(chosen) == "10.1.0.1/24");
    REQUIRE(chosen.state.problems.size() == 1);
    CHECK(chosen.state.problems[0].starts_with("atomix.yaml: cannot be read: it is not a regular file"));
}

TEST_CASE_FIXTURE(Device, "a document over the size limit is refused before it is parsed") {
    write("version: 1 # " + std::string(300'000, 'x'));
    auto const chosen = choose();
    CHECK(chosen.state.source == Source::built_in);
    REQUIRE(chosen.state.problems.size() == 1);
    CHECK(chosen.state.problems[0].find("larger than 262144 bytes") != std::string::npos);
}

TEST_CASE_FIXTURE(Device,
                  "what the other slot accepted last can be asked for, unless this version refuses it") {
    auto const none = config::last_accepted(data.path(), Slot::b);
    REQUIRE(none);
    CHECK_FALSE(*none);

    write(with_gateway("10.44.0.1/24"));
    choose(Slot::b);
    auto const got = config::last_accepted(data.path(), Slot::b);
    REQUIRE(got);
    REQUIRE(*got);
    CHECK(core::print(*(*got)->lan) == "10.44.0.1/24");

    std::ofstream{stored("B")} << kRefused;
    auto const refused = config::last_accepted(data.path(), Slot::b);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().is(core::Errc::bad_input));
    CHECK(refused.error().context.starts_with("accepted-B.yaml:2:1: colour: is not a known key here"));
}

TEST_CASE_FIXTURE(Device,
                  "a document that is refused here and that the other slot accepted is told as such") {
    write(kRefused);
    CHECK_FALSE(choose().state.other_slot_accepts);

    // What another version, in the other slot, accepted.
    fs::create_directories(stored("B").parent_path());
    std::ofstream{stored("B")} << kRefused;
    CHECK(choose(Slot::a).state.other_slot_accepts);
    CHECK_FALSE(choose(Slot::b).state.other_slot_accepts);   // there it is this slot's own

    write(kRefused + "size: 3\n");   // the operator has changed it since
    CHECK_FALSE(choose(Slot::a).state.other_slot_accepts);
    write(with_gateway("10.44.0.1/24"));
    CHECK_FALSE(choose(Slot::a).state.other_slot_accepts);
}
