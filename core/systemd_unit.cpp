#include "core/systemd_unit.hpp"

#include <csignal>

namespace core {
namespace {

bool is_between_runs(UnitState const& unit) {
    return unit.active == "activating" && unit.sub == "auto-restart";
}

bool is_running(UnitState const& unit) {
    return unit.active == "active" && unit.pid > 0;
}

unsigned new_starts(UnitState const& seen, UnitState const& now) {
    if (now.invocation.empty() || now.invocation == seen.invocation) return 0;
    bool const counted_on = !seen.invocation.empty() && now.restarts > seen.restarts;
    return counted_on ? now.restarts - seen.restarts : 1;
}

// As a shell has it, and as ChildHost says it.
std::string end_of_run(UnitState const& unit) {
    int const status = unit.code == CLD_EXITED ? unit.status : 128 + unit.status;
    auto text = "ended with status " + std::to_string(status);
    if (unit.result != "success" && unit.result != "exit-code" && unit.result != "signal")
        text += ", " + unit.result;
    // systemd.exec(5), "Process Exit Codes": what went wrong before the program was there.
    if (unit.code == CLD_EXITED && unit.status >= 200 && unit.status <= 245)
        text += ", systemd could not start it";
    return text;
}

std::string why_not_loaded(std::string const& unit, std::string const& load) {
    if (load == "masked") return unit + " is masked: systemctl unmask " + unit;
    if (load == "not-found")
        return "systemd knows no " + unit + ": install it, or set services.host to children";
    return unit + " cannot be loaded (" + load + "): systemctl status " + unit + " says why";
}

std::string why_not_running(Service const& before, std::string const& unit, UnitState const& now) {
    if (is_down(now) && now.load != "loaded") return why_not_loaded(unit, now.load);
    if (is_between_runs(now) || now.active == "failed")
        return now.code == 0 ? unit + " failed, " + now.result : end_of_run(now);
    // systemd forgets a stopped unit that nothing refers to, its last invocation too.
    bool const was_started = before.starts > 0 || !now.invocation.empty();
    if (now.active == "inactive") return was_started ? "stopped by somebody" : "not started yet";
    return before.error;   // on its way: what led here holds
}

}   // namespace

bool is_down(UnitState const& unit) {
    return unit.active == "inactive" || unit.active == "failed";
}

Service service_after(Service before, std::string const& unit, UnitState const& seen, UnitState const& now) {
    auto const starts = before.starts + new_starts(seen, now);
    if (is_running(now))
        return {.running = true, .pid = now.pid, .starts = starts, .error = "", .invocation = now.invocation};
    return {.running = false,
            .pid = 0,
            .starts = starts,
            .error = why_not_running(before, unit, now),
            .invocation = now.invocation};
}

Service observed_after(Service before, std::string const& unit, UnitState const& seen, UnitState const& now) {
    auto after = service_after(std::move(before), unit, seen, now);
    if (now.active == "active" || now.active == "reloading") {
        after.running = true;
        after.pid = now.pid;
        after.error.clear();
    } else if (now.load == "not-found") {
        after.error = "systemd knows no " + unit + ": the image lacks it, or trial.units must not name it";
    } else if (after.error.empty()) {
        after.error = now.active + " (" + now.sub + ")";
    }
    return after;
}

UnitOrder order(UnitState const& unit, UnitPast const& past) {
    if (is_down(unit)) return unit.load == "loaded" ? UnitOrder::start : UnitOrder::none;
    bool const between_runs = is_between_runs(unit);
    if ((!between_runs && unit.active != "active") || unit.invocation == past.restarted)
        return UnitOrder::none;
    if (!past.started_as_wanted && !past.insisted) return UnitOrder::restart;
    return between_runs && unit.ran >= kSteadyRun ? UnitOrder::restart : UnitOrder::none;
}

}   // namespace core
