#include "platform/linux_board.hpp"

#include "core/files.hpp"
#include "support/log_lines.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <deque>

namespace {

// Programs that end as they are told to; what was run is kept.
class ScriptedProcesses final : public core::Processes {
public:
    std::vector<std::string> ran;
    std::deque<core::Result<core::Finished>> ends;   // in order; then status 0

    core::Task<core::Result<core::Finished>> run(core::Command command) override {
        std::string words;
        for (auto const& word : command.argv) words += (words.empty() ? "" : " ") + word;
        ran.push_back(words);
        core::Result<core::Finished> end{core::Finished{}};
        if (!ends.empty()) {
            end = ends.front();
            ends.pop_front();
        }
        co_return end;
    }
};

struct World {
    test::TemporaryDirectory root;
    std::shared_ptr<test::LogLines> lines = std::make_shared<test::LogLines>();
    ScriptedProcesses processes;
    core::asio::io_context io;
    platform::LinuxBoard board{{.name = "a board", .leds = {"led-1", "standby"}},
                               processes,
                               {lines, "board"},
                               root / ""};

    void put(char const* file, std::string_view text) {
        REQUIRE(core::replace_file(root / file, text).has_value());
    }
    std::string told_by_sysrq() { return *core::read_file(root / "proc/sysrq-trigger", 4096); }
    std::string console() { return *core::read_file(root / "dev/kmsg", 4096); }
};

}   // namespace

TEST_CASE_FIXTURE(World,
                  "a machine reads its slot from the kernel's command line, and says what is missing") {
    CHECK(board.name() == "a board");
    CHECK(board.booted_slot().error().context.find("reading the kernel's command line") != std::string::npos);
    put("proc/cmdline", "root=/dev/ram0 quiet rauc.slot=B atomix.env=saved\n");
    CHECK(*board.booted_slot() == core::Slot::b);
    put("proc/cmdline", "root=/dev/ram0 quiet\n");
    CHECK(board.booted_slot().error().is(core::Errc::not_found));
    CHECK(board.booted_slot().error().context ==
          "the kernel's command line has no rauc.slot=: another loader than ours started it");
    put("proc/cmdline", "rauc.slot=recovery\n");
    CHECK(board.booted_slot().error().context == "rauc.slot=recovery names no slot (A or B)");
}

TEST_CASE_FIXTURE(World, "the kernel's id of a boot is the machine's") {
    CHECK(board.boot_id().error().is(core::Errc::not_found));
    put("proc/sys/kernel/random/boot_id", "3f1c1c52-9f5e-4f5a-8f0e-0d6e5a1b2c3d\n");
    CHECK(*board.boot_id() == "3f1c1c52-9f5e-4f5a-8f0e-0d6e5a1b2c3d");
}

TEST_CASE_FIXTURE(World, "what loader and initrd could not do is read from where they tell it") {
    CHECK(board.boot_report() == platform::BootReport{});
    put("proc/cmdline", "rauc.slot=A atomix.env=failed\n");
    put("run/atomix-initrd", "data=lost\n");
    CHECK(board.boot_report().data_is_lost);
    CHECK(board.boot_report().problems.size() == 2);
}

TEST_CASE_FIXTURE(World, "the led is the first of its names that the kernel has") {
    CHECK(board.led().empty());
    put("sys/class/leds/standby/trigger", "");
    CHECK(board.led() == root / "sys/class/leds/standby");
    put("sys/class/leds/led-1/trigger", "");
    CHECK(board.led() == root / "sys/class/leds/led-1");
}

TEST_CASE_FIXTURE(World, "the device tree's word counts, and DMI's where it has none or no meaning") {
    CHECK(board.model() == "");
    CHECK(board.serial() == "");
    put("sys/class/dmi/id/product_name", "Standard PC\n");
    put("sys/class/dmi/id/product_serial", "PC-17\n");
    CHECK(board.model() == "Standard PC");
    CHECK(board.serial() == "PC-17");
    using namespace std::string_view_literals;
    put("proc/device-tree/model", "Pine64 Rock64\0"sv);
    put("proc/device-tree/serial-number", "9a3f\0"sv);
    CHECK(board.model() == "Pine64 Rock64");
    CHECK(board.serial() == "9a3f");
    put("proc/device-tree/serial-number", "0000000000000000\0"sv);
    CHECK(board.serial() == "PC-17");
    put("sys/class/dmi/id/product_serial", "Not Specified\n");
    CHECK(board.serial() == "");
}

