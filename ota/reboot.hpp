#pragma once
// The last act of an update, and of a rollback.

#include "core/board.hpp"
#include "core/clock.hpp"
#include "core/log.hpp"

namespace ota {

// Asks for the reboot, and again every minute that it has not come; ends only by cancellation.
core::Task<void> reboot_for_good(core::Board& board, core::Clock& clock, core::Log log, std::string why);

}   // namespace ota
