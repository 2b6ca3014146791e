#include "core/heartbeat.hpp"

#include <algorithm>

namespace core {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeToEnd = 30s;   // for a task that was told to end
constexpr auto kForget = 1h;       // then a restart is no longer the last thing that was tried

}   // namespace

Diagnosis diagnose(std::vector<Operation> const& late,
                   std::map<std::string, TimePoint> const& restarted,
                   TimePoint now) {
    Diagnosis found;
    for (auto const& operation : late) {
        auto const why = operation.task + " has not finished " + operation.what + " within " +
                         std::to_string(count_s(operation.limit)) + " s";
        auto const known = restarted.find(operation.task);
        if (known == restarted.end() || now - known->second > kForget) {
            if (found.remedy == Remedy::none) found = {Remedy::restart, operation.task, why};
            continue;
        }
        if (operation.since > known->second) return {Remedy::end, operation.task, why + ", again"};
        if (now - known->second > kTimeToEnd)
            return {Remedy::end, operation.task, why + ", and does not end when it is told to"};
    }
    return found;
}

Task<void> Heartbeat::run() {
    for (;;) {
        look();
        co_await clock_.sleep_for(interval_);
    }
}

void Heartbeat::look() {
    auto now_overdue = progress_.overdue();
    std::vector<Operation> late;
    for (auto const& operation : now_overdue)
        if (std::ranges::find(overdue_, operation) != overdue_.end()) late.push_back(operation);
    overdue_ = std::move(now_overdue);

    auto const found = diagnose(late, restarted_, clock_.now());
    if (found.remedy == Remedy::end) {
        log_(Level::error, "a task hangs, this program ends itself",
             {{"task", found.task}, {"why", found.why}});
        acts_.end(found.why);
        return;   // unfed: should that not work either, the watchdog does it
    }
    if (found.remedy == Remedy::restart) {
        log_(Level::error, "a task hangs, it is restarted", {{"task", found.task}, {"why", found.why}});
        restarted_[found.task] = clock_.now();
        supervisor_.restart(found.task);
    }
    acts_.feed();
}

}   // namespace core
