#pragma once
// A real machine: Linux with systemd as PID 1, started by our loader.
//
// Everything is read below `root`, which a test points at a recorded tree. The loader says the slot on the
// kernel's command line, "rauc.slot=A". Sources of the rest: Documentation/admin-guide/sysctl/kernel.rst
// (random/boot_id), Documentation/ABI/testing/sysfs-class-watchdog (bootstatus, decimal, the WDIOF_ bits of
// linux/watchdog.h), sysfs-firmware-ofw (/proc/device-tree) and dev-kmsg beside it,
// Documentation/admin-guide/sysrq.rst ("b": reboots at once; root's word counts whatever kernel.sysrq says).

#include "core/log.hpp"
#include "core/processes.hpp"
#include "platform/hardware.hpp"
#include "platform/machine.hpp"

#include <filesystem>

namespace platform {

// Why a boot began, by the status word of a watchdog's driver: "watchdog", "power" (the supply was too low);
// empty: it does not say. Pure.
std::string reason_of_boot(unsigned status);

// One record for /dev/kmsg: at the priority "critical", which a console shows; short enough for the kernel,
// which refuses longer ones whole; in one line. Pure.
std::string kernel_message(std::string_view text);

class LinuxBoard final : public Machine {
public:
    // A view of `processes`.
    LinuxBoard(Hardware hardware,
               core::Processes& processes,
               core::Log log,
               std::filesystem::path root = "/");

    std::string name() const override { return hardware_.name; }
    core::Result<core::Slot> booted_slot() const override;
    core::Result<std::string> boot_id() const override;
    // The first watchdog that knows it. A driver that tells nothing (the RK3328's) leaves it empty.
    std::string boot_reason() const override;
    // By `systemctl reboot`. Errors: those of Processes, refused (with its exit status).
    core::Task<core::Result<void>> reboot(std::string why) override;
    // By `systemctl reboot --force`, and by the kernel when systemd refuses or was asked before. Nothing is
    // synced by the latter: a disk may be what hangs, and what must not be lost was synced when it was
    // written.
    core::Task<core::Result<void>> force_reboot(std::string why) override;

    // What is not there was not told.
    BootReport boot_report() const override;
    // By the device tree, where there is one, else by DMI, whose serial number only root may read.
    std::string model() const override;
    std::string serial() const override;
    core::Temperatures temperatures() const override;
    std::filesystem::path led() const override;

private:
    std::string told_by_maker(char const* property, char const* field) const;
    void tell(std::string_view sentence, std::string const& why) const;
    core::Task<core::Result<void>> order(core::Command command);

    Hardware hardware_;
    core::Processes& processes_;
    core::Log log_;
    std::filesystem::path root_;
    bool forced_ = false;   // systemd was asked to force it
};

}   // namespace platform
