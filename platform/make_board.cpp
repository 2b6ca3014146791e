#include "platform/make_board.hpp"

#include "platform/linux_board.hpp"
#include "platform/qemu/qemu.hpp"
#include "platform/rock64/rock64.hpp"
#include "platform/sim/sim_board.hpp"

#include <stdexcept>

namespace platform {

std::unique_ptr<Machine> make_board(BoardChoice choice, core::Processes& processes, core::Log log) {
    if (choice.name == "sim")
        return std::make_unique<SimBoard>(std::move(choice.command_line), std::move(choice.reboot_request));
    for (auto const& hardware : {rock64(), qemu()})
        if (choice.name == hardware.name)
            return std::make_unique<LinuxBoard>(hardware, processes, std::move(log));
    throw std::logic_error{"no adapter for the board " + choice.name};
}

}   // namespace platform
