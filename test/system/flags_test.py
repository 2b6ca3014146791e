#!/usr/bin/env python3
"""The flag for SSH on the WAN as a file, and the kernel's rule that follows it: config/flag_watcher, net/firewall.

    flags_test.py <gateway_probe> [unittest arguments]
"""

import os
import random
import shutil
import signal
import sys
import unittest
from pathlib import Path

from netlab import NetLab, wait_until
from packet_filter import PacketFilter

FLAG = "ssh-wan-enabled"

lab = gw = device = None


def setUpModule():
    global gw, device
    gw = lab.namespace("gw")
    device = PacketFilter(lab, gw, PROBE)
    for name in ("eth0", "eth1"):
        lab.veth(gw, name, gw, "peer-" + name)


def rules(chain="ssh_on_wan"):
    """The rules of one chain as nft prints them."""
    lines = [line.strip() for line in gw.run("nft", "list", "chain", "inet", "atomix", chain).splitlines()]
    return lines[2:lines.index("}", 2)]


CLOSED, OPEN = ['counter name "ssh_closed" drop'], ["accept"]


class TheRule(unittest.TestCase):
    def setUp(self):
        self.enterContext(device.running())
        self.addCleanup(self.empty)

    def empty(self):
        shutil.rmtree(device.config, ignore_errors=True)

    def follows(self, is_open):
        wanted = OPEN if is_open else CLOSED
        self.assertTrue(wait_until(lambda: rules() == wanted), (rules(), device.state()))

    def test_opens_with_a_file_that_is_made_and_closes_when_it_is_removed(self):
        self.follows(False)
        (device.config / FLAG).touch()
        self.follows(True)
        (device.config / FLAG).unlink()
        self.follows(False)

    def test_stays_through_a_replacement_by_rename_and_goes_when_the_file_is_renamed_away(self):
        draft = device.config / "draft"
        draft.touch()
        draft.rename(device.config / FLAG)
        self.follows(True)
        before = device.state()["transactions"]
        for _ in range(100):
            draft.touch()
            draft.rename(device.config / FLAG)
        (device.config / FLAG).rename(draft)
        self.follows(False)
        self.assertTrue(wait_until(lambda: device.state()["transactions"] == before + 1), device.state())

    def test_follows_a_directory_that_is_deleted_and_made_anew(self):
        (device.config / FLAG).touch()
        self.follows(True)
        shutil.rmtree(device.config)
        self.follows(False)
        device.config.mkdir()
        self.follows(False)
        (device.config / FLAG).touch()
        self.follows(True)

    def test_follows_a_directory_that_is_exchanged_with_the_flag_in_it(self):
        fresh = lab.directory / "data/fresh"
        fresh.mkdir()
        (fresh / FLAG).touch()
        device.config.rename(lab.directory / "data/old")
        fresh.rename(device.config)
        self.follows(True)
        shutil.rmtree(lab.directory / "data/old")
        (device.config / FLAG).unlink()
        self.follows(False)

    def test_follows_when_the_queue_of_events_overflows(self):
        most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        for is_open in (True, False):
            os.kill(device.process.pid, signal.SIGSTOP)   # nobody takes an event
            try:
                for _ in range(most // 2 + 10):
                    (device.config / "noise").touch()
                    (device.config / "noise").unlink()
                (device.config / FLAG).touch() if is_open else (device.config / FLAG).unlink()
            finally:
                os.kill(device.process.pid, signal.SIGCONT)
            self.follows(is_open)

    def test_follows_a_file_system_that_is_mounted_over_the_directory_late_and_unmounted_again(self):
        self.mount_over(device.config)

    def test_follows_a_file_system_that_is_mounted_over_the_parent_of_the_directory_late(self):
        self.mount_over(device.config.parent)

    def mount_over(self, place):
        inside = Path(f"/proc/{device.process.pid}/root{device.config}")   # as that process sees it

        def enter(*argv):
            gw.run("nsenter", f"--mount=/proc/{device.process.pid}/ns/mnt", *argv)

        (device.config / FLAG).touch()
        self.follows(True)
        enter("mount", "-t", "tmpfs", "atomix-test", str(place))
        self.follows(False)
        inside.mkdir(exist_ok=True)
        (inside / FLAG).touch()
        self.follows(True)
        (inside / FLAG).unlink()
        self.follows(False)
        enter("umount", "--lazy", str(place))
        self.follows(True)
        (device.config / FLAG).unlink()
        self.follows(False)

    def test_is_right_and_there_once_after_ten_thousand_random_toggles(self):
        table = gw.run("nft", "list", "table", "inet", "atomix")
        before = device.state()["transactions"]
        dice = random.Random(20261126)
        for _ in range(10_000):
            (device.config / FLAG).touch() if dice.random() < 0.5 else (device.config / FLAG).unlink(missing_ok=True)
            if dice.random() < 0.01:
                self.assertTrue(wait_until(lambda: rules() == (OPEN if (device.config / FLAG).exists() else CLOSED)))
        for is_open in (True, False):
            (device.config / FLAG).touch() if is_open else (device.config / FLAG).unlink()
            self.follows(is_open)
        self.assertEqual(gw.run("nft", "list", "table", "inet", "atomix"), table)   # no leftover anywhere
        state = device.state()
        self.assertEqual(state["repairs"], 0)
        self.assertGreater(state["transactions"], before + 10)


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
        if not tests.result.wasSuccessful():
            print((lab.directory / "log").read_text()[-4000:], file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
