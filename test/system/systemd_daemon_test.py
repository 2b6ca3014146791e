#!/usr/bin/env python3
"""The units own dnsmasq and chronyd, and atomixd runs beside them: nothing that happens to it touches them.

    isolated python3 systemd_daemon_test.py        $ATOMIXD is the built program
"""

import json
import os
import subprocess
import sys
import time
import unittest

import systemd_container
import units
from gateway_test import dns_query, ntp_query
from lan_client import Sides
from netlab import NetLab, wait_until

GATEWAY = "10.44.0.1"
PROVISIONED = """version: 1
network: {dnsmasq: {gateway_cidr: 10.44.0.1/24, dhcp_start: 10.44.0.10, dhcp_end: 10.44.0.99}}
"""
OTHER_RANGE = PROVISIONED.replace("0.10,", "0.200,").replace("0.99}", "0.210}")
DNSMASQ, CHRONYD = SERVICES = ("atomix-dnsmasq.service", "atomix-chronyd.service")
STARTED = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf"   # systemd.journal-fields(7): "Started …"

lab = sides = container = None


def setUpModule():
    global lab, sides, container
    lab = unittest.enterModuleContext(NetLab())
    sides = Sides(lab)
    root = systemd_container.make_root(os.environ["ATOMIXD"])
    device = root / "etc/atomix/device.yaml"
    device.write_text(device.read_text().replace("host: children", "host: systemd"))
    (root / "data/config/atomix.yaml").write_text(PROVISIONED)
    units.run("systemctl", "--quiet", "--root", root, "enable", *systemd_container.PRODUCT_UNITS)
    container = systemd_container.Container(root, sides.gw)
    systemd_container.boot(container)


def runs():
    """The present run of each service."""
    return {unit: container.show(unit, "InvocationID") for unit in SERVICES}


def starts(unit):
    """Since the boot, by the journal."""
    return container.run("journalctl", "-b", "-q", "-o", "cat", "-u", unit, STARTED, check=False).count("\n")


def service(name):
    said = sides.gw.run("curl", "-sf", "-m", "5", f"http://{GATEWAY}:8080/api/v1/status", check=False)
    return json.loads(said)["services"].get(name, {}) if said else {}


def dns_answers():
    try:
        return dns_query(sides.lan, "atomixos.local", GATEWAY, 0.01) == ([GATEWAY], 0)
    except OSError:   # also: nothing within the limit
        return False


