#pragma once
// What systemd says of a service's unit, and what follows from it. Pure.
//
// Names and words are systemd's: org.freedesktop.systemd1(5), the properties of Unit and Service objects.

#include "core/device_state.hpp"

#include <string>

namespace core {

struct UnitState {
    std::string load;     // LoadState: "loaded", "not-found", "masked", "bad-setting", "error"
    std::string file;     // FragmentPath: which file it is made of; empty: none
    std::string active;   // ActiveState: "active", "inactive", "failed", "activating", "deactivating", …
    std::string sub;      // SubState: "running", "auto-restart", "dead", …
    std::string invocation;   // InvocationID in hex, another one with each start; empty: none since the boot
    std::string result;       // Result: "success", "exit-code", "signal", "watchdog", "timeout", …
    unsigned restarts = 0;    // NRestarts: by systemd itself, since somebody started it
    int pid = 0;              // MainPID
    int code = 0;             // ExecMainCode, of the process that ended last: CLD_EXITED, CLD_KILLED, …
    int status = 0;           // ExecMainStatus: its exit status or signal
    Duration ran{};           // how long that process ran; 0 while one runs
    bool operator==(UnitState const&) const = default;
};

// Neither runs nor is on its way to.
bool is_down(UnitState const& unit);

// The service of `unit` as everybody else knows it, after `now` was seen, and `seen` before that. Starts are
// counted by invocations, and by systemd's count where it was faster than our looks.
Service service_after(Service before, std::string const& unit, UnitState const& seen, UnitState const& now);

// The same of a unit that others own, and that this program only looks at: it runs while it is active, also
// without a process (Type=oneshot).
Service observed_after(Service before, std::string const& unit, UnitState const& seen, UnitState const& now);

enum class UnitOrder { none, start, restart };

struct UnitPast {
    bool started_as_wanted = false;   // what it was started with last is the configuration that is wanted
    bool insisted = false;            // it was restarted for the sake of that configuration already
    std::string restarted;            // the invocation that was told to restart last: not twice
};

// A run of at least this long that ends by itself is followed by the next one at once; a shorter one waits
// for systemd (RestartSec of our units is as long), so that nothing is ever started more often than this.
inline constexpr Duration kSteadyRun = std::chrono::seconds{2};

UnitOrder order(UnitState const& unit, UnitPast const& past);

}   // namespace core
