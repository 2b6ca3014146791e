// What can be seen without a watchdog. The driver's side needs a kernel of its own: a virtual machine.
#include "platform/linux_watchdog.hpp"

#include "core/files.hpp"
#include "core/watchdog.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

TEST_CASE("a watchdog that is not there is an error that names it") {
    platform::LinuxWatchdog watchdog{"/dev/no-such-watchdog"};
    auto const opened = watchdog.open();
    REQUIRE(!opened);
    CHECK(opened.error().text().find("opening the watchdog /dev/no-such-watchdog") != std::string::npos);
}

TEST_CASE("what is no watchdog is refused, and nothing is written to it") {
    test::TemporaryDirectory const directory;
    auto const file = directory / "file";
    REQUIRE(core::replace_file(file, "kept").has_value());
    {
        platform::LinuxWatchdog watchdog{file};
        auto const opened = watchdog.open();
        REQUIRE(!opened);
        CHECK(opened.error().is(core::Errc::refused));
        CHECK(!watchdog.feed());
        CHECK(!watchdog.time_left());
        CHECK(!watchdog.set_timeout(std::chrono::seconds{60}));
        watchdog.close();
    }
    CHECK(*core::read_file(file, 100) == "kept");
}
