#include "core/systemd_unit.hpp"

#include <doctest/doctest.h>

#include <csignal>

using namespace std::chrono_literals;
using core::Service;
using core::service_after;
using core::UnitOrder;
using core::UnitPast;
using core::UnitState;

namespace {

UnitState running(std::string invocation, unsigned restarts = 0) {
    return {.load = "loaded",
            .active = "active",
            .sub = "running",
            .invocation = std::move(invocation),
            .result = "success",
            .restarts = restarts,
            .pid = 77};
}

UnitState ended(std::string invocation, int code, int status, core::Duration ran = 1s) {
    return {.load = "loaded",
            .active = "activating",
            .sub = "auto-restart",
            .invocation = std::move(invocation),
            .result = code == CLD_EXITED ? "exit-code" : "signal",
            .code = code,
            .status = status,
            .ran = ran};
}

UnitState down(std::string load, std::string active = "inactive", std::string invocation = "") {
    return {.load = std::move(load),
            .active = std::move(active),
            .sub = "dead",
            .invocation = std::move(invocation),
            .result = "success"};
}

}   // namespace

TEST_CASE("an observed unit runs while it is active, and each other run of it is a start") {
    auto done = running("a");
    done.sub = "exited";
    done.pid = 0;
    auto starting = running("b");
    starting.active = "activating";
    starting.sub = "start";
    starting.pid = 0;
    struct {
        char const* name;
        UnitState now;
        bool runs;
        int pid;
        unsigned starts;
        char const* error;
    } const cases[] = {
        {"as before", running("a"), true, 77, 1, ""},
        {"without a process", done, true, 0, 1, ""},
        {"run again by somebody", running("b"), true, 77, 2, ""},
        {"run again by systemd, faster than our looks", running("b", 3), true, 77, 4, ""},
        {"on its way", starting, false, 0, 2, "activating (start)"},
        {"between two runs", ended("a", CLD_EXITED, 3), false, 0, 1, "ended with status 3"},
        {"stopped", down("loaded", "inactive", "a"), false, 0, 1, "stopped by somebody"},
        {"gone", down("not-found"), false, 0, 1,
         "systemd knows no u.service: the image lacks it, or trial.units must not name it"},
    };
    auto const before = core::observed_after({}, "u.service", {}, running("a"));
    CHECK(before == Service{.running = true, .pid = 77, .starts = 1, .error = "", .invocation = "a"});
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const after = core::observed_after(before, "u.service", running("a"), c.now);
        CHECK(after.running == c.runs);
        CHECK(after.pid == c.pid);
        CHECK(after.starts == c.starts);
        CHECK(after.error == c.error);
    }
}

TEST_CASE("the state says why a unit does not run, and what to do") {
    auto timed_out = ended("a", CLD_KILLED, SIGABRT);
    timed_out.result = "watchdog";
    auto failed = down("loaded", "failed", "a");
    failed.result = "resources";
    struct {
        char const* name;
        UnitState unit;
        char const* want;
    } const cases[] = {
        {"runs", running("a"), ""},
        {"exited", ended("a", CLD_EXITED, 3), "ended with status 3"},
        {"killed, as a shell says it", ended("a", CLD_KILLED, SIGKILL), "ended with status 137"},
        {"with a core file", ended("a", CLD_DUMPED, SIGSEGV), "ended with status 139"},
        {"by systemd", timed_out, "ended with status 134, watchdog"},
        {"no such program", ended("a", CLD_EXITED, 203), "ended with status 203, systemd could not start it"},
        {"given up", failed, "u.service failed, resources"},
        {"never", down("loaded"), "not started yet"},
        {"stopped", down("loaded", "inactive", "a"), "stopped by somebody"},
        {"masked", down("masked"), "u.service is masked: systemctl unmask u.service"},
        {"missing", down("not-found"),
         "systemd knows no u.service: install it, or set services.host to children"},
        {"wrong", down("bad-setting"),
         "u.service cannot be loaded (bad-setting): systemctl status u.service says why"},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        auto const service = service_after({}, "u.service", {}, c.unit);
        CHECK(service.error == c.want);
        CHECK(service.running == (*c.want == '\0'));
        CHECK(service.pid == (service.running ? 77 : 0));
    }
}

