#!/usr/bin/env python3
"""Packets at a gateway's firewall from every side, one policy after the other; the code under test is net/firewall*.

    firewall_test.py <gateway_probe> [unittest arguments]

    wan 10.99.0.1, fd99::1 ---- eth0 10.99.0.2, fd99::2  gw  eth1 172.20.30.1, fd30::1 ---- 172.20.30.9, fd30::9 lan
                                                          gw  tun0 10.8.0.1 ---- 10.8.0.2 vpn
"""

import contextlib
import socket
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from gateway_test import connects, is_closed, is_open, listen, pings
from netlab import NetLab, wait_until
from packet_filter import PacketFilter, inbound

WAN_HOST, GW_WAN, GW_LAN, GW_VPN = "10.99.0.1", "10.99.0.2", "172.20.30.1", "10.8.0.1"
LISTENED = (22, 53, 80, 443, 8080, 8443)      # on the gateway, on all addresses

WAN_HOST6, GW_WAN6, GW_LAN6, FAR, FAR6 = "fd99::1", "fd99::2", "fd30::1", "10.77.0.2", "fd77::2"

lab = device = wan = gw = lan = vpn = None


def setUpModule():
    global device, wan, gw, lan, vpn
    wan, gw, lan, vpn = (lab.namespace(role) for role in ("wan", "gw", "lan", "vpn"))
    device = PacketFilter(lab, gw, PROBE)
    for side, name, port, ours, gateways in ((wan, "wan0", "eth0", ("10.99.0.1/24", "fd99::1/64"), ("10.99.0.2/24", "fd99::2/64")),
                                             (lan, "lan0", "eth1", ("172.20.30.9/24", "fd30::9/64"), ("172.20.30.1/24", "fd30::1/64")),
                                             (vpn, "vpn0", "tun0", ("10.8.0.2/24",), ("10.8.0.1/24",))):
        lab.veth(side, name, gw, port)
        for namespace, link, addresses in ((side, name, ours), (gw, port, gateways)):
            for address in addresses:
                namespace.run("ip", "addr", "add", address, "dev", link, *(["nodad"] if ":" in address else []))
            namespace.run("ip", "link", "set", link, "up")
        side.run("ip", "route", "add", "default", "via", gateways[0].split("/")[0])   # it tries to get everywhere
    gw.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0",
           "net.ipv4.conf.eth1.rp_filter=0")   # the table's work
    # Beyond the WAN host, a link that takes less than a full packet.
    far = lab.namespace("far")
    lab.veth(wan, "far0", far, "wan1")
    for namespace, link, addresses in ((wan, "far0", ("10.77.0.1/24", "fd77::1/64")), (far, "wan1", (FAR + "/24", FAR6 + "/64"))):
        for address in addresses:
            namespace.run("ip", "addr", "add", address, "dev", link, *(["nodad"] if ":" in address else []))
        namespace.run("ip", "link", "set", link, "mtu", "1300", "up")
    wan.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    gw.run("ip", "route", "add", "default", "via", WAN_HOST)
    gw.run("ip", "route", "add", "fd77::/64", "via", WAN_HOST6)
    for port in LISTENED:
        listen(gw, port)
        listen(gw, port, address="::")


def state():
    return device.state()


def firewall(document=None, *words, flags=()):
    return device.running(document, *words, flags=flags)


def counted(reason):
    return device.counted(reason)


class TheSides(unittest.TestCase):
    def check(self, namespace, address, open_ports):
        def is_right(port):
            return (is_open if port in open_ports else is_closed)(namespace, address, port)

        with ThreadPoolExecutor(len(LISTENED)) as pool:   # a closed port takes its time
            wrong = [port for port, right in zip(LISTENED, pool.map(is_right, LISTENED)) if not right]
        self.assertEqual(wrong, [], (namespace.name, address))

    def test_without_a_document_the_lan_has_its_services_and_the_wan_nothing(self):
        with firewall():
            self.assertEqual(state()["lan_access"], "required")
            self.check(lan, GW_LAN, {22, 53, 8080, 8443})
            self.check(wan, GW_WAN, {})
            self.check(vpn, GW_VPN, {22})

    def test_a_document_without_lan_ports_opens_the_lan_and_nothing_else(self):
        with firewall(inbound(wan={"tcp": [443]}), "bootstrap-on-wan"):
            self.assertEqual(state()["lan_access"], "open")
            self.check(lan, GW_LAN, LISTENED)
            self.check(wan, GW_WAN, {443})
            self.check(vpn, GW_VPN, {22})
            for namespace, addresses in ((lan, (GW_WAN, GW_VPN)), (wan, (GW_LAN, GW_VPN)), (vpn, (GW_WAN, GW_LAN))):
                for address in addresses:   # weak host model: never another side's address
                    self.assertTrue(is_closed(namespace, address, 22), (namespace.name, address))

    def test_a_document_with_lan_ports_allows_those_and_the_services(self):
        with firewall(inbound(lan={"udp": [5353], "tcp": [443]})):
            self.assertEqual(state()["lan_access"], "listed")
            self.check(lan, GW_LAN, {22, 53, 443, 8080, 8443})
            self.check(wan, GW_WAN, {})

    def test_the_bootstrap_port_is_open_on_the_wan_until_a_document_is_in_force(self):
        with firewall(None, "bootstrap-on-wan"):
            self.check(wan, GW_WAN, {8080})
            self.check(lan, GW_LAN, {22, 53, 8080, 8443})
            self.check(vpn, GW_VPN, {22})

    def test_the_vpn_has_ssh_even_when_the_wan_has_it_too(self):
        with firewall(None, flags=["ssh-wan-enabled"]):
            self.check(wan, GW_WAN, {22})
            self.check(vpn, GW_VPN, {22})
            self.assertFalse(pings(vpn, GW_VPN))


