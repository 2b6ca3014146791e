#!/usr/bin/env python3
"""Packets at a gateway's firewall from every side, one policy after the other; the code under test is net/firewall*.

    firewall_test.py <gateway_probe> [unittest arguments]

    wan 10.99.0.1, fd99::1 ---- eth0 10.99.0.2, fd99::2  gw  eth1 172.20.30.1, fd30::1 ---- 172.20.30.9, fd30::9 lan
                                                          gw  tun0 10.8.0.1 ---- 10.8.0.2 vpn
"""

import contextlib
import json
import os
import socket
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from gateway_test import is_closed, is_open, listen, pings
from netlab import NetLab, wait_until

WAN_HOST, GW_WAN, GW_LAN, GW_VPN = "10.99.0.1", "10.99.0.2", "172.20.30.1", "10.8.0.1"
LISTENED = (22, 53, 80, 443, 8080, 8443)      # on the gateway, on all addresses

lab = wan = gw = lan = vpn = None


def setUpModule():
    global wan, gw, lan, vpn
    wan, gw, lan, vpn = (lab.namespace(role) for role in ("wan", "gw", "lan", "vpn"))
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
    for port in LISTENED:
        listen(gw, port)
        listen(gw, port, address="::")


def state():
    try:
        return json.loads((lab.directory / "run/state.json").read_text())
    except (OSError, ValueError):
        return {}


@contextlib.contextmanager
def firewall(document=None, *words, flags=()):
    """The firewall of an operator's document, or of none, while the block runs; nothing is left of it after."""
    config, run = lab.directory / "data/config", lab.directory / "run"
    for directory in (config, run):
        directory.mkdir(parents=True, exist_ok=True)
    (run / "state.json").unlink(missing_ok=True)
    for name in flags:
        (config / name).touch()
    if document is not None:
        (config / "atomix.yaml").write_text("version: 1\n" + document)
    with open(lab.directory / "log", "a") as log:
        probe = gw.start(os.path.abspath(PROBE), str(lab.directory / "data"), str(run), "eth0", "eth1", "only-firewall",
                         *words, stderr=log)
    try:
        if not wait_until(lambda: state().get("applied")):
            raise AssertionError("no firewall: " + (lab.directory / "log").read_text())
        yield
    finally:
        probe.terminate()
        probe.wait(10)
        gw.run("nft", "delete", "table", "inet", "atomix")
        for name in ("atomix.yaml", *flags):
            (config / name).unlink(missing_ok=True)
        (lab.directory / "data/state/accepted-A.yaml").unlink(missing_ok=True)


def inbound(**scopes):
    return f"network: {{firewall: {{inbound: {json.dumps(scopes)}}}}}\n"


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


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
        if not tests.result.wasSuccessful():
            print((lab.directory / "log").read_text(), file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
