"""The product installed into a root of its own (an overlay of this machine's), and a very small init for its units.

    root = units.install(ATOMIXD)                   # run under ./isolated: the mounts are the test's own
    device = units.Init(root, lab.namespace("gw"))
    device.start("atomix-lan.service")              # exactly what the unit's lines say

What the small init leaves out (sandboxing, restarts, ordering) is systemd_boot_test.py's.
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
UNITS = sorted(path.name for path in (SOURCE / "deploy/systemd").glob("*.service"))
_UNIT_DIRECTORY = "usr/lib/systemd/system"
# /sys shows the network namespace of whoever mounted it, and `ip netns exec` mounts a fresh one.
_INSIDE = 'mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"'


def run(*argv, **options):
    return subprocess.run([str(word) for word in argv], check=True, **options)


def overlay(at, lower="/"):
    """The files of `lower`, writable, at `at`/root; what is written is memory and goes with the mount namespace."""
    at.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", at)
    for name in ("upper", "work", "root"):
        (at / name).mkdir()
    run("mount", "-t", "overlay", "-o", f"lowerdir={lower},upperdir={at}/upper,workdir={at}/work", "overlay", at / "root")
    return at / "root"


def install(atomixd, at=Path("/run/device")):
    root = overlay(at)
    install_files(root, atomixd)
    for name in ("proc", "dev", "run"):
        run("mount", "--bind", f"/{name}", root / name)
    Path("/run/atomix").mkdir(exist_ok=True)
    write_command_line(root)
    return root


def install_files(root, atomixd):
    run("cmake", "--install", Path(atomixd).parent, "--prefix", "/usr", stdout=subprocess.DEVNULL,
        env={**os.environ, "DESTDIR": str(root)})
    (root / "data/config").mkdir(parents=True)
    (root / "etc/atomix").mkdir()
    document = (SOURCE / "deploy/sim/device.yaml.in").read_text().replace("@BUILT@", '"2026-01-01T00:00:00Z"')
    document = document.replace("/run/atomix/cmdline", "/etc/atomix/cmdline")
    (root / "etc/atomix/device.yaml").write_text(document)
    (root / "etc/atomix/chronyd.env").write_text("CHRONYD_OPTIONS=-x\n")   # this machine's clock is not the test's


def write_command_line(root):
    (root / "etc/atomix/cmdline").write_text("rauc.slot=A atomix.boot_id=0123456789abcdef\n")


def replace(program, content):
    """Another program under this name; who runs the old one goes on."""
    fresh = program.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.chmod(0o755)
    fresh.rename(program)


class Unit:
    def __init__(self, root, name):
        self.name = name
        self.lines = re.findall(r"^(\w+)=(.*)$", (root / _UNIT_DIRECTORY / name).read_text(), re.M)
        self._root = root

    def values(self, key):
        return [value for name, value in self.lines if name == key]

    def commands(self, key):
        """(argv, may fail) of each line, with the variables of the environment files that stand as a word."""
        for value in self.values(key):
            words = shlex.split(value.lstrip("-+"))
            argv = [part for word in words
                    for part in (self._variable(word[1:]) if re.fullmatch(r"\$[A-Z_]+", word) else [word])]
            yield argv, value.startswith("-")

    def _variable(self, name):
        for file in self.values("EnvironmentFile"):
            path = self._root / file.lstrip("-/")
            for line in path.read_text().splitlines() if path.exists() else []:
                if line.startswith(name + "="):
                    return line.partition("=")[2].split()
        return []


class Init:
    def __init__(self, root, namespace, log):
        self.root, self.namespace, self._log = root, namespace, log
        self.processes = {}

    def start(self, name):
        unit = Unit(self.root, name)
        for directory in " ".join(unit.values("RuntimeDirectory")).split():
            (self.root / "run" / directory).mkdir(parents=True, exist_ok=True)
        for argv, may_fail in unit.commands("ExecStartPre"):
            self._run(argv, may_fail)
        if unit.values("Type") == ["oneshot"]:
            for argv, may_fail in unit.commands("ExecStart"):
                self._run(argv, may_fail)
            return
        (argv, _), = unit.commands("ExecStart")
        assert "chronyd" not in argv[0] or "-x" in argv, argv
        self.processes[name] = self.namespace.start(*self._inside(argv), stdout=self._log, stderr=self._log)

    def reload(self, name):
        for argv, may_fail in Unit(self.root, name).commands("ExecReload"):
            self._run(argv, may_fail)

    def run(self, *argv):
        return self.namespace.run(*self._inside(argv))

    def replace_binary(self, script):
        program = self.root / "usr/bin/atomixd"
        program.unlink()
        program.write_text(script)
        program.chmod(0o755)

    def power_off(self):
        """Nothing of this boot is left but the disk."""
        self.namespace.end_processes()
        self.processes.clear()
        shutil.rmtree(self.root / "run/atomix", ignore_errors=True)

    def _run(self, argv, may_fail):
        done = subprocess.run(["ip", "netns", "exec", self.namespace.name, *self._inside(argv)],
                              stdout=self._log, stderr=self._log, timeout=60)
        assert may_fail or done.returncode == 0, f"{argv}: status {done.returncode}"

    def _inside(self, argv):
        return ["sh", "-c", _INSIDE, str(self.root), *argv]