def path_mtu(family, address):
    """What the kernel has learned about the path after a packet too big for it."""
    with gw.socket(family, socket.SOCK_DGRAM) as s:
        level, discover, mtu = ((socket.IPPROTO_IP, 10, 14) if family == socket.AF_INET else   # in.h, in6.h
                                (socket.IPPROTO_IPV6, 23, 24))
        s.setsockopt(level, discover, 2)   # IP(V6)_PMTUDISC_DO
        s.connect((address, 9))
        with contextlib.suppress(OSError):
            s.send(bytes(1400))
        wait_until(lambda: s.getsockopt(level, mtu) < 1500, 2)
        return s.getsockopt(level, mtu)


class Control(unittest.TestCase):
    """ICMP: what a working host needs, and no more."""

    def test_a_path_with_a_small_mtu_is_learned(self):
        with firewall():
            self.assertEqual(path_mtu(socket.AF_INET, FAR), 1300)
            self.assertEqual(path_mtu(socket.AF_INET6, FAR6), 1300)

    def test_echo_is_answered_on_both_sides_and_limited_within_one_ping(self):
        with firewall(inbound()):
            for namespace, address in ((lan, GW_LAN), (wan, GW_WAN), (lan, GW_LAN6), (wan, GW_WAN6)):
                before = counted("echo_flood")
                self.assertTrue(pings(namespace, address), address)
                namespace.run("ping", "-n", "-q", "-c", "100", "-i", "0.002", "-W", "1", address, check=False)
                self.assertGreater(counted("echo_flood"), before + 40, address)
                self.assertTrue(wait_until(lambda: pings(namespace, address)), address)

    def test_the_neighbours_find_the_gateway_and_whoever_takes_its_address_is_told(self):
        with firewall():
            for namespace, link, theirs in ((wan, "wan0", GW_WAN6), (lan, "lan0", GW_LAN6)):
                namespace.run("ip", "-6", "neigh", "flush", "dev", link)
                self.assertTrue(pings(namespace, theirs), theirs)
                namespace.run("ip", "addr", "add", theirs + "/128", "dev", link)   # with DAD, from ::
                try:
                    self.assertTrue(wait_until(lambda: "dadfailed" in namespace.run("ip", "-6", "addr", "show", "dev", link), 5),
                                    theirs)
                finally:
                    namespace.run("ip", "addr", "del", theirs + "/128", "dev", link)


class Version6(unittest.TestCase):
    def test_the_policy_is_the_same(self):
        with firewall(inbound(wan={"tcp": [443]}, lan={"tcp": [80]})):
            TheSides.check(self, wan, GW_WAN6, {443})
            TheSides.check(self, lan, GW_LAN6, {22, 53, 80, 8080, 8443})

    def test_no_side_reaches_another_sides_address(self):
        lan.run("ip", "route", "add", "fd99::/64", "via", GW_LAN6)
        wan.run("ip", "route", "add", "fd30::/64", "via", GW_WAN6)
        with firewall(inbound(wan={"tcp": [443]})):
            before = counted("weak_host")
            self.assertTrue(is_closed(lan, GW_WAN6, 443))
            self.assertTrue(is_closed(wan, GW_LAN6, 443))
            self.assertGreaterEqual(counted("weak_host"), before + 2)

    def test_a_source_that_belongs_elsewhere_is_dropped(self):
        wan.run("ip", "addr", "add", "fd30::77/128", "dev", "lo", "nodad")
        lan.run("ip", "addr", "add", "fd99::77/128", "dev", "lo", "nodad")
        with firewall(inbound(wan={"tcp": [443]})):
            for namespace, source, address in ((wan, "fd30::77", GW_WAN6), (lan, "fd99::77", GW_LAN6)):
                before = counted("spoofed")
                with namespace.socket(socket.AF_INET6) as s:
                    s.settimeout(0.5)
                    s.bind((source, 0))
                    self.assertRaises(OSError, s.connect, (address, 443))
                self.assertGreater(counted("spoofed"), before)
            link_local = wan.run("sh", "-c", "ip -6 addr show dev wan0 scope link | sed -n 's,.*inet6 \\(.*\\)/64.*,\\1,p'").strip()
            self.assertTrue(pings(gw, link_local + "%eth0"))   # link-local sources belong to every link


class Drops(unittest.TestCase):
    def test_every_reason_counts(self):
        with firewall(inbound(lan={"tcp": [443]})):
            for reason, namespace, address, port in (("wan_closed", wan, GW_WAN, 80), ("lan_closed", lan, GW_LAN, 80),
                                                     ("vpn_closed", vpn, GW_VPN, 80), ("ssh_closed", wan, GW_WAN, 22),
                                                     ("weak_host", wan, GW_LAN, 80)):
                with self.subTest(reason):
                    self.assertEqual(counted(reason), 0)
                    self.assertTrue(is_closed(namespace, address, port))
                    self.assertGreater(counted(reason), 0)

    def test_new_ssh_connections_of_one_source_are_limited_and_others_still_get_in(self):
        wan.run("ip", "addr", "add", "10.99.0.77/24", "dev", "wan0")
        with firewall(None, flags=["ssh-wan-enabled"]):
            with ThreadPoolExecutor(30) as pool:
                opened = sum(pool.map(lambda _: connects(wan, GW_WAN, 22, 0.7), range(30)))
            self.assertGreaterEqual(opened, 10)
            self.assertLessEqual(opened, 16)
            self.assertGreater(counted("ssh_flood"), 0)
            with wan.socket() as s:
                s.settimeout(5)
                s.bind(("10.99.0.77", 0))
                s.connect((GW_WAN, 22))


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
        if not tests.result.wasSuccessful():
            print((lab.directory / "log").read_text(), file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
