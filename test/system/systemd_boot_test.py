#!/usr/bin/env python3
"""The units of deploy/systemd under a real systemd, with atomixd masked: the LAN is served, the WAN is closed.

    isolated python3 systemd_boot_test.py          $ATOMIXD is the built program
"""

import os
import time
import unittest

import systemd_container
import units
from lan_client import GW_WAN, Sides, WAN_HOST
from netlab import NetLab, wait_until

GATEWAY = "10.44.0.1"
PROVISIONED = "version: 1\nnetwork: {dnsmasq: {gateway_cidr: 10.44.0.1/24, dhcp_start: 10.44.0.10, dhcp_end: 10.44.0.99}}\n"
WAN_NETWORK = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n"

lab = sides = container = None


def setUpModule():
    global lab, sides, container
    lab = unittest.enterModuleContext(NetLab())
    sides = Sides(lab, wan_is_dhcp=True)
    sides.wan.start("dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--interface=wan0", "--bind-dynamic",
                    f"--dhcp-range={GW_WAN},{GW_WAN},255.255.255.0,2m", f"--dhcp-option=3,{WAN_HOST}", "--no-ping",
                    "--dhcp-authoritative", "--user=root", "--pid-file=", f"--dhcp-leasefile={lab.directory}/wan-leases",
                    "--log-facility=/dev/null")
    root = systemd_container.make_root(os.environ["ATOMIXD"])
    (root / "data/config/atomix.yaml").write_text(PROVISIONED)
    (root / "etc/systemd/network/10-wan.network").write_text(WAN_NETWORK)
    units.run("systemctl", "--quiet", "--root", root, "enable", "systemd-networkd.service",
              *systemd_container.PRODUCT_UNITS)
    units.run("systemctl", "--quiet", "--root", root, "disable", "atomixd.service")
    units.run("systemctl", "--quiet", "--root", root, "mask", "atomixd.service")

    container = systemd_container.Container(root, sides.gw)
    systemd_container.boot(container)
    sides.listen_on_the_gateway()
    unittest.addModuleCleanup(sides.close)


class Boot(unittest.TestCase):
    """In the order of their names: the device is one."""

    def test_1_the_filter_is_there_before_any_network(self):
        self.assertEqual(container.show("atomixd.service", "LoadState"), "masked")
        loaded = int(container.show("atomix-firewall.service", "ActiveEnterTimestampMonotonic"))
        for later in ("systemd-networkd.service", "atomix-dnsmasq.service", "atomix-chronyd.service"):
            self.assertLess(loaded, int(container.show(later, "ExecMainStartTimestampMonotonic")), later)
        self.assertLess(int(container.show("atomix-lan.service", "ActiveEnterTimestampMonotonic")),
                        int(container.show("atomix-dnsmasq.service", "ExecMainStartTimestampMonotonic")))

    def test_2_the_lan_is_served_and_the_rest_is_closed(self):
        self.assertTrue(wait_until(lambda: GW_WAN in sides.gw.run("ip", "-4", "addr", "show", "dev", "eth0"), 20),
                        "networkd has no lease on the WAN")
        sides.check_the_lan_is_served(self, GATEWAY)
        sides.check_the_rest_is_closed(self, GATEWAY)

    def test_3_a_killed_service_is_back(self):
        prepared = container.show("atomix-lan.service", "ExecMainExitTimestampMonotonic")
        for unit in ("atomix-dnsmasq.service", "atomix-chronyd.service"):
            container.run("systemctl", "kill", "--signal=KILL", unit)
            self.assertTrue(wait_until(lambda: container.show(unit, "NRestarts") == "1", 10, 0.2), unit)
        sides.check_the_lan_is_served(self, GATEWAY)
        # Nothing was prepared anew: the operator's document may be another one by now.
        self.assertEqual(container.show("atomix-lan.service", "ExecMainExitTimestampMonotonic"), prepared)

    def test_4_the_filter_cannot_be_taken_away_and_can_be_loaded_again(self):
        for verb in ("stop", "restart"):
            container.run("systemctl", verb, "atomix-firewall.service", check=False)
            self.assertEqual(container.show("atomix-firewall.service", "ActiveState"), "active")
        container.run("systemctl", "reload", "atomix-firewall.service")
        self.assertEqual(container.show("systemd-networkd.service", "ActiveState"), "active")
        sides.check_the_wan_is_closed(self, GATEWAY)

    def test_5_a_program_that_only_fails_is_started_at_a_bounded_rate(self):
        program = container.root / "usr/sbin/dnsmasq"
        whole = program.read_bytes()
        units.replace(program, b"#!/bin/false\n")
        container.run("systemctl", "restart", "atomix-dnsmasq.service", check=False)
        before = int(container.show("atomix-dnsmasq.service", "NRestarts"))
        time.sleep(5)
        self.assertIn(int(container.show("atomix-dnsmasq.service", "NRestarts")) - before, range(1, 5))
        self.assertEqual(container.show("atomix-chronyd.service", "ActiveState"), "active")
        units.replace(program, whole)
        self.assertTrue(wait_until(lambda: container.show("atomix-dnsmasq.service", "SubState") == "running", 10, 0.2))
        sides.check_the_lan_is_served(self, GATEWAY)


class BootWithARulesetThatTheKernelRefuses(unittest.TestCase):
    def test_there_is_no_wan_and_the_lan_is_served(self):
        container.end()
        sides.gw.run("nft", "delete", "table", "inet", "atomix")
        for interface in ("eth0", "eth1"):
            sides.gw.run("ip", "addr", "flush", "dev", interface)
            sides.gw.run("ip", "link", "set", interface, "down")
        (container.root / "usr/lib/atomix/atomix.nft").write_text("table inet atomix { nonsense }\n")
        units.run("systemctl", "--quiet", "--root", container.root, "mask", "atomixd.service")

        container.power_on()
        self.assertEqual(container.wait_until_booted(), "degraded")
        self.assertEqual(container.show("atomix-firewall.service", "Result"), "exit-code")
        self.assertEqual(container.show("systemd-networkd.service", "ActiveState"), "inactive")
        self.assertIn("state DOWN", sides.gw.run("ip", "link", "show", "eth0"))
        sides.check_the_lan_is_served(self, GATEWAY)


if __name__ == "__main__":
    systemd_container.main()
