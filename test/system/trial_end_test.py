#!/usr/bin/env python3
"""A trial ends without atomixd: the timer of deploy/systemd reboots a slot that nobody commits, and no other one.

    isolated python3 trial_end_test.py             $ATOMIXD is the built program
"""

import os
import subprocess
import sys
import unittest

import systemd_container
import units
from lan_client import Sides
from netlab import NetLab, wait_until

TIMER, SERVICE = "atomix-trial-end.timer", "atomix-trial-end.service"
FAILING = b"#!/bin/false\n"
HANGING = b"#!/bin/sh\nexec sleep infinity\n"
LOCKING = b'#!/bin/sh\n[ -z "$*" ] || exit 1\nexec 9>/var/lock/fw_printenv.lock; flock 9; exec sleep infinity\n'
# Asks nobody, and says what it was asked for.
DEAF = b"""#!/bin/sh
[ "$1" = reboot ] || exec /usr/bin/systemctl.real "$@"
echo "$*" >>/data/asked
"""
BROKEN_DISK = "none /nowhere tmpfs size=nonsense 0 0\n"   # a container has no devices

lab = sides = root = None


def setUpModule():
    global lab, sides, root
    lab = unittest.enterModuleContext(NetLab())
    sides = Sides(lab)
    root = systemd_container.make_root(os.environ["ATOMIXD"])
    (root / "data/state").mkdir()
    document = root / "etc/atomix/device.yaml"
    text = document.read_text().replace("host: children", "host: systemd").replace("window: 5s", "window: 2s")
    document.write_text(text)
    units.run("systemctl", "--quiet", "--root", root, "enable", *systemd_container.PRODUCT_UNITS, TIMER)


def drop_in(unit, name, lines):
    directory = root / f"etc/systemd/system/{unit}.d"
    directory.mkdir(exist_ok=True)
    (directory / f"{name}.conf").write_text(lines)
    return directory / f"{name}.conf"


class Booted(unittest.TestCase):
    """The booted slot is A. Its root file system is every test's."""

    def setUp(self):
        self.container = None
        self.addCleanup(self.end_container)
        (root / "var/lib/env").write_bytes(bytes(0x8000))
        for name, below in (("fw_env.config", ""), ("fw_env.host", root)):
            place = f"{below}/var/lib/env"
            (root / "etc" / name).write_text(f"{place} 0x0 0x4000\n{place} 0x4000 0x4000\n")
        self.set_environment("BOOT_ORDER=A B\nBOOT_A_LEFT=2\nBOOT_B_LEFT=3\n")
        self.reason = root / "data/state/trial-end"
        for left in (self.reason, root / "data/asked", root / "data/state/update.json"):
            left.unlink(missing_ok=True)
        drop_in(TIMER, "soon", "[Timer]\nOnBootSec=\nOnBootSec=4s\n")

    def end_container(self):
        if self.container and not self.container.has_ended():
            self.container.end()
        if self._outcome.result.failures or self._outcome.result.errors:
            print(self.journal()[-8000:], file=sys.stderr)

    def put(self, name, content):
        """Another file, until the end of this test."""
        path = root / name
        whole = path.read_bytes()
        self.addCleanup(units.replace, path, whole)
        units.replace(path, content)

    def set_environment(self, lines):
        subprocess.run(["fw_setenv", "-c", root / "etc/fw_env.host", "-f", "/dev/null", "-s", "-"], input=lines,
                       text=True, check=True, capture_output=True)

    def environment(self):
        said = subprocess.run(["fw_printenv", "-c", root / "etc/fw_env.host"], capture_output=True, text=True)
        return dict(line.split("=", 1) for line in said.stdout.splitlines())

    def boot(self):
        self.container = systemd_container.Container(root, sides.gw)

    def journal(self):
        """Of the last boot, running or not."""
        return subprocess.run(["journalctl", "-q", "-D", root / "var/log/journal", "-o", "cat", "-b"],
                              capture_output=True, text=True).stdout


