"""What tests of updates do and look at."""
import images

OWNED = ("BOOT_ORDER", "BOOT_A_LEFT", "BOOT_B_LEFT")


def offer(machine, kind, version):
    machine.network.server.offer(version, images.bundle(kind, version))
    machine.poll()


def outcome(machine, kind):
    """The version that was committed or rolled back last, as the status tells it."""
    status = machine.status()
    return ((status or {}).get("update", {}).get(kind) or {}).get("version")


def until_committed(machine, version, limit=600):
    machine.run_until(lambda: outcome(machine, "last_commit") == version, limit, f"a commit of {version}")


def until_rolled_back(machine, version, limit=600):
    """Its reason, when the other version runs again."""
    def is_back():
        status = machine.status() or {}
        last = (status.get("update") or {}).get("last_rollback") or {}
        return last.get("version") == version != status["version"] and last

    return machine.run_until(is_back, limit, f"a rollback of {version}")["reason"]


def check_agreed(machine, slot, version):
    """The boot environment from outside and from inside, the command line, the system and the status say the same."""
    machine.run_until(lambda: machine.env().get(f"BOOT_{slot}_LEFT") == "3", 120, f"slot {slot} being marked good")
    status, env = machine.status(), machine.env()
    assert (status["slot"], status["version"]) == (slot, version)
    assert env["BOOT_ORDER"].split()[0] == slot     # alone after a rollback
    assert "ATOMIX_TRIAL" not in env
    inside = dict(line.split("=", 1) for line in machine.ssh("fw_printenv").splitlines() if "=" in line)
    assert {name: inside.get(name) for name in OWNED} == {name: env[name] for name in OWNED}
    assert f"rauc.slot={slot}" in machine.ssh("cat /proc/cmdline").split()
    assert f"VERSION_ID={version}" in machine.ssh("cat /etc/os-release").splitlines()
