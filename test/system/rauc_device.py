"""A device of RAUC's: two slots on loop devices, a U-Boot environment, a system.conf, and the real `rauc service` on a
D-Bus of its own. The same slots and environment can be written by us and judged by RAUC."""
import contextlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import bundles
import lab
from loop_device import LoopDevice

SLOTS = [f"{image}.{number}" for image in ("boot", "rootfs") for number in (0, 1)]
SIZES = {"boot": 2 << 20, "rootfs": 8 << 20}

CONFIGURATION = """\
[system]
compatible=atomix-sim
bootloader=uboot
bundle-formats=plain verity
mountprefix={at}/mnt
statusfile={at}/status.raucs
[keyring]
path={keyring}
"""

SLOT = """\
[slot.{name}]
device={device}
type=raw
{relation}
"""

BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={at}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class RaucDevice:
    """Slot A (boot.0, rootfs.0) is the booted one; slot B is spare. Both hold old bytes at first."""

    def __init__(self, environment):
        self.at = Path(tempfile.mkdtemp(prefix="rauc."))
        self._log = self.at / "log"
        self._environment = {**os.environ, "PATH": f"{self.at}/bin:{os.environ['PATH']}",
                           "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.at}/bus"}
        self._left = contextlib.ExitStack()
        self._left.callback(shutil.rmtree, self.at, ignore_errors=True)
        self.files = {name: self._old_bytes(name) for name in SLOTS}
        self._loops = {name: self._loop(file) for name, file in self.files.items()}
        self.config = self._make_environment(environment)
        self._write_configuration()
        (self.at / "mnt").mkdir()

    def close(self):
        self._left.close()

    def device(self, name):
        return self._loops[name].node

    def slots(self):
        """Every slot's bytes."""
        for loop in self._loops.values():
            loop.sync()
        return {name: file.read_bytes() for name, file in self.files.items()}

    def env(self):
        """BOOT_ORDER and the counters, as fw_printenv reads them."""
        lines = lab.run("fw_printenv", "-c", self.config).splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines) if name.startswith("BOOT_")}

    # --- RAUC

    def start_service(self, rauc="rauc"):
        """`rauc` serves this device until it is closed."""
        self._rauc = rauc
        self._start(["dbus-daemon", f"--config-file={self.at}/bus.conf", "--nofork"])
        self.service = self._start([rauc, "-c", self.at / "system.conf", "--override-boot-slot=A", "service"])
        limit = time.monotonic() + 20
        while self._ask("status").returncode != 0:
            assert time.monotonic() < limit, "RAUC's service does not answer: " + self._log.read_text()
            time.sleep(0.05)

    def install(self, bundle):
        done = self._ask("install", bundle)
        assert done.returncode == 0, done.stdout + done.stderr + self._log.read_text()

    def status(self):
        """`rauc status --detailed`: the primary slot's name, and the boot status of each bootname."""
        said = json.loads(self._ask("status", "--detailed", "--output-format=json").stdout)
        slots = [slot for entry in said["slots"] for slot in entry.values()]
        return said["boot_primary"], {slot["bootname"]: slot["boot_status"] for slot in slots if slot["bootname"]}

    def _ask(self, *words):
        return subprocess.run([self._rauc, *words], capture_output=True, text=True, timeout=60, env=self._environment)

    def _start(self, command):
        with self._log.open("a") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment)
        self._left.callback(process.wait)
        self._left.callback(process.terminate)
        return process

    # --- the parts of a device

    def _old_bytes(self, name):
        file = self.at / name
        file.write_bytes(random.Random(name).randbytes(SIZES[name.split(".")[0]]))
        return file

    def _loop(self, file):
        loop = LoopDevice(file)
        self._left.callback(loop.close)
        return loop

    def _make_environment(self, variables):
        """Two copies in one file; fw_setenv and fw_printenv, which RAUC calls without options, are led to them."""
        image, config = self.at / "environment", self.at / "fw_env.config"
        image.write_bytes(bytes(0x8000))
        config.write_text(f"{image} 0x0 0x4000\n{image} 0x4000 0x4000\n")
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        (self.at / "defaults").write_text(lines)
        for _ in range(2):   # the second store fills the second copy
            subprocess.run(["fw_setenv", "-c", config, "-f", self.at / "defaults", "-s", "-"], input=lines, text=True,
                           check=True, capture_output=True)
        (self.at / "bin").mkdir()
        for name in ("fw_setenv", "fw_printenv"):
            (self.at / "bin" / name).write_text(f'#!/bin/sh\nexec {shutil.which(name)} -c {config} "$@"\n')
            (self.at / "bin" / name).chmod(0o755)
        return config

    def _write_configuration(self):
        text = CONFIGURATION.format(at=self.at, keyring=bundles.keys() / "ca.pem")
        for name in SLOTS:
            image, number = name.split(".")
            relation = f"bootname={'AB'[int(number)]}" if image == "boot" else f"parent=boot.{number}"
            text += SLOT.format(name=name, device=self.device(name), relation=relation)
        (self.at / "system.conf").write_text(text)
        (self.at / "bus.conf").write_text(BUS.format(at=self.at))
