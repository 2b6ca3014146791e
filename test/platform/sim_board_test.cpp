#include "platform/sim/sim_board.hpp"

#include "core/files.hpp"
#include "platform/command_line.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

TEST_CASE("the last value of a key in the command line counts, and only whole keys") {
    using platform::value_in_command_line;
    CHECK(value_in_command_line("quiet rauc.slot=A rauc.slot=B\n", "rauc.slot") == "B");
    CHECK(value_in_command_line("xrauc.slot=A rauc.slotx=B", "rauc.slot") == std::nullopt);
    CHECK(value_in_command_line("rauc.slot", "rauc.slot") == std::nullopt);
    CHECK(value_in_command_line("", "rauc.slot") == std::nullopt);
}

TEST_CASE("the simulated board reads slot and boot id from its command line, and says what is missing") {
    test::TemporaryDirectory run;
    platform::SimBoard const board{run / "cmdline", run / "reboot"};
    CHECK(!board.booted_slot());

    REQUIRE(core::replace_file(run / "cmdline", "rauc.slot=B atomix.boot_id=7f-1\n").has_value());
    CHECK(*board.booted_slot() == core::Slot::b);
    CHECK(*board.boot_id() == "7f-1");
    CHECK(board.boot_reason() == "");
    REQUIRE(core::replace_file(run / "cmdline", "atomix.boot_reason=watchdog\n").has_value());
    CHECK(board.boot_reason() == "watchdog");

    CHECK(board.serial() == "");
    CHECK(board.temperatures().empty());
    REQUIRE(core::replace_file(run / "cmdline", "atomix.serial=s-17 atomix.temperature=-4500\n").has_value());
    CHECK(board.serial() == "s-17");
    CHECK(board.temperatures() == core::Temperatures{{"simulated", -4500, {}}});
    REQUIRE(core::replace_file(run / "cmdline", "atomix.temperature=warm\n").has_value());
    CHECK(board.temperatures().empty());

    REQUIRE(core::replace_file(run / "cmdline", "rauc.slot=C\n").has_value());
    CHECK(board.booted_slot().error().context == "rauc.slot=C names no slot (A or B)");
    CHECK(board.boot_id().error().context.find("atomix.boot_id=") != std::string::npos);
}

TEST_CASE("a reboot of the simulated board leaves its request and ends the process in order") {
    test::TemporaryDirectory run;
    platform::SimBoard board{run / "cmdline", run / "reboot"};
    core::asio::io_context io;
    core::asio::signal_set signals(io, SIGTERM);
    auto reboot = [&]() -> core::Task<int> {
        auto const asked = co_await board.reboot("update 1.1.0");
        REQUIRE(asked.has_value());
        co_return co_await signals.async_wait(core::asio::use_awaitable);
    };
    CHECK(test::run_task(io, reboot()) == SIGTERM);
    CHECK(*core::read_file(run / "reboot", 100) == "update 1.1.0\n");
}
