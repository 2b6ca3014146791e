#include "platform/linux_board.hpp"

#include "core/files.hpp"
#include "platform/command_line.hpp"
#include "platform/kernel_file.hpp"
#include "platform/maker_text.hpp"
#include "platform/thermal_zones.hpp"

#include <linux/watchdog.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace platform {
namespace {

using core::Level;

constexpr std::size_t kLongestFact = 4096;
// PRINTKRB_RECORD_MAX of the kernel's printk.c is 1024, with its own prefix.
constexpr std::size_t kLongestMessage = 900;
constexpr auto kSystemctl = "/usr/bin/systemctl";

}   // namespace

std::string reason_of_boot(unsigned status) {
    if ((status & WDIOF_CARDRESET) != 0) return "watchdog";
    if ((status & WDIOF_POWERUNDER) != 0) return "power";
    return {};
}

std::string kernel_message(std::string_view text) {
    std::string message{"<2>atomixd: "};
    message += text.substr(0, kLongestMessage);
    std::ranges::replace_if(
        message, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return message + '\n';
}

LinuxBoard::LinuxBoard(Hardware hardware,
                       core::Processes& processes,
                       core::Log log,
                       std::filesystem::path root)
    : hardware_{std::move(hardware)}, processes_{processes}, log_{std::move(log)}, root_{std::move(root)} {}

core::Result<core::Slot> LinuxBoard::booted_slot() const {
    auto const line = core::read_file(root_ / "proc/cmdline", kLongestFact);
    if (!line) return core::fail(line, "reading the kernel's command line");
    auto const name = value_in_command_line(*line, "rauc.slot");
    if (!name)
        return core::fail(core::Errc::not_found,
                          "the kernel's command line has no rauc.slot=: another loader than ours started it");
    if (auto const slot = core::slot_named(*name)) return *slot;
    return core::fail(core::Errc::not_found, "rauc.slot=" + *name + " names no slot (A or B)");
}

core::Result<std::string> LinuxBoard::boot_id() const {
    auto const file = root_ / "proc/sys/kernel/random/boot_id";
    auto id = line_of_kernel_file(file);
    if (id.empty()) return core::fail(core::Errc::not_found, "the kernel has no " + file.string());
    return id;
}

std::string LinuxBoard::boot_reason() const {
    std::error_code none;
    std::vector<std::filesystem::path> drivers;
    for (auto const& entry : std::filesystem::directory_iterator{root_ / "sys/class/watchdog", none})
        drivers.push_back(entry.path());
    std::ranges::sort(drivers);
    for (auto const& driver : drivers) {
        auto const text = line_of_kernel_file(driver / "bootstatus");
        unsigned status = 0;
        std::from_chars(text.data(), text.data() + text.size(), status);
        if (auto reason = reason_of_boot(status); !reason.empty()) return reason;
    }
    return {};
}

BootReport LinuxBoard::boot_report() const {
    auto const told = [this](char const* file) {
        auto const text = core::read_file(root_ / file, kLongestFact);
        return text ? *text : std::string{};
    };
    return platform::boot_report(told("proc/cmdline"), told("run/atomix-initrd"));
}

std::string LinuxBoard::told_by_maker(char const* property, char const* field) const {
    for (auto const& file : {root_ / "proc/device-tree" / property, root_ / "sys/class/dmi/id" / field})
        if (auto const raw = core::read_file(file, kLongestFact))
            if (auto text = maker_text(*raw); !text.empty()) return text;
    return {};
}

std::string LinuxBoard::model() const {
    return told_by_maker("model", "product_name");
}

std::string LinuxBoard::serial() const {
    return told_by_maker("serial-number", "product_serial");
}

core::Temperatures LinuxBoard::temperatures() const {
    return thermal_zones(root_ / "sys/class/thermal");
}

std::filesystem::path LinuxBoard::led() const {
    for (auto const& name : hardware_.leds) {
        auto const directory = root_ / "sys/class/leds" / name;
        if (std::error_code none; std::filesystem::is_directory(directory, none)) return directory;
    }
    return {};
}

// The journal has it from the log; the console, and pstore where there is one, only from the kernel. A
// message that is lost keeps nothing from rebooting.
void LinuxBoard::tell(std::string_view sentence, std::string const& why) const {
    log_(Level::notice, sentence, {{"why", why}});
    [[maybe_unused]] auto const told =
        write_kernel_file(root_ / "dev/kmsg", kernel_message(std::string{sentence} + ": " + why));
}

core::Task<core::Result<void>> LinuxBoard::order(core::Command command) {
    std::string words;
    for (auto const& word : command.argv) words += (words.empty() ? "" : " ") + word;
    auto const done = co_await processes_.run(std::move(command));
    if (!done) co_return core::fail(done, "running " + words);
    if (done->status != 0)
        co_return core::fail(core::Errc::refused,
                             words + " ended with status " + std::to_string(done->status));
    co_return core::Result<void>{};
}

core::Task<core::Result<void>> LinuxBoard::reboot(std::string why) {
    tell("rebooting in order", why);
    core::Command command{.argv = {kSystemctl, "--no-wall", "reboot"}};
    co_return co_await order(std::move(command));
}

core::Task<core::Result<void>> LinuxBoard::force_reboot(std::string why) {
    if (!std::exchange(forced_, true)) {
        tell("forcing a reboot", why);
        core::Command command{.argv = {kSystemctl, "--no-wall", "--force", "reboot"}};
        auto const asked = co_await order(std::move(command));
        if (asked) co_return asked;
        log_(Level::error, "systemd does not force the reboot", {{"why", asked.error().text()}});
    }
    tell("the kernel is told to reboot", why);
    co_return write_kernel_file(root_ / "proc/sysrq-trigger", "b");
}

}   // namespace platform
