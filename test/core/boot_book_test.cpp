#include "core/boot_book.hpp"

#include "core/files.hpp"
#include "support/fake_clock.hpp"
#include "support/log_lines.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <doctest/doctest.h>

using core::BootRecord;

TEST_CASE("a boot after one that did not end in order is unexpected, in a trial or outside") {
    struct {
        char const* name;
        BootRecord before;
        unsigned unexpected;
        unsigned in_trial;
    } const rows[] = {
        {"the first boot ever", {}, 0, 0},
        {"a restart of the program", {.boot_id = "b2"}, 0, 0},
        {"an orderly reboot", {.boot_id = "b1", .ended_in_order = true}, 0, 0},
        {"a power cut", {.boot_id = "b1"}, 1, 0},
        {"a power cut in a trial", {.boot_id = "b1", .on_trial = true}, 0, 1},
        {"an orderly reboot out of a trial",
         {.boot_id = "b1", .ended_in_order = true, .on_trial = true},
         0,
         0},
    };
    for (auto const& row : rows) {
        CAPTURE(row.name);
        auto const now = core::next_boot(row.before, "b2");
        CHECK(now.unexpected == row.unexpected);
        CHECK(now.unexpected_in_trial == row.in_trial);
        CHECK(now.boot_id == "b2");
        CHECK(!now.ended_in_order);
    }
    CHECK(core::next_boot({.boot_id = "b2", .on_trial = true}, "b2").on_trial);
    CHECK(!core::next_boot({.boot_id = "b1", .on_trial = true}, "b2").on_trial);
}

TEST_CASE("boots are counted in a file that outlives each of them") {
    test::TemporaryDirectory data;
    auto const file = data / "state" / "boots.json";
    auto const lines = std::make_shared<test::LogLines>();
    core::Log const log{lines, "boot"};
    {
        core::BootBook book{file, "b1", log};
        book.ended_in_order();
    }
    CHECK(core::BootBook(file, "b2", log).boots("power").unexpected == 0);
    CHECK(lines->lines.empty());
    core::BootBook const book{file, "b3", log};
    CHECK(book.boots("watchdog").unexpected == 1);
    CHECK(book.boots("watchdog").reason == "watchdog");
    CHECK(lines->contains("boot: the boot before this one did not end in order on_trial=no"));
}

TEST_CASE("a power cut in a trial is remembered as one, whatever the next boot is") {
    test::TemporaryDirectory data;
    auto const file = data / "boots.json";
    core::Log const log{std::make_shared<test::LogLines>(), "boot"};
    core::asio::io_context io;
    test::FakeClock clock{io};
    core::StateBus state{io.get_executor(), core::DeviceState{}};
    core::BootBook book{file, "b1", log};
    core::asio::cancellation_signal stop;
    core::asio::co_spawn(io, book.run(state),
                         core::asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    clock.settle();
    core::Writer<&core::DeviceState::update> update{state};
    update.change([](core::Update& u) { u.phase = core::Phase::trial; });
    clock.settle();
    stop.emit(core::asio::cancellation_type::terminal);
    clock.settle();
    CHECK(core::BootBook(file, "b2", log).boots("").unexpected_in_trial == 1);
}

TEST_CASE("an unreadable file of boots is begun anew, and numbers of another world are none") {
    test::TemporaryDirectory data;
    auto const lines = std::make_shared<test::LogLines>();
    core::Log const log{lines, "boot"};
    REQUIRE(core::replace_file(data / "boots.json", "{").has_value());
    CHECK(core::BootBook(data / "boots.json", "b1", log).boots("").unexpected == 0);
    CHECK(lines->contains("a state file was unreadable"));
    REQUIRE(core::replace_file(data / "boots.json",
                               R"({"schema": 1, "boot_id": 7, "unexpected": -4, "ended_in_order": "yes"})")
                .has_value());
    CHECK(core::BootBook(data / "boots.json", "b1", log).boots("").unexpected == 0);
}

TEST_CASE("a boot that cannot be recorded is said, and the next one follows from what was recorded") {
    test::TemporaryDirectory data;
    auto const file = data / "state" / "boots.json";
    auto const lines = std::make_shared<test::LogLines>();
    core::Log const log{lines, "boot"};
    core::BootBook(file, "b1", log).ended_in_order();
    std::filesystem::rename(data / "state", data / "away");
    REQUIRE(core::replace_file(data / "state", "no directory").has_value());
    {
        core::BootBook lost{file, "b2", log};
        lost.ended_in_order();
    }
    CHECK(lines->contains("boot: could not record this boot"));
    std::filesystem::remove(data / "state");
    std::filesystem::rename(data / "away", data / "state");
    CHECK(core::BootBook(file, "b3", log).boots("").unexpected == 0);   // b1 did end in order
}
