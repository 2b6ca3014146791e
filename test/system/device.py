"""A device on the simulated board, with the real atomixd in the lab's gateway namespace.

Slots are small files, the boot loader's rules are deploy/sim/rules.sh. There is no chroot: what a slot would bring
along is its version (the first line of its root image) and its LAN service.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import bundles
import lab

ROOT = bundles.ROOT
ATOMIXD = Path(os.environ.get("ATOMIXD", ROOT / "build/dev/atomixd"))
RULES = ROOT / "deploy/sim/rules.sh"
SERIAL = "sim-0017"

DOCUMENT = """\
device: {{board: sim, compatible: atomix-sim, built: "{built}"}}
interfaces: {{wan: eth0, lan: eth1}}
slots:
  a: {{boot: {at}/slots/boot-a, rootfs: {at}/slots/rootfs-a}}
  b: {{boot: {at}/slots/boot-b, rootfs: {at}/slots/rootfs-b}}
boot: {{environment: {at}/fw_env.config, attempts: 3, command_line: {at}/run/cmdline}}
update:
  keyring: {keys}/ca.pem
  tls_ca: {keys}/tls-ca.pem
  interval: 1h
  first_poll: 1h
  trials_per_bundle: {trials}
trial: {{window: {window}, limit: {limit}, interval: 500ms, grace: 0s}}
services:
  host: children
  dnsmasq: {at}/dnsmasq
  chronyd: /usr/sbin/chronyd
  chronyc: /usr/bin/chronyc
  set_clock: false
