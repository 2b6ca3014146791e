#include "ota/settlement.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/memory_boot_env.hpp"
#include "support/ota_samples.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

using core::Phase;
using core::Slot;

namespace {

// A device in the trial of a bundle in slot B, from a floor on.
struct Trial {
    test::TemporaryDirectory data;
    core::asio::io_context io;
    test::FakeClock clock{io};
    test::MemoryBootEnv env;
    ota::Books books{data.path()};
    core::StateBus state{io.get_executor(), {}};
    core::Writer<&core::DeviceState::update> update{state};
    ota::Settlement settlement{
        clock, env, books, update, core::Log{std::make_shared<test::LogLines>(), "ota"}, 3, "boot-2"};
    ota::UpdateRecord record = test::sample_record(Phase::trial, "boot-2");

    Trial(std::uint64_t floor, std::uint64_t index, std::uint64_t lowers_floor_from = 0) {
        record.bundle.index = index;
        record.bundle.lowers_floor_from = lowers_floor_from;
        env.state = {.order = {Slot::b, Slot::a}, .left_a = 3, .left_b = 2, .trial = Slot::b};
        REQUIRE(books.set(ota::Committed{.last = Slot::a, .floor = floor}).has_value());
        REQUIRE(books.set(record).has_value());
    }
    bool commit() { return test::run_task(io, settlement.commit(record)).has_value(); }
    bool roll_back() {
        return test::run_task(io, settlement.roll_back(record, "dns: silent", ota::Rejection::verdict))
            .has_value();
    }
    // What the next boot reads.
    std::uint64_t stored_floor() const { return ota::Books{data.path()}.committed().floor; }
};

}   // namespace

TEST_CASE("a commit raises the floor to the bundle's index, and only a recovery bundle lowers it") {
    struct {
        char const* name;
        std::uint64_t floor, index, lowers_floor_from, want;
    } const cases[] = {
        {"first index of all", 0, 5, 0, 5},
        {"newer", 5, 6, 0, 6},
        {"the same", 5, 5, 0, 5},
        {"no index, where there is no floor", 0, 0, 0, 0},
        {"older, which admission lets through to nobody", 5, 4, 0, 5},
        {"no index", 5, 0, 0, 5},
        {"recovery", 5, 3, 5, 3},
        {"recovery from any floor up to 9", 5, 3, 9, 3},
        {"recovery from a lower floor", 5, 3, 4, 5},
        {"recovery that is newer", 5, 6, 6, 6},
        {"recovery where there is no floor", 0, 3, 5, 3},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        Trial trial{c.floor, c.index, c.lowers_floor_from};
        CHECK(trial.stored_floor() == c.floor);   // a trial moves nothing
        REQUIRE(trial.commit());
        CHECK(trial.stored_floor() == c.want);
        REQUIRE(trial.commit());   // as every later boot does
        CHECK(trial.stored_floor() == c.want);
    }
}

TEST_CASE("a bundle that is rolled back never moves the floor, a recovery bundle neither") {
    for (auto const lowers : {0u, 9u}) {
        Trial trial{5, lowers > 0 ? 3u : 7u, lowers};
        REQUIRE(trial.roll_back());
        CHECK(trial.stored_floor() == 5);
        CHECK(trial.books.ledger().entries().size() == 1);
    }
}

TEST_CASE("a commit whose record was lost keeps the floor") {
    Trial trial{5, 0};
    trial.record.bundle = {};
    REQUIRE(trial.commit());
    CHECK(trial.stored_floor() == 5);
    CHECK(trial.books.committed().last == Slot::b);
}

TEST_CASE("a floor in the books that is none counts as no floor") {
    for (auto const* floor : {"-1", "9007199254740993", "1e300", "\"5\"", "null", "5.5"}) {
        CAPTURE(floor);
        test::TemporaryDirectory const data;
        REQUIRE(core::replace_file(data / "committed.json",
                                   R"({"schema": 1, "last": "B", "slots": {}, "floor": )" +
                                       std::string{floor} + "}")
                    .has_value());
        auto const committed = ota::Books{data.path()}.committed();
        CHECK(committed.floor == 0);
        CHECK(committed.last == Slot::b);
    }
}

TEST_CASE("what was rejected just after a boot waits for its date") {
    Trial trial{0, 0};
    REQUIRE(trial.roll_back());
    REQUIRE(trial.books.ledger().entries().size() == 1);
    CHECK_FALSE(trial.books.ledger().entries()[0].is_dated);
}
