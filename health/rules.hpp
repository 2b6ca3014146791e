#pragma once
// What the image wants of its own trial: device.yaml, trial. Pure.

#include "config/device_document.hpp"
#include "core/device_state.hpp"
#include "core/time.hpp"

#include <map>
#include <set>
#include <string>

namespace health {

// Kept: required where it was good before the update, else wanted. What is only wanted is shown, and degrades
// a slot that is not on trial.
enum class Importance { required, kept, wanted, off };

// What a cable means that is out now and was in before the update: wait for it until the limit of the trial
// and then decide by the rest, or decide by the rest at once.
enum class Cable { wait, ignore };

struct Rules {
    core::Duration window{};         // every required probe must hold this long
    core::Duration limit{};          // a trial that is older than this has failed
    core::Duration grace{};          // from the beginning: restarts and failures within it do not count
    unsigned restarts_allowed = 3;   // of one service, after the grace
    Cable cable = Cable::wait;
    // Others: required; lan_link, update_server and the containers that the operator requires are kept,
    // further containers are wanted.
    std::map<std::string, Importance> probes;
    std::set<std::string> required_containers;   // their probes, "container:web"

    Importance importance_of(std::string const& probe) const;
};

Rules rules_of(config::DeviceDocument const& device);

// The same rules for what the operator requires of containers now (activation.required). A container that was
// good before the update and of which nothing is known now counts as one of those: the whole document is
// missing then, and with it the word on which of them are required.
Rules rules_for(Rules rules, core::Containers const& containers, core::Baseline const& before);

}   // namespace health