paths: {{data: {at}/data, run: {at}/run, os_release: {at}/os-release}}
sim: {{reboot_request: {at}/run/reboot}}
"""

OPERATOR = """\
version: 1
network: {{ntp: {{servers: [{wan}]}}}}
os_upgrade: {{server_url: "{url}"}}
"""


class Device:
    def __init__(self, server_url, window="2s", limit="20s", trials=1, rootfs_size=4 << 20):
        lab.make()
        self._rootfs_size = rootfs_size
        self.at = Path(tempfile.mkdtemp(prefix="device."))
        self.process = None
        self.slot = None
        self._log = self.at / "log"
        self._log.touch()
        for name in ("slots", "data/config", "run"):
            (self.at / name).mkdir(parents=True)
        self._make_slots()
        self._make_environment()
        self.write_operator_document(server_url)
        (self.at / "device.yaml").write_text(DOCUMENT.format(
            at=self.at, keys=bundles.keys(), window=window, limit=limit, trials=trials,
            built=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())))

    def write_operator_document(self, server_url):
        (self.at / "data/config/atomix.yaml").write_text(OPERATOR.format(wan=lab.WAN_ADDRESS, url=server_url))

    # --- power

    def power_on(self):
        """A power cycle: the loader picks a slot, and atomixd is started as that slot's."""
        self.stop()
        lab.reset_gateway()
        shutil.rmtree(self.at / "run")
        (self.at / "run").mkdir()
        self.slot = self._load()
        (self.at / "run/cmdline").write_text(
            f"rauc.slot={self.slot} atomix.boot_id={os.urandom(8).hex()} atomix.serial={SERIAL} atomix.temperature=45454\n")
        version = self._version_in(self.slot)
        (self.at / "os-release").write_text(f"VERSION_ID={version}\n")
        self._install_lan_service(version)
        self.start()

    def start(self):
        """atomixd alone, as systemd's Restart= would."""
        environment = {**os.environ, "JOURNAL_STREAM": "1:1"}   # each line begins with its priority, <3> is an error
        with self._log.open("a") as log:
            self.process = subprocess.Popen(lab.inside("gw", ATOMIXD, "--config", self.at / "device.yaml"),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def peak_mib(self):
        """The most memory that atomixd has held since it was started."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """In order; returns its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("atomixd did not end within 15 s of SIGTERM\n" + self.tail()) from None

    def asks_for_reboot(self):
        return (self.at / "run/reboot").exists()

    def carry_on(self):
        """What loader and init do by themselves: a reboot that was asked for, or a new start after a crash."""
        if self.process.poll() is None:
            return
        if self.asks_for_reboot():
            self.power_on()
        else:
            self.start()

    def run_until(self, condition, seconds=60, what="it"):
        """Carries on until the condition holds."""
        limit = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > limit:
                raise AssertionError(f"not within {seconds} s: {what}\n{self.tail()}")
            self.carry_on()
            time.sleep(0.05)

    # --- questions

    def get(self, path):
        """The body, or None while nobody answers."""
        done = subprocess.run(lab.inside("lan", "curl", "-fsS", "--max-time", "5",
                                         f"http://{lab.LAN_ADDRESS}:8080{path}"), capture_output=True)
        return done.stdout.decode() if done.returncode == 0 else None

    def status(self):
        body = self.get("/api/v1/status")
        return json.loads(body) if body else None

    def update(self):
        status = self.status()
        return status["update"] if status else {"phase": None, "error": None, "last_poll": None}

    def is_serving(self):
        return self.get("/healthz") is not None

    def wait_until_serving(self):
        self.run_until(self._serves_its_lan, 20, "atomixd serves its LAN")

    def wait_for_phase(self, phase, seconds=60):
        self.run_until(lambda: self.update()["phase"] == phase, seconds, f"phase {phase}")

    def recorded_phase(self):
        try:
            return json.loads((self.at / "data/state/update.json").read_text())["phase"]
        except (OSError, ValueError, KeyError):
            return None

    def poll(self):
        self.process.send_signal(signal.SIGHUP)

    def log_lines(self):
        return self._log.read_text().splitlines()

    def tail(self):
        return "\n".join(self.log_lines()[-40:])

    def env(self):
        """The boot variables, or None when they cannot be read."""
        done = subprocess.run(["fw_printenv", "-c", self.at / "fw_env.config"], capture_output=True, text=True,
                              timeout=10)   # it waits for the lock, which nobody may keep
        return dict(line.split("=", 1) for line in done.stdout.splitlines()) if done.returncode == 0 else None

    def set_env(self, **variables):
        """While the device is off."""
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        subprocess.run(["fw_setenv", "-c", self.at / "fw_env.config", "-s", "-"], input=lines, text=True, check=True,
                       capture_output=True)

    def slots(self):
        """Every slot file and its content."""
        return {file.name: file.read_bytes() for file in sorted((self.at / "slots").iterdir())}

    # --- the parts of a device

    def _serves_its_lan(self):
        status = self.status()
        return status is not None and all(status["services"].get(name, {}).get("running")
                                          for name in ("dnsmasq", "chronyd"))

    def _make_slots(self):
        images = bundles.images("1.0.0")
        for slot in "ab":
            for name, image, size in (("boot", "boot.vfat", 1 << 20), ("rootfs", "rootfs.squashfs", self._rootfs_size)):
                content = (images / image).read_bytes() if slot == "a" else b""
                (self.at / f"slots/{name}-{slot}").write_bytes(content.ljust(size, b"\0"))

    def _make_environment(self):
        image = self.at / "env"
        image.write_bytes(bytes(0x8000))
        (self.at / "fw_env.config").write_text(f"{image} 0x0 0x4000\n{image} 0x4000 0x4000\n")
        (self.at / "defaults").write_text("BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n")
        for _ in range(2):   # the second store fills the second copy
            subprocess.run(["fw_setenv", "-c", self.at / "fw_env.config", "-f", self.at / "defaults", "-s", "-"],
                           input="BOOT_ORDER=A B\n", text=True, check=True, capture_output=True)

    def _load(self):
        """The slot that the loader's rules pick, after they saved what they count."""
        script = """ENV_CONFIG=$1/fw_env.config; . "$2"
            boot() { for part in boot rootfs; do ! cmp -s -n 4096 "$slots/$part-${1,,}" /dev/zero || return 1; done
                     echo "$1"; }
            slots=$1/slots; power_cycle boot || power_cycle boot"""
        done = subprocess.run(["bash", "-c", script, "loader", self.at, RULES], capture_output=True, text=True)
        with self._log.open("a") as log:
            log.write(done.stderr)
        assert done.stdout.strip() in ("A", "B"), "no slot boots: " + done.stderr
        return done.stdout.strip()

    def _version_in(self, slot):
        with open(self.at / f"slots/rootfs-{slot.lower()}", "rb") as file:
            return file.readline().decode().strip().removeprefix("version=")

    def _install_lan_service(self, version):
        """The slot's dnsmasq; in a version named "bad…" it does not stay up."""
        program = self.at / "dnsmasq"
        command = "timeout -s KILL 1 /usr/sbin/dnsmasq" if version.startswith("bad") else "/usr/sbin/dnsmasq"
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
