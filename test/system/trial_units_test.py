#!/usr/bin/env python3
"""A trial on a real systemd: required units, and restarts by others, inside the window.

    isolated python3 trial_units_test.py           $ATOMIXD is the built program
"""

import json
import time

import systemd_container
import trial_end_test
from netlab import wait_until
from trial_end_test import Booted, drop_in

WINDOW = 6
LAN = "172.20.30.1"
STEADY = "[Service]\nType=exec\nExecStart=/bin/sleep infinity\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"
RESTLESS = "[Unit]\nStartLimitIntervalSec=0\n" + STEADY.replace("infinity", "1") + "[Service]\nRestartSec=100ms\n"


def setUpModule():
    trial_end_test.setUpModule()


class RequiredUnit(Booted):
    def setUp(self):
        super().setUp()
        drop_in(trial_end_test.TIMER, "soon", "")
        self.set_environment("ATOMIX_TRIAL=A\n")
        document = (trial_end_test.root / "etc/atomix/device.yaml").read_text()
        document = document.replace("window: 2s", f"window: {WINDOW}s\n  units: [wanted.service]")
        self.put("etc/atomix/device.yaml", document.replace("limit: 30s", "limit: 25s").encode())

    def boot_with(self, unit):
        if unit:
            directory = trial_end_test.root / "etc/systemd/system"
            links = directory / "multi-user.target.wants"
            links.mkdir(exist_ok=True)
            (directory / "wanted.service").write_text(unit)
            (links / "wanted.service").symlink_to("../wanted.service")
            self.addCleanup((directory / "wanted.service").unlink)
            self.addCleanup((links / "wanted.service").unlink)
        self.boot()
        self.container.wait_until_booted()

    def be_a_real_board(self):
        document = (trial_end_test.root / "etc/atomix/device.yaml").read_text()
        real, _, _ = document.replace("board: sim", "board: qemu").partition("sim:\n")
        self.put("etc/atomix/device.yaml", real.encode())

    def status(self):
        said = trial_end_test.sides.gw.run("curl", "-sf", "-m", "5", f"http://{LAN}:8080/api/v1/status", check=False)
        return json.loads(said) if said else None

    def held(self):
        """Seconds, or -1: not known."""
        status = self.status()
        return status["health"]["healthy_for_s"] if status else -1

    def is_committed(self):
        return self.environment() and "ATOMIX_TRIAL" not in self.environment()

    def wait_for_commit(self, seconds=40):
        self.assertTrue(wait_until(self.is_committed, seconds, 0.1), "no commit\n" + json.dumps(self.status(), indent=1))
        self.assertEqual("A B", self.environment()["BOOT_ORDER"])

    def assert_it_is_rolled_back(self, reason):
        self.assertTrue(wait_until(lambda: self.environment() and self.environment()["BOOT_ORDER"] == "B", 40, 0.1),
                        "no rollback\n" + json.dumps(self.status(), indent=1))
        self.assertNotIn("ATOMIX_TRIAL", self.environment())
        self.assertRegex(self.container.journal(), reason)

    def test_that_runs_for_the_window_is_committed(self):
        self.boot_with(STEADY)
        self.wait_for_commit()
        reading = next(one for one in self.status()["health"]["probes"] if one["probe"] == "unit:wanted.service")
        self.assertTrue(reading["good"])
        self.assertEqual(f"active, pid {self.container.show('wanted.service', 'MainPID')}", reading["detail"])

    def test_that_does_not_stay_up_is_rolled_back(self):
        self.boot_with(RESTLESS)
        self.assert_it_is_rolled_back("unit:wanted.service does not stay up: started again 4 times")

    def test_that_the_image_lacks_is_rolled_back(self):
        self.boot_with(None)
        self.assert_it_is_rolled_back("unit:wanted.service: systemd knows no wanted.service: the image lacks it")

    def test_on_a_board_with_systemd_reboots_the_machine_and_its_reason_is_in_the_journal(self):
        self.be_a_real_board()
        self.boot_with(None)
        self.assertTrue(wait_until(self.container.has_ended, 60, 0.1), "no reboot")
        self.assertTrue(self.container.has_rebooted())
        self.assertEqual("B", self.environment()["BOOT_ORDER"])
        self.assertRegex(self.journal(), 'board: rebooting in order why="rolled back: unit:wanted.service')

    def test_with_data_that_is_memory_is_rolled_back_and_the_mark_stays_for_the_old_slot(self):
        self.be_a_real_board()
        self.addCleanup(drop_in("atomixd.service", "lost", "[Service]\nExecStartPre=+/bin/sh -c 'echo data=lost "
                                                           ">/run/atomix-initrd'\n").unlink)
        self.boot_with(STEADY)
        self.assertTrue(wait_until(self.status, 20, 0.1))
        problem, = self.status()["update"]["problems"]
        self.assertIn("the data partition did not mount", problem)
        self.assertTrue(wait_until(self.container.has_ended, 60, 0.1), "no reboot")
        self.assertTrue(self.container.has_rebooted())
        self.assertEqual(("B", "A"), (self.environment()["BOOT_ORDER"], self.environment()["ATOMIX_TRIAL"]))
        self.assertIn("data_writable: the data partition did not mount; nothing is kept", self.journal())

    def test_and_dnsmasq_restarted_by_somebody_in_the_window_start_it_over(self):
        self.boot_with(STEADY)
        for unit in ("wanted.service", "atomix-dnsmasq.service"):
            self.assertTrue(wait_until(lambda: self.held() >= WINDOW // 2, 20, 0.1), "it does not hold")
            counted = self.container.show(unit, "NRestarts")
            self.container.run("systemctl", "restart", unit)
            restarted = time.monotonic()
            self.assertEqual(counted, self.container.show(unit, "NRestarts"))   # its invocation alone tells
            self.assertTrue(wait_until(lambda: 0 <= self.held() < WINDOW // 2, 5, 0.1), f"{unit}: nobody noticed")
            self.assertFalse(self.is_committed())
        self.wait_for_commit()
        self.assertGreaterEqual(time.monotonic() - restarted, WINDOW - 1)   # a round is made every second


if __name__ == "__main__":
    systemd_container.main()
