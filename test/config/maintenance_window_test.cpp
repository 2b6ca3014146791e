#include "config/maintenance_window.hpp"

#include "support/print_result.hpp"

#include <doctest/doctest.h>

using config::MaintenanceWindow;
using config::MaintenanceWindows;
using namespace std::chrono_literals;

namespace {

MaintenanceWindows windows(std::initializer_list<char const*> texts) {
    MaintenanceWindows all;
    for (auto const* text : texts) {
        auto const window = config::parse_maintenance_window(text);
        REQUIRE_MESSAGE(window, text);
        all.push_back(*window);
    }
    return all;
}

// In the week of Wednesday, 2026-11-18.
core::WallTime at(char const* text) {
    auto const when = core::parse_wall_time(text);
    REQUIRE_MESSAGE(when, text);
    return *when;
}

}   // namespace

TEST_CASE("a window is read with and without its days") {
    CHECK(*config::parse_maintenance_window("02:00-04:00") ==
          MaintenanceWindow{.days = MaintenanceWindow::kEveryDay, .from = 2h, .to = 4h});
    CHECK(*config::parse_maintenance_window("Sat,Sun 01:00-05:30") ==
          MaintenanceWindow{.days = 0x41, .from = 1h, .to = 330min});
    CHECK(*config::parse_maintenance_window("Sun,Mon,Tue,Wed,Thu,Fri,Sat 00:00-24:00") ==
          MaintenanceWindow{.days = MaintenanceWindow::kEveryDay, .from = 0h, .to = 24h});
    CHECK(print(windows({"Sun,Sat 01:00-05:30", "23:00-01:00"})) ==
          "Sat,Sun 01:00-05:30 UTC, 23:00-01:00 UTC");
    CHECK(print(MaintenanceWindows{}).empty());
}

TEST_CASE("what is no window is refused with an example") {
    for (auto const* text : {"",
                             " ",
                             "02:00",
                             "02:00-",
                             "-04:00",
                             "2:00-4:00",
                             "02:00-04:60",
                             "24:00-04:00",
                             "25:00-26:00",
                             "02:00-24:01",
                             "02:00 - 04:00",
                             "02:00-04:00 ",
                             "02:00-04:00 UTC",
                             "Sat 02:00",
                             "sat 02:00-04:00",
                             "Sat, 02:00-04:00",
                             ",Sat 02:00-04:00",
                             "Sat,Son 02:00-04:00",
                             "Sat  02:00-04:00",
                             "Samstag 02:00-04:00",
                             "02:00-04:00\n",
                             "0a:00-04:00",
                             "02.00-04.00",
                             "-1:00-04:00"}) {
        CAPTURE(text);
        auto const got = config::parse_maintenance_window(text);
        REQUIRE_FALSE(got);
        CHECK(got.error().is(core::Errc::bad_input));
        CHECK(got.error().context.starts_with(
            "expected a window in UTC such as 02:00-04:00 or \"Sat,Sun 01:00-05:30\", not "));
    }
    auto const empty = config::parse_maintenance_window("Mon 03:00-03:00");
    REQUIRE_FALSE(empty);
    CHECK(empty.error().context == "begins and ends at 03:00; write 00:00-24:00 for the whole day");
}

TEST_CASE("updates are allowed within the windows, and from when else is known") {
    struct {
        char const* name;
        MaintenanceWindows windows;
        char const* now;
        char const* opens;   // the same time: it is open
    } const cases[] = {
        {"no windows", {}, "2026-11-18T12:00:00Z", "2026-11-18T12:00:00Z"},
        {"a second early", windows({"02:00-04:00"}), "2026-11-18T01:59:59Z", "2026-11-18T02:00:00Z"},
        {"just opened", windows({"02:00-04:00"}), "2026-11-18T02:00:00Z", "2026-11-18T02:00:00Z"},
        {"about to close", windows({"02:00-04:00"}), "2026-11-18T03:59:59Z", "2026-11-18T03:59:59Z"},
        {"just closed", windows({"02:00-04:00"}), "2026-11-18T04:00:00Z", "2026-11-19T02:00:00Z"},
        {"over midnight, before", windows({"23:00-01:00"}), "2026-11-18T23:30:00Z", "2026-11-18T23:30:00Z"},
        {"over midnight, after", windows({"23:00-01:00"}), "2026-11-19T00:30:00Z", "2026-11-19T00:30:00Z"},
        {"over midnight, closed", windows({"23:00-01:00"}), "2026-11-19T01:00:00Z", "2026-11-19T23:00:00Z"},
        {"to midnight", windows({"23:00-24:00"}), "2026-11-19T00:00:00Z", "2026-11-19T23:00:00Z"},
        {"to midnight, written the other way", windows({"23:00-00:00"}), "2026-11-18T23:59:59Z",
         "2026-11-18T23:59:59Z"},
        {"always", windows({"00:00-24:00"}), "2026-11-18T23:59:59Z", "2026-11-18T23:59:59Z"},
        {"another day", windows({"Sat,Sun 01:00-05:30"}), "2026-11-18T02:00:00Z", "2026-11-21T01:00:00Z"},
        {"that day", windows({"Sat,Sun 01:00-05:30"}), "2026-11-21T05:29:59Z", "2026-11-21T05:29:59Z"},
        {"the second of the days", windows({"Sat,Sun 01:00-05:30"}), "2026-11-21T05:30:00Z",
         "2026-11-22T01:00:00Z"},
        {"into a day that has no window", windows({"Sat 23:00-01:00"}), "2026-11-22T00:59:59Z",
         "2026-11-22T00:59:59Z"},
        {"out of a day that has none", windows({"Sat 23:00-01:00"}), "2026-11-21T00:30:00Z",
         "2026-11-21T23:00:00Z"},
        {"today's is over, the next is in a week", windows({"Wed 02:00-04:00"}), "2026-11-18T04:00:00Z",
         "2026-11-25T02:00:00Z"},
        {"the earlier of two", windows({"Fri 02:00-04:00", "Thu 05:00-06:00"}), "2026-11-18T12:00:00Z",
         "2026-11-19T05:00:00Z"},
        {"either of two", windows({"02:00-04:00", "03:00-05:00"}), "2026-11-18T04:30:00Z",
         "2026-11-18T04:30:00Z"},
        {"over the end of a year", windows({"Fri 00:00-01:00"}), "2026-12-31T23:00:00Z",
         "2027-01-01T00:00:00Z"},
        {"in 1970", windows({"02:00-04:00"}), "1970-01-01T00:00:00Z", "1970-01-01T02:00:00Z"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(core::print_wall_time(next_opening(c.windows, at(c.now))) == c.opens);
        CHECK(is_open(c.windows, at(c.now)) == (std::string{c.now} == c.opens));
    }
}
