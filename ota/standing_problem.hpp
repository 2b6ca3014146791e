#pragma once
// A problem that stays in the status until the next start: what a user should know although all goes on.

#include "core/device_state.hpp"
#include "core/log.hpp"
#include "ota/boot_env.hpp"

#include <string>
#include <string_view>

namespace ota {

// Logged and shown once in a start, however often it is seen.
void add_problem(core::Writer<&core::DeviceState::update> update,
                 core::Log const& log,
                 std::string_view sentence,
                 std::string const& problem);

// Nothing if the environment is not lost. It is begun anew by the next write.
void add_problem_if_lost(core::Writer<&core::DeviceState::update> update,
                         core::Log const& log,
                         BootState const& env);

}   // namespace ota
