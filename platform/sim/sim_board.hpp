#pragma once
// The simulated board: slots are files, and a boot-loader stand-in (deploy/sim/boot-loader) plays U-Boot and
// init.
//
// It passes "rauc.slot=A atomix.boot_id=<id>" as a command line in a file. A reboot is asked for by making a
// file and ending this process; the stand-in then picks a slot by U-Boot's rules.

#include "platform/machine.hpp"

#include <filesystem>

namespace platform {

class SimBoard final : public Machine {
public:
    SimBoard(std::filesystem::path command_line, std::filesystem::path reboot_request)
        : command_line_{std::move(command_line)}, reboot_request_{std::move(reboot_request)} {}

    std::string name() const override { return "sim"; }
    core::Result<core::Slot> booted_slot() const override;
    core::Result<std::string> boot_id() const override;
    // "atomix.boot_reason=<word>" of the command line.
    std::string boot_reason() const override;
    // "atomix.serial=<text>" of the command line.
    std::string serial() const override;
    // "atomix.temperature=<millidegrees Celsius>" of the command line; without it there is no sensor.
    core::Temperatures temperatures() const override;
    core::Task<core::Result<void>> reboot(std::string why) override;
    // As reboot(), but ends this process at once. Errors: io.
    core::Task<core::Result<void>> force_reboot(std::string why) override;

private:
    std::filesystem::path command_line_;
    std::filesystem::path reboot_request_;
};

}   // namespace platform
