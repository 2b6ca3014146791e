#!/usr/bin/env python3
"""Nothing on the LAN depends on atomixd: what deploy/systemd's units say is done here, line by line, without it.

    isolated python3 without_daemon_test.py        $ATOMIXD is the built program
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import units
from gateway_test import listen
from lan_client import Eavesdropper, GW_WAN, Sides, dhcp_offers
from netlab import NetLab, wait_until

DEFAULT, OTHER = "172.20.30.1", "10.44.0.1"
PROVISIONED = """version: 1
network:
  dnsmasq: {gateway_cidr: 10.44.0.1/24, dhcp_start: 10.44.0.10, dhcp_end: 10.44.0.99, domain: lab}
"""
BOOT = ("atomix-firewall.service", "atomix-lan.service", "atomix-dnsmasq.service", "atomix-chronyd.service")
ROOT = None
LOG = Path("/run/log")


class World(unittest.TestCase):
    def setUp(self):
        self.lab = self.enterContext(NetLab())
        self.log = self.enterContext(LOG.open("a"))
        print(f"--- {self.id()}", file=self.log, flush=True)
        self.sides = Sides(self.lab)
        self.addCleanup(self.sides.close)
        self.device = units.Init(ROOT, self.sides.gw, self.log)
        self.addCleanup(self._reset)

    def _reset(self):
        self.device.power_off()
        units.run("rm", "-rf", *(ROOT / "data").glob("*"))
        (ROOT / "data/config").mkdir()
        units.run("cp", os.environ["ATOMIXD"], ROOT / "usr/bin/atomixd.new")
        (ROOT / "usr/bin/atomixd.new").rename(ROOT / "usr/bin/atomixd")

    def boot(self):
        for unit in BOOT:
            self.device.start(unit)
        self.sides.listen_on_the_gateway()

    def boot_again(self):
        self.device.power_off()
        self.sides.close()
        self.sides.gw.run("nft", "delete", "table", "inet", "atomix")
        self.sides.gw.run("ip", "addr", "flush", "dev", "eth1")
        self.boot()

    def provision(self, text=PROVISIONED):
        (ROOT / "data/config/atomix.yaml").write_text(text)


class Files(unittest.TestCase):
    def test_systemd_finds_nothing_wrong_with_the_units(self):
        paths = ["/usr/lib/systemd/system/" + name for name in units.UNITS]
        self.assertGreater(len(paths), 5)
        done = subprocess.run(["chroot", ROOT, "systemd-analyze", "verify", "--man=no", *paths], capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_atomixd_may_do_little_that_it_need_not(self):
        done = subprocess.run(["chroot", ROOT, "systemd-analyze", "security", "--offline=true", "--no-pager",
                               "--threshold=30", "/usr/lib/systemd/system/atomixd.service"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Overall exposure level for atomixd.service: ", done.stdout)

    def test_the_interfaces_are_the_images(self):
        document = (ROOT / "etc/atomix/device.yaml").read_text()
        ruleset = (ROOT / "usr/lib/atomix/atomix.nft").read_text()
        for name in ("wan", "lan"):
            interface = re.search(rf"^  {name}: (\w+)$", document, re.M).group(1)
            self.assertIn(f'define {name} = "{interface}"\n', ruleset)
        self.assertNotIn("flush ruleset", ruleset)


class WithoutTheDaemon(World):
    def test_the_lan_is_served_and_the_rest_is_closed(self):
        self.boot()
        self.sides.check_the_lan_is_served(self, DEFAULT)
        self.sides.check_the_rest_is_closed(self, DEFAULT)
        # What is built in for a program that cannot run is what the program would do.
        self.assertEqual((ROOT / "data/lan/last").read_text(), (ROOT / "usr/lib/atomix/lan-default").read_text())
        self.sides.check_an_open_gateway_would_be_seen(self, DEFAULT)

    def test_other_tables_are_left_alone(self):
        self.sides.gw.run("nft", "add table inet mine; add chain inet mine c { type filter hook input priority 5; }")
        self.device.start("atomix-firewall.service")
        self.device.reload("atomix-firewall.service")
        tables = self.sides.gw.run("nft", "list", "tables").split("\n")
        self.assertEqual(sorted(filter(None, tables)), ["table inet atomix", "table inet mine"])

    def test_ssh_is_open_by_ipv6_on_the_lan_only(self):
        self.boot()
        listener = self.sides.gw.socket(socket.AF_INET6)
        self.addCleanup(listener.close)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(("::", 22))
        listener.listen()
        # A link-local address is tentative for a second or two.
        self.assertTrue(wait_until(lambda: self.reaches_by_ipv6(self.sides.lan, "lan0", "eth1"), 10))
        self.assertFalse(self.reaches_by_ipv6(self.sides.wan, "wan0", "eth0"))
        self.sides.gw.run("nft", "delete", "table", "inet", "atomix")
        self.assertTrue(wait_until(lambda: self.reaches_by_ipv6(self.sides.wan, "wan0", "eth0"), 10))

    def reaches_by_ipv6(self, host, own, interface):
        said = self.sides.gw.run("ip", "-6", "-o", "addr", "show", "dev", interface, "scope", "link")
        address = re.search(r"inet6 (\S+)/", said)
        if not address:
            return False
        with host.inside():
            scope = socket.if_nametoindex(own)
        with host.socket(socket.AF_INET6) as s:
            s.settimeout(1)
            return s.connect_ex((address.group(1), 22, 0, scope)) == 0

    def test_the_operators_subnet_is_served_from_the_first_packet(self):
        self.provision()
        ears = Eavesdropper(self.sides.lan)
        self.sides.start_udhcpc()   # a client that is there before the gateway
        with self.lab.directory.joinpath("monitor").open("w") as heard:
            self.sides.gw.start("ip", "-o", "monitor", "address", stdout=heard)
            self.boot()
            self.assertTrue(wait_until(self.sides.lease_file.exists, 30))
        self.sides.check_the_lan_is_served(self, OTHER)
        self.sides.check_the_rest_is_closed(self, OTHER)
        frames = ears.end()
        self.assertGreater(len(dhcp_offers(frames)), 1)
        self.assertFalse([offer for offer in dhcp_offers(frames) if not offer.startswith("10.44.0.")])
        self.assertFalse([frame for frame in frames if bytes((172, 20, 30)) in frame[14:]])
        said = (self.lab.directory / "monitor").read_text()
        self.assertIn(OTHER, said)
        self.assertNotIn(DEFAULT, said)

    def test_a_refused_document_leaves_the_last_accepted_one_in_force(self):
        self.provision()
        self.boot()
        self.provision("version: 2\nnetwork: 7\n")
        self.boot_again()
        self.sides.check_the_lan_is_served(self, OTHER)

    def test_an_interface_that_comes_later_is_served(self):
        self.sides.disconnect_lan()
        self.boot()
        self.sides.connect_lan()
        self.device.start("atomix-lan-link.service")
        self.sides.check_the_lan_is_served(self, DEFAULT)


class WithABrokenProgram(World):
    def test_what_was_served_last_is_served(self):
        self.provision()
        self.boot()
        before = {name: (ROOT / "run/atomix" / name).read_text()
                  for name in ("dnsmasq.conf", "dnsmasq-hosts", "chrony.conf")}
        self.device.replace_binary("#!/bin/false\n")
        ears = Eavesdropper(self.sides.lan)
        self.boot_again()
        self.sides.check_the_lan_is_served(self, OTHER)
        self.sides.check_the_rest_is_closed(self, OTHER)
        self.assertFalse([frame for frame in ears.end() if bytes((172, 20, 30)) in frame[14:]])
        self.assertEqual(before, {name: (ROOT / "run/atomix" / name).read_text() for name in before})
        self.assertIn("10.44.0.255", self.sides.gw.run("ip", "addr", "show", "dev", "eth1"))

    def test_the_default_is_served_where_there_was_nothing_before_even_if_it_hangs(self):
        self.device.replace_binary("#!/bin/sh\nexec sleep 60\n")
        self.boot()
        self.sides.check_the_lan_is_served(self, DEFAULT)
        self.assertTrue((ROOT / "data/lan/dnsmasq.leases").exists())
        self.assertIn("172.20.30.0/24 dev eth1", self.sides.gw.run("ip", "route", "show", "table", "172"))
        self.assertIn("lookup 172", self.sides.gw.run("ip", "rule"))

    def test_the_default_is_served_where_what_was_kept_is_cut_short(self):
        self.provision()
        self.boot()
        last = ROOT / "data/lan/last"
        last.write_text(last.read_text()[:-5])
        self.device.replace_binary("#!/bin/false\n")
        self.boot_again()
        self.sides.check_the_lan_is_served(self, DEFAULT)

    def test_an_interface_that_comes_later_is_served(self):
        self.device.replace_binary("#!/bin/false\n")
        self.sides.disconnect_lan()
        self.boot()
        self.sides.connect_lan()
        self.device.start("atomix-lan-link.service")
        self.sides.check_the_lan_is_served(self, DEFAULT)


class WithoutData(World):
    @contextlib.contextmanager
    def read_only(self):
        units.run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", ROOT / "data")
        try:
            yield
        finally:
            units.run("umount", "-l", ROOT / "data")

    def test_the_lan_is_served_from_memory(self):
        with self.read_only():
            self.boot()
            self.sides.check_the_lan_is_served(self, DEFAULT)
            self.device.power_off()


class Knocking:
    """A WAN host that never stops trying SSH: by new connections, several at once."""

    def __init__(self, sides):
        self.let_in = 0
        self.tried = 0
        self._ended = False
        self._listener = listen(sides.gw, 22, self._count)
        self._wan = sides.wan
        self._threads = [threading.Thread(target=self._knock, daemon=True) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def end(self):
        self._ended = True
        for thread in self._threads:
            thread.join()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _count(self, connection):
        self.let_in += 1
        connection.close()

    def _knock(self):
        while not self._ended:
            burst = [self._wan.socket() for _ in range(10)]
            for each in burst:
                each.setblocking(False)
                each.connect_ex((GW_WAN, 22))
            self.tried += len(burst)
            time.sleep(0.005)
            for each in burst:
                each.close()


class WhenTheDaemonTakesOver(World):
    def rules(self):
        return self.sides.gw.run("nft", "list", "table", "inet", "atomix", check=False)

    def are_atomixds(self):
        return "chain ssh_on_wan" in self.rules()

    def test_ssh_on_the_wan_is_open_at_no_instant(self):
        self.device.start("atomix-firewall.service")
        self.device.start("atomix-lan.service")
        knocking = Knocking(self.sides)
        self.addCleanup(knocking.end)
        time.sleep(0.3)

        self.device.start("atomixd.service")
        self.assertTrue(wait_until(self.are_atomixds, 20), "atomixd does not take over")
        for _ in range(8):   # later each time
            self.device.reload("atomix-firewall.service")
            self.assertTrue(wait_until(self.are_atomixds, 10), "atomixd does not repair a reload")
        self.device.processes["atomixd.service"].kill()
        time.sleep(0.3)
        self.assertTrue(self.are_atomixds())
        self.device.reload("atomix-firewall.service")
        time.sleep(0.3)
        self.assertFalse(self.are_atomixds())
        self.assertGreater(knocking.tried, 100)
        self.assertEqual(knocking.let_in, 0)

        (ROOT / "data/config/ssh-wan-enabled").touch()   # the knocking is not deaf
        self.device.start("atomixd.service")
        self.assertTrue(wait_until(lambda: knocking.let_in, 20))


if __name__ == "__main__":
    ROOT = units.install(os.environ["ATOMIXD"])
    tests = unittest.main(verbosity=2, exit=False)
    if not tests.result.wasSuccessful():
        print(LOG.read_text(), file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