class BesideTheUnits(unittest.TestCase):
    """In the order of their names: the device is one."""

    def wait_until_running(self, name):
        self.assertTrue(wait_until(lambda: service(name).get("running"), 20, 0.1), f"{name}: {service(name)}")

    def test_1_atomixd_finds_the_services_and_leaves_them_alone(self):
        for name in ("dnsmasq", "chronyd"):
            self.wait_until_running(name)
            self.assertEqual(service(name)["starts"], 1)
            self.assertEqual(service(name)["pid"], int(container.show(f"atomix-{name}.service", "MainPID")))
        self.assertEqual([starts(unit) for unit in SERVICES], [1, 1])
        sides.check_dhcp_dns_ntp(self, GATEWAY)
        self.assertNotIn("something else than device.yaml", container.journal())

    def test_2_whatever_happens_to_atomixd_the_services_go_on(self):
        before = runs()
        for restarts in range(1, 8):   # more than systemd's own limit
            container.run("systemctl", "kill", "--signal=KILL", "atomixd.service")
            for what, value in (("NRestarts", str(restarts)), ("ActiveState", "active")):
                self.assertTrue(wait_until(lambda: container.show("atomixd.service", what) == value, 20, 0.1), what)
            self.assertIn("chain ssh_on_wan", sides.gw.run("nft", "list", "table", "inet", "atomix"))
        self.wait_until_running("dnsmasq")
        self.assertEqual(runs(), before)
        container.run("systemctl", "restart", "atomixd.service")
        self.wait_until_running("dnsmasq")
        self.assertEqual(runs(), before)
        container.run("systemctl", "stop", "atomixd.service")
        sides.check_dhcp_dns_ntp(self, GATEWAY)
        self.assertEqual(runs(), before)
        container.run("systemctl", "start", "atomixd.service")
        self.wait_until_running("dnsmasq")
        self.assertEqual(runs(), before)

    def test_2b_an_atomixd_that_stands_still_is_started_again_and_the_services_go_on(self):
        drop_in = container.root / "etc/systemd/system/atomixd.service.d/hurry.conf"
        drop_in.write_text("[Service]\nWatchdogSec=2\n")
        container.run("systemctl", "daemon-reload")
        container.run("systemctl", "restart", "atomixd.service")
        self.wait_until_running("dnsmasq")
        before, run = runs(), container.show("atomixd.service", "InvocationID")
        self.assertFalse(wait_until(lambda: container.show("atomixd.service", "InvocationID") != run, 5, 0.5),
                         "killed while it was well")
        container.run("systemctl", "kill", "--signal=STOP", "atomixd.service")
        self.assertTrue(wait_until(lambda: container.show("atomixd.service", "NRestarts") == "1", 15, 0.1))
        self.assertIn("Watchdog timeout", container.journal())
        sides.check_dhcp_dns_ntp(self, GATEWAY)
        self.wait_until_running("dnsmasq")
        self.assertEqual(runs(), before)
        drop_in.unlink()
        container.run("systemctl", "daemon-reload")
        container.run("systemctl", "restart", "atomixd.service")
        self.assertEqual(container.show("atomixd.service", "WatchdogUSec"), "30s")

    def test_3_another_document_restarts_what_it_changes_once(self):
        before = runs()
        (container.root / "data/config/atomix.yaml").write_text(OTHER_RANGE)
        container.run("systemctl", "restart", "atomixd.service")
        self.assertTrue(wait_until(lambda: runs()[DNSMASQ] not in ("", before[DNSMASQ]), 10, 0.1))
        self.wait_until_running("dnsmasq")
        sides.check_dhcp_dns_ntp(self, GATEWAY)
        self.assertIn(int(sides.lease()[0].rsplit(".", 1)[1]), range(200, 211))
        self.assertEqual([starts(unit) for unit in SERVICES], [2, 1])
        self.assertEqual(runs()[CHRONYD], before[CHRONYD])

    def test_4_a_killed_service_is_back_at_once_and_counted(self):
        self.wait_until_running("dnsmasq")
        sides.check_dhcp_dns_ntp(self, GATEWAY)
        times, before = [], service("dnsmasq")["starts"]
        for kills in range(1, 6):
            run = int(container.show(DNSMASQ, "ExecMainStartTimestampMonotonic")) / 1e6
            self.assertTrue(wait_until(lambda: time.monotonic() - run > 2.1))   # a steady run
            pid = container.show(DNSMASQ, "MainPID")
            killed = time.monotonic()
            container.run("kill", "-KILL", pid)
            self.assertTrue(wait_until(dns_answers, 10, 0.001))
            times.append(time.monotonic() - killed)
            self.assertTrue(wait_until(lambda: service("dnsmasq").get("starts") == before + kills, 5, 0.02))
        print("    DNS after the kill, ms:", *(round(t * 1000) for t in times), file=sys.stderr)
        self.assertLess(sorted(times)[2], 1)   # systemd alone: 2 s
        self.assertIn("ended with status 137", container.journal())
        sides.check_dhcp_dns_ntp(self, GATEWAY)

    def test_5_without_atomixd_a_killed_service_is_back(self):
        container.run("systemctl", "stop", "atomixd.service")
        container.run("systemctl", "kill", "--signal=KILL", DNSMASQ)
        self.assertTrue(wait_until(dns_answers, 10, 0.1))
        container.run("systemctl", "start", "atomixd.service")
        self.wait_until_running("dnsmasq")

    def test_6_a_program_that_only_fails_is_started_at_a_bounded_rate_and_disturbs_nobody(self):
        chronyd = runs()[CHRONYD]
        program = container.root / "usr/sbin/dnsmasq"
        whole = program.read_bytes()
        units.replace(program, b"#!/bin/false\n")
        container.run("systemctl", "kill", "--signal=KILL", DNSMASQ)
        self.assertTrue(wait_until(lambda: service("dnsmasq").get("error") == "ended with status 1", 10, 0.1))
        begun, before = time.monotonic(), starts(DNSMASQ)
        time.sleep(6)
        most = (time.monotonic() - begun) / 2 + 2
        self.assertIn(starts(DNSMASQ) - before, range(1, int(most) + 1))
        self.assertGreater(service("dnsmasq")["starts"], 3)
        self.assertTrue(service("chronyd")["running"])
        self.assertTrue(wait_until(lambda: ntp_query(sides.lan, GATEWAY), 10, 0.2), "no time")
        self.assertEqual(runs()[CHRONYD], chronyd)
        units.replace(program, whole)
        self.wait_until_running("dnsmasq")
        sides.check_dhcp_dns_ntp(self, GATEWAY)

    def test_7_what_somebody_stops_is_started_again(self):
        for unit in SERVICES:
            container.run("systemctl", "stop", unit)
            self.assertTrue(wait_until(lambda: container.show(unit, "ActiveState") == "active", 10, 0.1), unit)
        self.wait_until_running("dnsmasq")
        sides.check_dhcp_dns_ntp(self, GATEWAY)

    def test_8_a_systemd_that_re_executes_itself_is_asked_again(self):
        before, counted = runs(), service("dnsmasq")["starts"]
        container.run("systemctl", "daemon-reexec")
        self.assertTrue(wait_until(lambda: container.show(DNSMASQ, "ActiveState") == "active", 10, 0.1))
        self.assertEqual(runs(), before)
        container.run("systemctl", "kill", "--signal=KILL", DNSMASQ)
        self.assertTrue(wait_until(lambda: service("dnsmasq").get("starts") == counted + 1, 10, 0.1))
        self.wait_until_running("dnsmasq")
        sides.check_dhcp_dns_ntp(self, GATEWAY)

    def test_9_at_a_shutdown_nothing_is_started_again(self):
        before = container.journal()
        container.run("systemctl", "poweroff", check=False)
        self.assertTrue(wait_until(container.has_ended, 20, 0.1))
        after = subprocess.run(["journalctl", "-q", "-D", container.root / "var/log/journal", "-o", "cat"],
                               capture_output=True, text=True).stdout
        self.assertEqual(after.count("ended in order"), before.count("ended in order") + 1)
        for line in ("asking for a start", "asking for a restart"):
            self.assertEqual(after.count(line), before.count(line), line)


if __name__ == "__main__":
    systemd_container.main()
