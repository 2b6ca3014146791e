#pragma once
// Feeds the watchdogs for as long as the loop runs and no task outlives a limit that it gave itself. A task
// that does is restarted, once; if that does not help, this process ends itself, and the service manager
// starts it again.

#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/supervisor.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace core {

// What to do about operations that are overdue. Pure.
enum class Remedy { none, restart, end };
struct Diagnosis {
    Remedy remedy = Remedy::none;
    std::string task;   // whose; empty for none
    std::string why;    // one sentence
    bool operator==(Diagnosis const&) const = default;
};
// `late`: overdue at two looks, one after the other, so that a machine that was suspended, or a process that
// was stopped, has a chance to go on first. `restarted`: when each task was restarted last.
Diagnosis diagnose(std::vector<Operation> const& late,
                   std::map<std::string, TimePoint> const& restarted,
                   TimePoint now);

class Heartbeat {
public:
    struct Acts {
        std::function<void()> feed;
        std::function<void(std::string const& why)> end;   // this process; not in order, since a task hangs
    };
    Heartbeat(Clock& clock,
              Progress const& progress,
              Supervisor& supervisor,
              Log log,
              Duration interval,
              Acts acts)
        : clock_{clock},
          progress_{progress},
          supervisor_{supervisor},
          log_{std::move(log)},
          interval_{interval},
          acts_{std::move(acts)} {}

    // Feeds at once, and then every interval. Ends only by cancellation.
    Task<void> run();

private:
    void look();

    Clock& clock_;
    Progress const& progress_;
    Supervisor& supervisor_;
    Log log_;
    Duration interval_;
    Acts acts_;
    std::vector<Operation> overdue_;   // at the last look
    std::map<std::string, TimePoint> restarted_;
};

}   // namespace core
