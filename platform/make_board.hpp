#pragma once
// The board that device.yaml names. One that is added here is added to config/device_document.cpp as well.

#include "core/log.hpp"
#include "core/processes.hpp"
#include "platform/machine.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace platform {

struct BoardChoice {
    std::string name;                       // device.board
    std::filesystem::path command_line;     // of the simulated board: boot.command_line
    std::filesystem::path reboot_request;   // and sim.reboot_request
};

// A view of `processes`. Throws std::logic_error where there is no such board, which no checked document
// names.
std::unique_ptr<Machine> make_board(BoardChoice choice, core::Processes& processes, core::Log log);

}   // namespace platform
