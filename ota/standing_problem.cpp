#include "ota/standing_problem.hpp"

#include <algorithm>

namespace ota {

void add_problem(core::Writer<&core::DeviceState::update> update,
                 core::Log const& log,
                 std::string_view sentence,
                 std::string const& problem) {
    auto const& known = update.now().problems;
    if (std::ranges::find(known, problem) != known.end()) return;
    log(core::Level::error, sentence, {{"why", problem}});
    update.change([&](core::Update& shown) { shown.problems.push_back(problem); });
}

void add_problem_if_lost(core::Writer<&core::DeviceState::update> update,
                         core::Log const& log,
                         BootState const& env) {
    if (!env.lost) return;
    add_problem(update, log, "boot environment was lost",
                "no copy of the boot environment had a good checksum; it is begun anew");
}

}   // namespace ota
