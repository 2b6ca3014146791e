#!/usr/bin/env python3
"""Scenarios that a gateway must satisfy and that no other test tells as a whole (docs/acceptance.md has all of them):
real dnsmasq, chronyd and listeners, IPv4 and IPv6.

    acceptance_test.py <gateway_probe> [unittest arguments]
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

import packets
from gateway_test import connects, is_closed, is_open, listen, ntp_query, pings
from netlab import NetLab, wait_until
from packet_filter import PacketFilter, inbound

FLAG = "ssh-wan-enabled"
LISTENED = (22, 443, 8080, 9090)

lab = gw = sides = device = None


def setUpModule():
    global gw, sides, device
    gw, sides = packets.join(lab)
    device = PacketFilter(lab, gw, PROBE)
    for address in ("0.0.0.0", "::"):
        for port in LISTENED:
            listen(gw, port, address=address)
        answer(address, 1194)


def answer(address, port):
    """Sends back what comes by UDP, as long as the test runs."""
    listener = gw.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, port))

    def serve():
        while True:
            data, peer = listener.recvfrom(512)
            listener.sendto(data, peer)

    threading.Thread(target=serve, daemon=True).start()


def answers(side, version, port, limit=5):
    with side.namespace.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(limit)
        s.sendto(b"?", (side.addresses[version], port))
        try:
            return s.recv(16) == b"?"
        except OSError:
            return False


class Firewall(unittest.TestCase):
    def check(self, name, open_ports, closed_ports):
        for version in (4, 6):
            side = sides[name]
            for port in open_ports:
                self.assertTrue(is_open(side.namespace, side.addresses[version], port), (name, version, port))
            for port in closed_ports:
                self.assertTrue(is_closed(side.namespace, side.addresses[version], port), (name, version, port))

    def test_the_wan_is_closed_before_a_document_is_in_force_and_has_its_ports_then(self):
        with device.running():
            self.check("wan", (), (22, 443, 8080))
            for version in (4, 6):
                self.assertFalse(answers(sides["wan"], version, 1194, 0.5))
        with device.running(inbound(wan={"tcp": [443], "udp": [1194]})):
            self.check("wan", (443,), (22, 8080))
            for version in (4, 6):
                self.assertTrue(answers(sides["wan"], version, 1194))
            self.check("lan", (9090,), ())
            self.check("vpn", (22,), (443, 9090))

    def test_lan_ports_that_an_operator_lists_are_open_beside_the_required_ones_and_no_other(self):
        with device.running(inbound(wan={"tcp": [443]}, lan={"tcp": [443]})):
            self.check("lan", (22, 443, 8080), (9090,))
            self.check("wan", (443,), (22, 8080, 9090))
            self.assertEqual(gw.run("sysctl", "-n", "net.ipv4.ip_forward").strip(), "0")

    def test_ssh_on_the_wan_follows_its_flag_there_and_back(self):
        with device.running(inbound(wan={"tcp": [443]})):
            self.check("wan", (), (22,))
            (device.config / FLAG).touch()
            self.assertTrue(wait_until(lambda: device.state()["ssh_on_wan"]))
            self.check("wan", (22,), ())
            (device.config / FLAG).unlink()
            self.assertTrue(wait_until(lambda: not device.state()["ssh_on_wan"]))
            self.check("wan", (), (22,))


class Services(unittest.TestCase):
    """The whole gateway, which starts without a cable in its WAN port."""

    @classmethod
    def setUpClass(cls):
        upstream = sides["wan"].namespace
        upstream.run("sysctl", "-qw", "net.ipv6.conf.host0.keep_addr_on_down=1")
        upstream.run("ip", "link", "set", "host0", "down")
        device.config.mkdir(parents=True, exist_ok=True)
        device.run.mkdir(exist_ok=True)
        (device.run / "state.json").unlink(missing_ok=True)
        (device.config / "atomix.yaml").write_text(
            "version: 1\nnetwork:\n  ntp: {servers: [10.99.0.1]}\n"
            "  firewall: {inbound: {wan: {udp: [67, 123]}, lan: {tcp: [8443]}}}\n")
        (lab.directory / "upstream.conf").write_text(
            f"local stratum 3\nallow 10.99.0.0/16\ncmdport 0\nbindcmdaddress /\npidfile {lab.directory}/upstream.pid\n")
        with open(lab.directory / "log", "a") as log:
            upstream.start("chronyd", "-x", "-d", "-u", "root", "-f", str(lab.directory / "upstream.conf"), stderr=log)
            cls.process = gw.start(device.probe, str(device.config.parent), str(device.run), "eth0", "eth1", stderr=log)
        if not wait_until(lambda: device.state().get("dnsmasq") and device.state().get("chronyd"), 20):
            raise AssertionError("the gateway did not start")

    @classmethod
    def tearDownClass(cls):
        cls.process.send_signal(signal.SIGTERM)
        cls.process.wait(20)

    def online(self):
        """How many time servers chronyd takes for reachable; -1 while it does not say."""
        path = device.run / "chrony/chronyd.sock"
        told = gw.run("chronyc", "-h", str(path), "-c", "activity", check=False).split(",")
        return int(told[0]) + int(told[2]) if len(told) > 3 else -1

    def test_1_without_a_wan_no_time_server_is_asked_and_the_lan_has_a_time_of_stratum_10(self):
        self.assertTrue(wait_until(lambda: self.online() == 0, 15, 0.2), self.online())
        self.assertTrue(wait_until(lambda: ntp_query(sides["lan"].namespace, "172.20.30.1") == (0, 10)))
        self.assertFalse(device.state().get("synchronised"))

    def test_2_when_the_wan_comes_back_the_time_becomes_its_servers(self):
        sides["wan"].namespace.run("ip", "link", "set", "host0", "up")
        self.assertTrue(wait_until(lambda: self.online() == 1, 15, 0.2), self.online())
        self.assertTrue(wait_until(lambda: device.state().get("synchronised"), 30, 0.2))
        self.assertTrue(wait_until(lambda: ntp_query(sides["lan"].namespace, "172.20.30.1") == (0, 4), 10, 0.2))

    def test_3_time_and_leases_are_for_the_lan_alone_even_where_their_ports_are_open_on_the_wan(self):
        wan = sides["wan"].namespace
        self.assertTrue(wait_until(lambda: pings(wan, "10.99.0.2")))   # the way is there
        self.assertIsNone(ntp_query(wan, "10.99.0.2"))
        self.assertNotEqual(self.ask_for_a_lease(wan), 0)
        self.assertEqual(self.ask_for_a_lease(sides["lan"].namespace), 0)

    def ask_for_a_lease(self, namespace):
        client = namespace.start("busybox", "udhcpc", "-f", "-q", "-n", "-i", "host0", "-t", "2", "-T", "4",
                                 "-s", "/bin/true", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return client.wait(20)

    def test_4_a_lan_host_reaches_nothing_on_the_wan(self):
        wan, lan = sides["wan"], sides["lan"].namespace
        for version in (4, 6):
            listen(wan.namespace, 7000 + version, address={4: "0.0.0.0", 6: "::"}[version])
            lan.run("ip", f"-{version}", "route", "replace", "default", "via", sides["lan"].addresses[version])
            self.assertTrue(connects(gw, wan.neighbours[version], 7000 + version, 5))
            self.assertTrue(is_closed(lan, wan.neighbours[version], 7000 + version))
            self.assertFalse(pings(lan, wan.neighbours[version]))
            self.assertFalse(pings(lan, wan.addresses[version]))   # the gateway's own


if __name__ == "__main__":
    PROBE = os.path.abspath(sys.argv.pop(1))
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
        if not tests.result.wasSuccessful():
            print((lab.directory / "log").read_text()[-4000:], file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
