#!/usr/bin/env python3
"""The operator's WAN and further interfaces, by the real networkd of a container with a real systemd.

    isolated python3 wan_network_test.py           $ATOMIXD is the built program
"""

import json
import os
import random
import socket
import subprocess
import unittest

import systemd_container
import units
from lan_client import Eavesdropper, Sides, WAN_HOST, dhcp_offers
from netlab import NetLab, wait_until

LEASED, STATIC = "10.99.0.50", "10.99.0.20"
GATEWAY, OTHER_GATEWAY, DEFAULT_GATEWAY = "10.44.0.1", "10.45.0.1", "172.20.30.1"
LAN = "  dnsmasq: {gateway_cidr: 10.44.0.1/24}\n"
ENABLED = ("atomix-firewall", "atomix-lan", "atomix-lan-link", "atomix-dnsmasq", "atomix-chronyd")
OURS = "05-atomix-eth0.network"

lab = sides = container = None


def write_document(network, lan=LAN):
    """The whole operator's document; None: there is none."""
    path = container.root / "data/config/atomix.yaml"
    path.unlink(missing_ok=True)
    if network is not None:
        path.write_text("version: 1\nnetwork:\n" + lan + network)


def setUpModule():
    global lab, sides, container
    lab = unittest.enterModuleContext(NetLab())
    sides = Sides(lab, wan_is_dhcp=True)
    lab.veth(sides.wan, "wan2", sides.gw, "eth2")
    sides.wan.run("ip", "addr", "add", "198.51.100.1/24", "dev", "wan2")
    sides.wan.run("ip", "link", "set", "wan2", "up")
    sides.wan.start("dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--interface=wan0", "--bind-dynamic",
                    f"--dhcp-range={LEASED},{LEASED},255.255.255.0,2m", f"--dhcp-option=3,{WAN_HOST}",
                    # What may not be the WAN's to say: routes into the LAN.
                    f"--dhcp-option=121,0.0.0.0/0,{WAN_HOST},10.44.0.0/25,{WAN_HOST},10.44.0.128/25,{WAN_HOST}",
                    "--dhcp-option=6,10.99.0.53", "--dhcp-option=12,renamed", "--no-ping", "--dhcp-authoritative",
                    "--user=root", "--pid-file=", f"--dhcp-leasefile={lab.directory}/wan-leases",
                    f"--log-facility={lab.directory}/wan-dhcp", "--log-dhcp")
    root = systemd_container.make_root(os.environ["ATOMIXD"])
    systemd_container.let_atomixd_have_children(root)
    device = root / "etc/atomix/device.yaml"
    text = device.read_text()
    device.write_text(text.replace("  lan: eth1\n", "  lan: eth1\n  manager: networkd\n"))
    assert device.read_text() != text
    units.run("systemctl", "--quiet", "--root", root, "enable", "systemd-networkd.service",
              *(name + ".service" for name in ENABLED))
    units.run("systemctl", "--quiet", "--root", root, "mask", "atomixd.service")

    container = systemd_container.Container(root, sides.gw)
    write_document(f"  interfaces:\n    eth0: {{mode: static, address: {STATIC}/24, gateway: {WAN_HOST}}}\n")
    systemd_container.boot(container)


def addresses(interface):
    links = json.loads(sides.gw.run("ip", "-j", "-4", "addr", "show", "dev", interface))
    return sorted(f"{one['local']}/{one['prefixlen']}" for link in links for one in link["addr_info"])


def default_routes():
    """[(gateway, interface, metric)], the one that is used first."""
    routes = json.loads(sides.gw.run("ip", "-j", "-4", "route", "show", "default"))
    return sorted(((one.get("gateway"), one["dev"], one.get("metric", 0)) for one in routes), key=lambda one: one[2])