TEST_CASE("a watchdog's status says why a boot began, as far as the driver knows") {
    CHECK(platform::reason_of_boot(0) == "");
    CHECK(platform::reason_of_boot(0x20) == "watchdog");
    CHECK(platform::reason_of_boot(0x10) == "power");
    CHECK(platform::reason_of_boot(0x30) == "watchdog");
    CHECK(platform::reason_of_boot(0x8000) == "");   // WDIOF_KEEPALIVEPING, an ability and no reason
}

TEST_CASE_FIXTURE(World, "the first watchdog that knows the reason of the boot tells it") {
    CHECK(board.boot_reason() == "");
    put("sys/class/watchdog/watchdog0/bootstatus", "0\n");
    put("sys/class/watchdog/watchdog1/bootstatus", "nonsense\n");
    CHECK(board.boot_reason() == "");
    put("sys/class/watchdog/watchdog1/bootstatus", "32\n");
    CHECK(board.boot_reason() == "watchdog");
    put("sys/class/watchdog/watchdog0/bootstatus", "16\n");
    CHECK(board.boot_reason() == "power");
}

TEST_CASE("what the kernel is told is one short line, whatever the reason holds") {
    CHECK(platform::kernel_message("rebooting: a\nb\x1b[2J") == "<2>atomixd: rebooting: a b [2J\n");
    auto const longest = platform::kernel_message(std::string(5000, 'x'));
    CHECK(longest.size() < 1000);
    CHECK(longest.back() == '\n');
}

TEST_CASE_FIXTURE(World,
                  "an orderly reboot is systemd's, and its reason is in the journal and on the console") {
    put("dev/kmsg", "");
    CHECK(test::run_task(io, board.reboot("update 1.1.0")).has_value());
    CHECK(processes.ran == std::vector<std::string>{"/usr/bin/systemctl --no-wall reboot"});
    CHECK(lines->contains("board: rebooting in order why=\"update 1.1.0\""));
    CHECK(console() == "<2>atomixd: rebooting in order: update 1.1.0\n");
    CHECK_FALSE(std::filesystem::exists(root / "proc/sysrq-trigger"));
}

TEST_CASE_FIXTURE(World,
                  "a reboot that systemd refuses is an error that says so, without a console as well") {
    processes.ends = {core::Finished{.status = 1}, core::fail(core::Errc::timed_out, "no end within 10 s")};
    auto const refused = test::run_task(io, board.reboot("why"));
    REQUIRE(!refused);
    CHECK(refused.error().is(core::Errc::refused));
    CHECK(refused.error().context == "/usr/bin/systemctl --no-wall reboot ended with status 1");
    auto const late = test::run_task(io, board.reboot("why"));
    REQUIRE(!late);
    CHECK(late.error().is(core::Errc::timed_out));
    CHECK_FALSE(std::filesystem::exists(root / "dev/kmsg"));   // it is the kernel's to make
}

TEST_CASE_FIXTURE(World, "a forced reboot is systemd's first and the kernel's when it is asked for again") {
    put("dev/kmsg", "");
    put("proc/sysrq-trigger", "");
    CHECK(test::run_task(io, board.force_reboot("trial")).has_value());
    CHECK(told_by_sysrq() == "");
    CHECK(test::run_task(io, board.force_reboot("trial")).has_value());
    CHECK(told_by_sysrq() == "b");
    CHECK(processes.ran == std::vector<std::string>{"/usr/bin/systemctl --no-wall --force reboot"});
    CHECK(console() ==
          "<2>atomixd: forcing a reboot: trial\n<2>atomixd: the kernel is told to reboot: trial\n");
}

TEST_CASE_FIXTURE(World, "the kernel reboots at once where systemd does not answer") {
    processes.ends = {core::fail(core::Errc::timed_out, "no end within 10 s")};
    auto const cannot = test::run_task(io, board.force_reboot("trial"));
    REQUIRE(!cannot);   // nobody is left to ask, until it is asked for again
    CHECK(cannot.error().context.find("opening " + (root / "proc/sysrq-trigger").string()) !=
          std::string::npos);
    put("proc/sysrq-trigger", "");
    CHECK(test::run_task(io, board.force_reboot("trial")).has_value());
    CHECK(told_by_sysrq() == "b");
}
