"""What rolls an update back, one by one: how to disable it, and whose test must then fail.

A name stands in the source too, in a comment "trigger: NAME" on the line that `old` is part of.
"""

from typing import NamedTuple


class Trigger(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    binary: str = "health_test"
    tests: str = "judge_test.cpp"


def always_good(name, file, old, new="true", tests="probes_test.cpp"):
    """A probe that finds nothing."""
    return Trigger(f"probe {name}", file, old, new, tests=tests)


PROBES = "health/probes.cpp"
OWN = "health/own_probes.cpp"
CONTAINER = "health/container_reading.cpp"
JUDGE = "health/judge.cpp"
LIFE = "ota/life_cycle.cpp"

TRIGGERS = [
    Trigger("failing probe", JUDGE, "reading.weight == core::Weight::required && !reading.good", "false"),
    Trigger("lost ability", JUDGE, "contains(before.good, reading.probe)", "false"),
    Trigger("whole window", JUDGE, "facts.healthy_for >= rules.window", "facts.healthy_for.count() > 0"),
    Trigger("rest at the limit", JUDGE, "facts.healthy_but_cable_for >= rules.window", "true"),
    Trigger("restless service", JUDGE, "restarts > rules.restarts_allowed", "false"),
    Trigger("limit", JUDGE, "facts.age >= rules.limit", "false"),
    Trigger("counted restart", JUDGE, "(counted || other_run)", "other_run"),
    Trigger("unseen restart", JUDGE, "(counted || other_run)", "counted"),
    Trigger("restarted container", JUDGE, "if (!is_required) continue;", "continue;"),
    Trigger("required container", "health/rules.cpp", "required_containers.contains(probe)", "false",
            tests="monitor_test.cpp"),
    Trigger("container not running", CONTAINER, """container.unit != "active\"""", "false",
            tests="container_reading_test.cpp"),
    Trigger("unhealthy container", CONTAINER,
            """return "it runs, and its health check says " + container.health;""", "return {};",
            tests="container_reading_test.cpp"),
    Trigger("lost container", CONTAINER, "!containers.known.contains(name)", "false",
            tests="container_reading_test.cpp"),
    Trigger("window begins anew", JUDGE, "since.reset();", "(void)since;"),
    Trigger("verdict acted upon", LIFE, "health.verdict == core::Verdict::roll_back", "false",
            "ota_test", "life_cycle_test.cpp"),
    Trigger("fallback recorded", LIFE, "co_await settlement_.roll_back(std::move(record), reason, Rejection::attempts)",
            "Result<void>{}", "ota_test", "life_cycle_test.cpp"),
    always_good("dns and ntp", PROBES, ".good = why.empty(),", ".good = true,"),
    always_good("dhcp", PROBES, "!lan.contains(*offered)", "false", "dhcp_message_test.cpp"),
    always_good("service", PROBES, "!service.running", "false"),
    always_good("unit", PROBES, "reading.good = state.running;", "reading.good = true;"),
    Trigger("probe unit, restarted", "core/systemd_unit.cpp", "now.invocation == seen.invocation", "true", "core_test",
            "systemd_unit_test.cpp"),
    always_good("lan_address", PROBES, "std::ranges::find(lan.addresses, text) != lan.addresses.end()"),
    always_good("lan_link", PROBES, ".good = lan.carrier,", ".good = true,"),
    always_good("wan_lease", PROBES, "!wan.addresses.empty()"),
    always_good("firewall", PROBES, ".good = firewall.applied,", ".good = true,"),
    always_good("forwarding", PROBES, ".good = forwarding.off,", ".good = true,"),
    always_good("cable", PROBES, "link.present && link.up && !link.carrier"),
    always_good("data_space", OWN, "*free_bytes >= minimum", tests="own_probes_test.cpp"),
    always_good("data_writable", OWN, ".good = written.has_value(),", ".good = true,", "own_probes_test.cpp"),
    always_good("document", OWN, ".good = !config.other_slot_accepts", ".good = true", "own_probes_test.cpp"),
    always_good("document, of the other slot", OWN, "&& !config.refuses_other_slots", "", "own_probes_test.cpp"),
    Trigger("no update server any more", OWN, ".good = false,", ".good = true,", tests="own_probes_test.cpp"),
    always_good("clock", OWN, "wall >= floor", tests="own_probes_test.cpp"),
    always_good("loop_latency", OWN, "late <= kTooLate", tests="own_probes_test.cpp"),
    always_good("container", CONTAINER, ".good = fault.empty(),", ".good = true,", "container_reading_test.cpp"),
    always_good("container, by podman's word", CONTAINER, """container.state != "running\"""", "false",
                "container_reading_test.cpp"),
    always_good("update_server", OWN, "reading.good = fault.empty();", "reading.good = true;", "own_probes_test.cpp"),
]
