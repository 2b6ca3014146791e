#pragma once
// Which boots began without an order: the one before did not end as a boot does, by a power cut, a panic or a
// watchdog. <data>/state/boots.json: {"boot_id", "ended_in_order", "on_trial", "unexpected",
// "unexpected_in_trial"}. It explains, and decides nothing.

#include "core/device_state.hpp"
#include "core/log.hpp"
#include "core/state_file.hpp"
#include "core/task.hpp"

#include <string>

namespace core {

struct BootRecord {
    std::string boot_id;
    bool ended_in_order = false;   // this program did, after its last start in this boot
    bool on_trial = false;         // the slot was, when last heard of
    unsigned unexpected = 0;
    unsigned unexpected_in_trial = 0;
    bool operator==(BootRecord const&) const = default;
};

// At a start of this program. Pure. A restart of it within a boot counts as nothing.
BootRecord next_boot(BootRecord before, std::string const& boot_id);

class BootBook {
public:
    // Reads the file and records this start. What cannot be read counts as a first boot, what cannot be
    // written is logged.
    BootBook(std::filesystem::path file, std::string const& boot_id, Log log);

    Boots boots(std::string reason) const;
    // Keeps in the file whether the slot is on trial.
    Task<void> run(StateBus& state);
    void ended_in_order();

private:
    void write();

    StateFile file_;
    Log log_;
    BootRecord record_;
};

}   // namespace core
