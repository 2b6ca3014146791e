#include "platform/make_board.hpp"

#include "core/files.hpp"
#include "support/log_lines.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

TEST_CASE("a board is made by its name, and an unknown name is a bug") {
    core::SystemProcesses processes;
    core::Log const log{std::make_shared<test::LogLines>(), "board"};
    for (auto const* name : {"sim", "rock64", "qemu"}) {
        CAPTURE(name);
        auto const board = platform::make_board({.name = name}, processes, log);
        REQUIRE(board);
        CHECK(board->name() == name);
    }
    CHECK_THROWS_AS(platform::make_board({.name = "toaster"}, processes, log), std::logic_error);
}

TEST_CASE("the simulated board reads the files that its document names, a real one the kernel's") {
    core::SystemProcesses processes;
    test::TemporaryDirectory const run;
    REQUIRE(core::replace_file(run / "cmdline", "rauc.slot=B atomix.boot_id=7f-1\n").has_value());
    auto const made = [&](char const* name) {
        return platform::make_board(
            {.name = name, .command_line = run / "cmdline", .reboot_request = run / "reboot"}, processes,
            {std::make_shared<test::LogLines>(), "board"});
    };
    CHECK(*made("sim")->boot_id() == "7f-1");
    auto kernels = *core::read_file("/proc/sys/kernel/random/boot_id", 100);
    CHECK(*made("qemu")->boot_id() + '\n' == kernels);
}