TEST_CASE("a unit that systemd has forgotten was stopped, when it had been started") {
    CHECK(service_after({.starts = 1}, "u.service", running("a"), down("loaded")).error ==
          "stopped by somebody");
}

TEST_CASE("on its way to the next run a unit keeps the reason") {
    Service const before{.starts = 3, .error = "ended with status 3"};
    auto starting = running("b");
    starting.active = "activating";
    starting.sub = "start-pre";
    CHECK(service_after(before, "u.service", ended("a", CLD_EXITED, 3), starting).error == before.error);
}

TEST_CASE("starts are counted by invocations, and by systemd's count where looks were missed") {
    struct {
        char const* name;
        UnitState seen, now;
        unsigned want;
    } const cases[] = {
        {"found running, however often it was restarted before", {}, running("a", 30), 1},
        {"found not started", {}, down("loaded"), 0},
        {"the same run", running("a", 2), running("a", 2), 0},
        {"its end", running("a"), ended("a", CLD_EXITED, 1), 0},
        {"one restart", running("a", 2), running("b", 3), 1},
        {"three restarts between two looks", running("a", 2), running("d", 5), 3},
        {"started by hand, which begins the count anew", running("a", 2), running("b", 0), 1},
        {"counted before the run was seen", ended("a", CLD_EXITED, 1), running("b", 1), 1},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(service_after({.starts = 10}, "u.service", c.seen, c.now).starts == 10 + c.want);
        CHECK(service_after({}, "u.service", c.seen, c.now).invocation == c.now.invocation);
    }
}

TEST_CASE("a unit is started, restarted or left alone") {
    UnitPast const as_wanted{.started_as_wanted = true};
    UnitPast const otherwise{.started_as_wanted = false};
    UnitPast const insisted{.started_as_wanted = false, .insisted = true};
    UnitPast const told{.started_as_wanted = false, .restarted = "a"};
    auto const starting =
        UnitState{.load = "loaded", .active = "activating", .sub = "start-pre", .invocation = "a"};
    auto stopping = running("a");
    stopping.active = "deactivating";
    auto masked = running("a");
    masked.load = "masked";
    struct {
        char const* name;
        UnitState unit;
        UnitPast past;
        UnitOrder want;
    } const cases[] = {
        {"runs as wanted", running("a"), as_wanted, UnitOrder::none},
        {"runs otherwise", running("a"), otherwise, UnitOrder::restart},
        {"is restarting for that", running("a"), told, UnitOrder::none},
        {"that did not help", running("b"), insisted, UnitOrder::none},
        {"on its way up", starting, otherwise, UnitOrder::none},
        {"on its way down", stopping, otherwise, UnitOrder::none},
        {"not started", down("loaded"), otherwise, UnitOrder::start},
        {"given up", down("loaded", "failed", "a"), as_wanted, UnitOrder::start},
        {"masked", down("masked"), otherwise, UnitOrder::none},
        {"masked while it runs", masked, as_wanted, UnitOrder::none},
        {"died young", ended("a", CLD_EXITED, 1, 1999ms), as_wanted, UnitOrder::none},
        {"died after a steady run", ended("a", CLD_EXITED, 1, 2s), as_wanted, UnitOrder::restart},
        {"died young, with another configuration", ended("a", CLD_EXITED, 1, 0s), otherwise,
         UnitOrder::restart},
        {"died young, and another configuration did not help", ended("b", CLD_EXITED, 1, 0s), insisted,
         UnitOrder::none},
    };
    for (auto const& c : cases) {
        CAPTURE(c.name);
        CHECK(order(c.unit, c.past) == c.want);
    }
}