def networkd_says(interface):
    """What networkd wrote down about a link, {"DNS": "1.1.1.1 9.9.9.9", …}."""
    with sides.gw.inside():
        number = socket.if_nametoindex(interface)
    text = container.run("cat", f"/run/systemd/netif/links/{number}", check=False)
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def status(gateway=GATEWAY):
    done = subprocess.run(["ip", "netns", "exec", sides.gw.name, "curl", "-fsS", "--max-time", "3",
                           f"http://{gateway}:8080/api/v1/status"], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def is_applied(gateway=GATEWAY):
    answer = status(gateway)
    return answer is not None and answer["network"]["applied"]


class Wan(unittest.TestCase):
    """In the order of their names: the device is one."""

    def becomes(self, wanted, get, limit=15):
        if not wait_until(lambda: get() == wanted, limit, 0.1):
            self.assertEqual(get(), wanted)

    def configure(self, network):
        """The operator's document changes and atomixd is started with it."""
        write_document(network)
        container.run("systemctl", "restart", "atomixd.service")
        self.becomes(True, lambda: is_applied(GATEWAY if network is not None else DEFAULT_GATEWAY))

    def test_1_a_static_wan_is_there_without_atomixd(self):
        self.assertEqual(container.show("atomixd.service", "LoadState"), "masked")
        self.becomes([STATIC + "/24"], lambda: addresses("eth0"))
        self.becomes([(WAN_HOST, "eth0", 0)], default_routes)
        self.assertTrue(networkd_says("eth0")["NETWORK_FILE"].endswith("/run/systemd/network/" + OURS))
        # Before networkd ran: it never asked for a lease.
        self.assertEqual((lab.directory / "wan-dhcp").read_text().count("DHCPDISCOVER"), 0)
        self.assertEqual(networkd_says("eth1").get("ADMIN_STATE"), "unmanaged")
        self.assertIn("lookup 172", sides.gw.run("ip", "rule"))   # networkd takes others' rules away
        sides.listen_on_the_gateway()
        self.addCleanup(sides.close)
        sides.check_the_lan_is_served(self, GATEWAY)

    def test_2_atomixd_takes_over_and_disturbs_nothing(self):
        container.run("systemctl", "stop", "atomix-dnsmasq.service", "atomix-chronyd.service")   # it has its own here
        container.run("systemctl", "unmask", "atomixd.service")
        container.run("systemctl", "start", "atomixd.service")
        self.becomes(True, is_applied)
        self.assertEqual(addresses("eth0"), [STATIC + "/24"])
        said = container.journal().count("networkd has read its files")
        container.run("systemctl", "restart", "atomixd.service")
        self.becomes(True, is_applied)
        self.assertEqual(container.journal().count("networkd has read its files"), said)

    def test_3_from_static_to_dhcp_and_back(self):
        self.configure("")
        self.becomes([LEASED + "/24"], lambda: addresses("eth0"))
        self.becomes([(WAN_HOST, "eth0", 1024)], default_routes)
        self.becomes("10.99.0.53", lambda: networkd_says("eth0").get("DNS"))
        # Known by its MAC, a client id of type 1, and not renamed by the server.
        link, = json.loads(sides.gw.run("ip", "-j", "link", "show", "dev", "eth0"))
        self.assertIn(f" 01:{link['address']}\n", (lab.directory / "wan-leases").read_text())
        self.assertNotEqual(container.run("hostname").strip(), "renamed")
        # It also said that the LAN is behind it.
        self.assertIn("10.44.0.0/25 via", sides.gw.run("ip", "route"))
        sides.check_dhcp_dns_ntp(self, GATEWAY)

        self.configure(f"  interfaces:\n    eth0: {{mode: static, address: {STATIC}/24, dns_servers: [192.0.2.53]}}\n")
        self.becomes([STATIC + "/24"], lambda: addresses("eth0"))
        self.becomes([], default_routes)
        self.becomes("192.0.2.53", lambda: networkd_says("eth0").get("DNS"))

    def test_4_what_stands_above_replaces_what_the_lease_says(self):
        self.configure("  dns_servers: [192.0.2.53, 2001:db8::53]\n  dns_search_domains: [lab.example]\n"
                       "  default_gateway: 10.99.0.9\n")
        self.becomes([LEASED + "/24"], lambda: addresses("eth0"))
        self.becomes([("10.99.0.9", "eth0", 0)], default_routes)
        self.becomes("192.0.2.53 2001:db8::53", lambda: networkd_says("eth0").get("DNS"))
        self.becomes("lab.example", lambda: networkd_says("eth0").get("DOMAINS"))

    def test_5_a_further_interface_does_not_take_the_wans_traffic(self):
        self.assertEqual(addresses("eth2"), [])
        self.configure("  interfaces:\n    eth2: {mode: static, address: 198.51.100.20/24, gateway: 198.51.100.1}\n")
        self.becomes(["198.51.100.20/24"], lambda: addresses("eth2"))
        self.becomes([(WAN_HOST, "eth0", 1024), ("198.51.100.1", "eth2", 2048)], default_routes)
        # And the status says so.
        self.becomes({"gateway": WAN_HOST, "interface": "eth0"}, lambda: status()["links"]["default_route"])
        self.becomes([["198.51.100.20/24"]], lambda: [one["addresses"] for one in status()["links"]["further"]])
        (container.root / "etc/resolv.conf").write_text("nameserver 192.0.2.53\nsearch lab.example\n")
        self.becomes({"servers": ["192.0.2.53"], "search": ["lab.example"]}, lambda: status()["resolver"])

    def test_5_not_even_one_whose_dhcp_server_wants_it(self):
        sides.wan.start("dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--interface=wan2", "--bind-dynamic",
                        "--dhcp-range=198.51.100.50,198.51.100.50,255.255.255.0,2m", "--dhcp-option=3,198.51.100.1",
                        "--dhcp-option=121,0.0.0.0/1,198.51.100.1,128.0.0.0/1,198.51.100.1", "--no-ping",
                        "--dhcp-authoritative", "--user=root", "--pid-file=",
                        f"--dhcp-leasefile={lab.directory}/wan2-leases")
        self.configure("  interfaces:\n    eth2: {mode: dhcp}\n")
        self.becomes(["198.51.100.50/24"], lambda: addresses("eth2"))
        self.becomes([(WAN_HOST, "eth0", 1024), ("198.51.100.1", "eth2", 2048)], default_routes)
        self.assertIn(" dev eth0 ", sides.gw.run("ip", "route", "get", "192.0.2.1"))

    def test_6_the_lan_moves_without_a_gap_in_the_new_addresses_service(self):
        self.assertEqual(addresses("eth1"), [GATEWAY + "/24"])
        changes = lab.directory / "changes"
        with changes.open("w") as file:
            monitor = sides.gw.start("ip", "-o", "-4", "monitor", "address", stdout=file)
        self.addCleanup(monitor.wait)
        self.addCleanup(monitor.kill)

        def listens():
            sides.gw.run("ip", "addr", "replace", "10.9.9.9/32", "dev", "lo")
            return "10.9.9.9" in changes.read_text()
        self.assertTrue(wait_until(listens, 10, 0.1), "the monitor does not listen")

        write_document("", LAN.replace("10.44.0.1", OTHER_GATEWAY))
        container.run("systemctl", "restart", "atomixd.service")
        self.assertTrue(wait_until(lambda: OTHER_GATEWAY + "/24" in addresses("eth1")))
        heard = Eavesdropper(sides.lan)
        lease = wait_until(sides.lease, 30)   # a client gives up while dnsmasq pings for another one
        self.assertIsNotNone(lease, "no lease")
        self.assertEqual(lease[2:5], [OTHER_GATEWAY] * 3)
        offers = dhcp_offers(heard.end())
        self.assertTrue(offers)
        self.assertEqual([one for one in offers if not one.startswith("10.45.0.")], [])

        self.becomes([OTHER_GATEWAY + "/24"], lambda: addresses("eth1"))
        told = [line for line in changes.read_text().splitlines() if "eth1" in line]
        added = next(i for i, line in enumerate(told) if OTHER_GATEWAY in line)
        removed = next(i for i, line in enumerate(told) if GATEWAY + "/24" in line and line.startswith("Deleted"))
        self.assertLess(added, removed, told)
        self.assertFalse([line for line in told if OTHER_GATEWAY in line and line.startswith("Deleted")], told)

    def test_7_without_a_document_all_is_as_at_first(self):
        self.configure(None)
        self.becomes([], lambda: addresses("eth2"))
        self.becomes([LEASED + "/24"], lambda: addresses("eth0"))
        self.becomes([(WAN_HOST, "eth0", 1024)], default_routes)
        left = container.run("ls", "/run/systemd/network").split()
        self.assertEqual(sorted(name for name in left if "atomix" in name), [OURS, "05-atomix-eth1.network"])

    def test_8_networkd_understands_every_line_of_random_documents(self):
        container.run("systemctl", "stop", "atomixd.service")
        choose = random.Random(20261126)
        for _ in range(40):
            write_document(random_network(choose))
            container.run("/usr/bin/atomixd", "--prepare-lan")
            self.assertEqual(container.run("/usr/bin/atomixd", "--check", "/data/config/atomix.yaml"), "")
            container.run("networkctl", "reload")
        journal = container.run("journalctl", "--no-pager", "-u", "systemd-networkd", "-o", "cat")
        complaints = [line for line in journal.splitlines() if "05-atomix" in line and
                      any(word in line for word in ("nknown", "gnor", "ailed", "nvalid"))]
        self.assertEqual(complaints, [])
        # What it says of a line that it does not understand would be seen.
        container.run("sh", "-c", "sed 's/DHCP=/DCHP=/; s/Address=/Adress=/' /run/systemd/network/05-atomix-eth0.network "
                      ">/run/systemd/network/04-bad.network; networkctl reload")
        journal = container.run("journalctl", "--no-pager", "-u", "systemd-networkd", "-o", "cat")
        self.assertTrue(any("04-bad.network" in line and "nknown" in line for line in journal.splitlines()), journal)

    def test_9_without_networkd_udhcpc_does_the_same(self):
        container.run("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd.service")
        for interface in ("eth0", "eth2"):
            sides.gw.run("ip", "addr", "flush", "dev", interface)
            sides.gw.run("ip", "route", "flush", "dev", interface)
        device = container.root / "etc/atomix/device.yaml"
        device.write_text(device.read_text().replace("manager: networkd", "manager: udhcpc"))

        self.configure("")
        self.becomes([LEASED + "/24"], lambda: addresses("eth0"))
        self.becomes([(WAN_HOST, "eth0", 0)], default_routes)
        self.becomes({"servers": ["10.99.0.53"], "search": []}, lambda: status()["resolver"])
        pid = status()["services"]["udhcpc-eth0"]["pid"]
        container.run("kill", "-KILL", str(pid))
        self.assertTrue(wait_until(lambda: status()["services"]["udhcpc-eth0"]["starts"] == 2))

        self.configure("  dns_servers: [192.0.2.53]\n  dns_search_domains: [lab.example]\n  default_gateway: 10.99.0.9\n")
        self.becomes([("10.99.0.9", "eth0", 0)], default_routes)
        self.becomes({"servers": ["192.0.2.53"], "search": ["lab.example"]}, lambda: status()["resolver"])

        self.configure(f"  interfaces:\n    eth0: {{mode: static, address: {STATIC}/24}}\n"
                       "    eth2: {mode: static, address: 198.51.100.20/24, gateway: 198.51.100.1}\n")
        self.becomes([STATIC + "/24"], lambda: addresses("eth0"))
        self.becomes(["198.51.100.20/24"], lambda: addresses("eth2"))
        self.becomes([("198.51.100.1", "eth2", 2048)], default_routes)
        sides.gw.run("ip", "addr", "flush", "dev", "eth0")
        self.becomes([STATIC + "/24"], lambda: addresses("eth0"))


def random_network(choose):
    """Wishes that a document may have, all that there are now and then."""
    def some(items):
        return choose.sample(items, choose.randint(1, len(items)))

    def maybe(text):
        return text if choose.random() < 0.5 else ""

    def listed(items):
        return "[" + ", ".join(f'"{item}"' for item in some(items)) + "]"

    servers, domains = ["1.1.1.1", "192.0.2.53", "2001:db8::53"], ["lab.example", "a", "x-1.example.com"]
    lines = maybe(f"  dns_servers: {listed(servers)}\n") + maybe(f"  dns_search_domains: {listed(domains)}\n")
    interfaces = ""
    for number, name in enumerate(some(["eth0", "eth2", "eth3"])):
        body = "mode: dhcp"
        if choose.random() < 0.5:
            prefix = choose.randint(16, 31)
            body = f"mode: static, address: 10.{60 + number}.0.1/{prefix}" + maybe(
                f", gateway: 10.{60 + number}.0.{0 if prefix == 31 else 2}")
        else:
            body += maybe(f", gateway: 10.{60 + number}.0.2")
        body += maybe(f", dns_servers: {listed(servers)}") + maybe(f", dns_search_domains: {listed(domains)}")
        interfaces += f"    {name}: {{{body}}}\n"
    return lines + "  interfaces:\n" + interfaces


if __name__ == "__main__":
    systemd_container.main()