class TrialEnd(Booted):
    def assert_it_reboots(self):
        self.boot()
        self.assertTrue(wait_until(self.container.has_ended, 60, 0.1), "no reboot")
        self.assertTrue(self.container.has_rebooted())
        self.assertIn("slot A was on trial without a commit", self.journal())

    def assert_it_is_left_alone(self):
        self.boot()
        self.container.wait_until_booted()
        self.assertTrue(wait_until(lambda: self.container.show(SERVICE, "ExecMainExitTimestampMonotonic") != "0", 20))
        self.assertFalse(wait_until(self.container.has_ended, 3, 0.2), "rebooted")
        self.assertFalse(self.reason.exists())

    def test_an_atomixd_that_only_fails_is_rebooted_and_the_reason_is_kept(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        self.put("usr/bin/atomixd", FAILING)
        self.assert_it_reboots()
        self.assertRegex(self.reason.read_text(), r"^A slot A was on trial without a commit \d+ s after the boot, so it "
                                                  r"was rebooted without atomixd \(.*NRestarts=\d+.*\)\n$")
        self.assertEqual(self.environment()["ATOMIX_TRIAL"], "A")   # the loader counts, and goes back

    def test_an_atomixd_that_hangs_is_rebooted(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        self.put("usr/bin/atomixd", HANGING)
        self.assert_it_reboots()
        self.assertIn("ActiveState=activating", self.reason.read_text() + self.journal())

    def test_an_atomixd_that_refuses_its_document_is_rebooted(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        self.put("etc/atomix/device.yaml", b"device: {board: toaster}\n")
        self.assert_it_reboots()
        self.assertIn("toaster", self.journal())

    def test_an_atomixd_that_hangs_with_the_environment_locked_is_rebooted(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        self.put("usr/bin/atomixd", LOCKING)
        self.assert_it_reboots()
        self.assertIn("keeps the boot environment locked", self.journal())

    def test_a_slot_that_only_reaches_the_emergency_shell_is_rebooted(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        self.put("etc/fstab", BROKEN_DISK.encode())
        self.assert_it_reboots()
        self.assertIn("Emergency", self.journal())

    def test_a_reboot_that_does_not_come_is_forced_and_then_the_kernels_and_all_of_it_again(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        self.put("usr/bin/atomixd", FAILING)
        systemctl = (root / "usr/bin/systemctl").read_bytes()
        units.replace(root / "usr/bin/systemctl.real", systemctl)
        self.put("usr/bin/systemctl", DEAF)
        hurry = drop_in(SERVICE, "hurry", "[Service]\nExecStart=\nExecStart=/usr/lib/atomix/trial-end 1 1 /run/sysrq\n"
                                  "RestartSec=1s\n")
        self.addCleanup(hurry.unlink)
        self.boot()
        self.container.wait_until_booted()
        asked = root / "data/asked"
        self.assertTrue(wait_until(lambda: asked.exists() and asked.read_text().count("\n") >= 4, 30, 0.1))
        self.assertEqual(asked.read_text().splitlines()[:4],
                         ["reboot", "reboot --force", "reboot --force --force", "reboot"])
        self.assertEqual(self.container.run("cat", "/run/sysrq"), "b\n")   # a file of the test's

    def test_a_slot_that_is_not_on_trial_is_left_alone(self):
        self.put("usr/bin/atomixd", FAILING)
        self.assert_it_is_left_alone()
        self.assertEqual(self.container.show(SERVICE, "Result"), "success")

    def test_a_trial_of_the_other_slot_is_none_here(self):
        self.set_environment("ATOMIX_TRIAL=B\n")
        self.put("usr/bin/atomixd", FAILING)
        self.assert_it_is_left_alone()
        self.assertEqual(self.container.show(SERVICE, "Result"), "success")

    def test_an_environment_that_cannot_be_read_leaves_the_device_alone_and_is_looked_at_again(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        (root / "var/lib/env").write_bytes(b"x" * 0x8000)
        self.put("usr/bin/atomixd", FAILING)
        self.assert_it_is_left_alone()
        self.assertIn("the boot environment cannot be read, so the device is left alone", self.journal())
        self.assertEqual(self.container.show(SERVICE, "SubState"), "auto-restart")

    def test_a_healthy_atomixd_commits_and_is_left_alone(self):
        self.set_environment("ATOMIX_TRIAL=A\n")
        drop_in(TIMER, "soon", "")
        self.boot()
        self.assertTrue(wait_until(lambda: self.environment() and "ATOMIX_TRIAL" not in self.environment(), 60, 0.2),
                        "no commit")
        self.container.wait_until_booted()
        self.container.run("systemctl", "start", SERVICE)
        self.assertIn("slot A is not on trial", self.journal())
        self.assertFalse(wait_until(self.container.has_ended, 2, 0.2), "rebooted")
        self.assertFalse(self.reason.exists())


class Units(unittest.TestCase):
    def test_systemd_finds_nothing_to_say_about_the_units(self):
        said = subprocess.run(["systemd-analyze", "verify", "--man=no", "--root", root, f"/usr/lib/systemd/system/{TIMER}",
                               f"/usr/lib/systemd/system/{SERVICE}"], capture_output=True, text=True)
        self.assertEqual((said.stdout, said.stderr, said.returncode), ("", "", 0))


if __name__ == "__main__":
    systemd_container.main()
