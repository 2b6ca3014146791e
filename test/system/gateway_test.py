#!/usr/bin/env python3
"""Packets through a gateway between a WAN and a LAN: real kernel, dnsmasq and chronyd; the code under test is net/.

    gateway_test.py <gateway_probe> [unittest arguments]

    wan 10.99.0.1/24 wan0 ---- eth0 10.99.0.2/24  gw  eth1 172.20.30.1/24 ---- lan0 lan
"""

import json
import os
import signal
import socket
import statistics
import struct
import sys
import threading
import time
import unittest

from netlab import NetLab, wait_until

WAN_HOST, GW_WAN, GW_LAN = "10.99.0.1", "10.99.0.2", "172.20.30.1"
LISTENED = (22, 53, 80, 443, 8080, 8443)      # on the gateway, on all addresses; 443 is the operator's on the WAN
LEASE_SCRIPT = """#!/bin/sh
# Writes down what the DHCP server said, and sets the address; the host's own files are left alone.
[ "$1" = bound ] || exit 0
echo "$ip $mask $router $dns $ntpsrv $domain" > "$LEASE_FILE"
ip addr add "$ip/$mask" dev "$interface"
ip route add default via "$router"
"""

lab = wan = gw = lan = None


def listen(namespace, port, serve=None, address="0.0.0.0"):
    """Accepts for ever; serve(connection) runs in a thread of its own."""
    listener = namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(128)

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if serve:
                threading.Thread(target=serve, args=(connection,), daemon=True).start()
            else:
                connection.close()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def stream(connection):
    """Keeps sending, as a shell with a running `top` does."""
    try:
        while True:
            connection.sendall(b"x" * 64)
            time.sleep(0.01)
    except OSError:
        connection.close()


def connects(namespace, address, port, limit):
    with namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(limit)
        try:
            s.connect((address, port))
            return True
        except OSError:
            return False


def is_open(namespace, address, port):
    return connects(namespace, address, port, 5.0)


def is_closed(namespace, address, port):
    """Nothing answers: a refusal would be an answer, and would show as a connection error before the limit."""
    begin = time.monotonic()
    return not connects(namespace, address, port, 0.6) and time.monotonic() - begin >= 0.5


def is_quiet(connection):
    """Nothing comes within its time limit; what was on its way is taken."""
    try:
        return not connection.recv(65536)
    except TimeoutError:
        return True


def pings(namespace, address):
    return " 0% packet loss" in namespace.run("ping", "-n", "-c", "1", "-W", "1", address, check=False)


def state():
    try:
        return json.loads((lab.directory / "run/state.json").read_text())
    except (OSError, ValueError):
        return {}


FLAG = "data/config/ssh-wan-enabled"


def set_flag(present):
    path = lab.directory / FLAG
    path.touch() if present else path.unlink(missing_ok=True)
    if not wait_until(lambda: state().get("ssh_on_wan") is present):
        raise AssertionError(f"the firewall did not follow the flag: {state()}")


def dns_query(namespace, name, server, limit=3):
    """The A records and the response code."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0" + struct.pack(">HH", 1, 1)
    with namespace.socket(kind=socket.SOCK_DGRAM) as s:
        s.settimeout(limit)
        s.sendto(struct.pack(">HHHHHH", 4711, 0x0100, 1, 0, 0, 0) + question, (server, 53))
        answer = s.recv(512)
    flags, answers = struct.unpack(">2xHxxH", answer[:8])
    return [socket.inet_ntoa(answer[-4:])] if answers == 1 else [], flags & 15


def ntp_query(namespace, server):
    """(leap, stratum) of the answer, or nothing."""
    with namespace.socket(kind=socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.sendto(b"\x23" + bytes(47), (server, 123))
        try:
            answer = s.recv(64)
        except OSError:
            return None
    return answer[0] >> 6, answer[1]


def servers_asked():
    """How many of its servers chronyd takes for reachable: online, or in the burst that follows."""
    told = gw.run("chronyc", "-h", str(lab.directory / "run/chrony/chronyd.sock"), "-c", "activity", check=False)
    online, _, to_online, to_offline = map(int, told.strip().split(",")[:4])
    return online + to_online + to_offline


def dhcp_probe():
    try:
        return (lab.directory / "run/dhcp").read_text()
    except OSError:
        return ""


def lease_file():
    return lab.directory / "lease"


def setUpModule():
    global wan, gw, lan
    wan, gw, lan = lab.namespace("wan"), lab.namespace("gw"), lab.namespace("lan")
    lab.veth(wan, "wan0", gw, "eth0")
    lab.veth(lan, "lan0", gw, "eth1")
    wan.run("ip", "addr", "add", WAN_HOST + "/24", "dev", "wan0")
    wan.run("ip", "link", "set", "wan0", "up")
    gw.run("ip", "addr", "add", GW_WAN + "/24", "dev", "eth0")
    gw.run("ip", "link", "set", "eth0", "up")
    gw.run("ip", "route", "add", "default", "via", WAN_HOST)
    lan.run("ip", "link", "set", "lan0", "up")
    wan.run("ip", "route", "add", "172.20.30.0/24", "via", GW_WAN)   # a WAN host that tries to get further
    gw.run("sysctl", "-qw", "net.ipv4.ip_forward=1")                 # to be switched off
    gw.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0")   # the table's work
    for port in LISTENED:
        if port != 53:
            listen(gw, port, stream if port == 22 else None)
    listen(wan, 7777)

    (lab.directory / "data/config").mkdir(parents=True)
    (lab.directory / "run").mkdir()
    (lab.directory / "data/config/atomix.yaml").write_text(
        f"version: 1\nnetwork:\n  ntp: {{servers: [{WAN_HOST}]}}\n"
        "  dnsmasq: {reservations: [{mac: \"02:00:00:00:00:77\", ip: 172.20.30.5, name: camera}]}\n"
        "  firewall: {inbound: {wan: {tcp: [443]}, lan: {tcp: [8443]}}}\n")
    (lab.directory / "wan-chrony.conf").write_text(
        f"local stratum 3\nallow 10.99.0.0/24\nbindaddress {WAN_HOST}\ncmdport 0\nbindcmdaddress /\n"
        f"pidfile {lab.directory}/wan-chrony.pid\n")
    with open(lab.directory / "log", "w") as log:
        wan.start("chronyd", "-x", "-d", "-u", "root", "-f", str(lab.directory / "wan-chrony.conf"), stderr=log)
        gw.start(os.path.abspath(PROBE), str(lab.directory / "data"), str(lab.directory / "run"), "eth0",
                 "eth1", stderr=log)
    if not wait_until(lambda: state().get("applied") and state().get("dnsmasq") and state().get("chronyd"), 20):
        raise AssertionError("the gateway did not start: " + (lab.directory / "log").read_text())

    script = lab.directory / "lease.sh"
    script.write_text(LEASE_SCRIPT)
    script.chmod(0o755)
    os.environ["LEASE_FILE"] = str(lease_file())
    lan.run("busybox", "udhcpc", "-f", "-q", "-n", "-i", "lan0", "-t", "5", "-T", "3", "-s", str(script), "-O", "ntpsrv",
            "-x", "hostname:laptop")


class FromTheWan(unittest.TestCase):
    def test_only_the_operators_port_is_open(self):
        set_flag(False)
        self.assertTrue(is_open(wan, GW_WAN, 443))
        for port in (22, 53, 80, 8080, 8443):
            self.assertTrue(is_closed(wan, GW_WAN, port), port)
        self.assertTrue(pings(wan, GW_WAN))

    def test_the_lan_address_is_out_of_reach_even_on_an_open_port(self):
        set_flag(True)
        for port in (22, 443, 8080):
            self.assertTrue(is_closed(wan, GW_LAN, port), port)
        self.assertFalse(pings(wan, GW_LAN))

    def test_a_packet_with_a_lan_hosts_address_as_its_source_is_dropped(self):
        wan.run("ip", "addr", "add", "172.20.30.77/32", "dev", "lo")
        self.addCleanup(wan.run, "ip", "addr", "del", "172.20.30.77/32", "dev", "lo")
        listener = gw.socket(kind=socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        before = dropped("spoofed")
        with wan.socket() as s:
            s.settimeout(0.5)
            s.bind(("172.20.30.77", 0))
            self.assertRaises(OSError, s.connect, (GW_WAN, 443))
        self.assertGreater(dropped("spoofed"), before)

    def test_the_flag_opens_ssh_and_closes_it(self):
        set_flag(True)
        self.assertTrue(is_open(wan, GW_WAN, 22))
        set_flag(False)
        self.assertTrue(is_closed(wan, GW_WAN, 22))

    def test_an_open_session_ends_with_the_flag_though_the_server_keeps_sending(self):
        set_flag(True)
        with wan.socket() as s:
            s.settimeout(5)
            s.connect((GW_WAN, 22))
            for _ in range(20):
                self.assertTrue(s.recv(4096))   # it flows
            set_flag(False)
            s.settimeout(0.05)
            self.assertTrue(wait_until(lambda: is_quiet(s), 3, 0), "data flows on without the flag")
            s.settimeout(1.5)
            self.assertRaises(TimeoutError, s.recv, 1)
            set_flag(True)
            s.settimeout(20)
            self.assertTrue(s.recv(1))           # it was the filter, not the end of the session


def dropped(reason):
    table = json.loads(gw.run("nft", "-j", "list", "counter", "inet", "atomix", reason))
    return table["nftables"][1]["counter"]["packets"]


class FromTheLan(unittest.TestCase):
    def test_the_gateways_services_are_open_and_nothing_else(self):
        for port in (22, 53, 8080, 8443):
            self.assertTrue(is_open(lan, GW_LAN, port), port)
        for port in (80, 443):
            self.assertTrue(is_closed(lan, GW_LAN, port), port)
        self.assertTrue(pings(lan, GW_LAN))

    def test_the_wan_address_is_out_of_reach_on_every_port(self):
        set_flag(True)
        for port in (22, 443, 8080):
            self.assertTrue(is_closed(lan, GW_WAN, port), port)
        self.assertFalse(pings(lan, GW_WAN))

    def test_nothing_is_forwarded_even_if_someone_switches_forwarding_on(self):
        self.assertEqual(gw.run("sysctl", "-n", "net.ipv4.ip_forward").strip(), "0")
        self.assertTrue(is_open(gw, WAN_HOST, 7777))
        for switch in ("net.ipv4.ip_forward", "net.ipv4.conf.eth1.forwarding"):
            gw.run("sysctl", "-qw", switch + "=1")
            self.assertTrue(is_closed(lan, WAN_HOST, 7777))
            self.assertFalse(pings(lan, WAN_HOST))
            self.assertTrue(wait_until(lambda: gw.run("sysctl", "-n", switch).strip() == "0"), switch)

    def test_the_dhcp_lease_names_the_gateway_for_everything(self):
        ip, mask, router, dns, ntp, domain = lease_file().read_text().split()
        self.assertTrue(ip.startswith("172.20.30."))
        self.assertEqual((mask, router, dns, ntp, domain), ("24", GW_LAN, GW_LAN, GW_LAN, "local"))

    def test_a_reserved_host_gets_its_address_and_has_its_name(self):
        self.assertEqual(dns_query(lan, "camera.local", GW_LAN), (["172.20.30.5"], 0))   # before it ever asked
        lan.run("ip", "link", "add", "link", "lan0", "name", "cam0", "address", "02:00:00:00:00:77", "type", "macvlan", "mode",
                "bridge")
        self.addCleanup(lan.run, "ip", "link", "del", "cam0")
        lan.run("ip", "link", "set", "cam0", "up")
        script = lab.directory / "camera.sh"
        script.write_text('#!/bin/sh\n[ "$1" = bound ] && echo "$ip $hostname" > ' + f"{lab.directory}/camera\n")
        script.chmod(0o755)
        lan.run("busybox", "udhcpc", "-f", "-q", "-n", "-i", "cam0", "-t", "5", "-T", "3", "-s", str(script))
        self.assertEqual((lab.directory / "camera").read_text().split(), ["172.20.30.5", "camera"])
        self.assertTrue(wait_until(lambda: state()["leases"].get("02:00:00:00:00:77") == "172.20.30.5 camera"), state())
        self.assertIn(lease_file().read_text().split()[0] + " laptop", state()["leases"].values())

    def test_local_names_are_answered_and_others_refused(self):
        self.assertEqual(dns_query(lan, "atomixos.local", GW_LAN), ([GW_LAN], 0))
        self.assertEqual(dns_query(lan, "atomixos", GW_LAN), ([GW_LAN], 0))
        self.assertEqual(dns_query(lan, "laptop.local", GW_LAN)[0], [lease_file().read_text().split()[0]])
        self.assertEqual(dns_query(lan, "example.com", GW_LAN), ([], 5))

    def test_the_time_is_served_and_becomes_the_servers_time(self):
        self.assertTrue(wait_until(lambda: ntp_query(lan, GW_LAN)))
        self.assertTrue(wait_until(lambda: ntp_query(lan, GW_LAN) == (0, 4), 30, 0.5), ntp_query(lan, GW_LAN))
        self.assertTrue(wait_until(lambda: state().get("synchronised")), state())


class TheGateway(unittest.TestCase):
    def test_a_lan_address_that_was_removed_is_back_and_still_served(self):
        gw.run("ip", "addr", "flush", "dev", "eth1")
        self.assertTrue(wait_until(lambda: GW_LAN + "/24" in gw.run("ip", "-4", "addr", "show", "dev", "eth1")))
        self.assertTrue(wait_until(lambda: is_open(lan, GW_LAN, 53)))
        self.assertEqual(dns_query(lan, "atomixos.local", GW_LAN), ([GW_LAN], 0))

    def test_a_killed_dnsmasq_answers_again(self):
        pid = state()["dnsmasq"]
        os.kill(pid, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: state().get("dnsmasq") not in (0, None, pid)))
        self.assertTrue(wait_until(lambda: is_open(lan, GW_LAN, 53)))

    def test_its_own_dhcp_server_offers_it_an_address_and_nothing_is_taken_or_dropped(self):
        reasons = ("lan_closed", "spoofed", "stranger")
        before = [dropped(reason) for reason in reasons]
        self.assertTrue(wait_until(lambda: dhcp_probe().startswith(f"good {GW_LAN} offered 172.20.30."), 20), dhcp_probe())
        leases = (lab.directory / "data/lan/dnsmasq.leases").read_text()
        self.assertNotIn("02:41:74:6f:6d:01", leases)
        self.assertEqual([dropped(reason) for reason in reasons], before)

    def test_a_dhcp_server_that_stands_still_or_is_gone_shows_in_the_probe(self):
        self.assertTrue(wait_until(lambda: dhcp_probe().startswith("good "), 20), dhcp_probe())
        pid = state()["dnsmasq"]
        os.kill(pid, signal.SIGSTOP)
        try:
            self.assertTrue(wait_until(lambda: dhcp_probe() == f"bad {GW_LAN}: no answer within 8000 ms", 20), dhcp_probe())
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertTrue(wait_until(lambda: dhcp_probe().startswith("good "), 20), dhcp_probe())

    def test_time_servers_are_asked_while_there_is_a_wan(self):
        self.assertTrue(wait_until(lambda: servers_asked() == 1, 20), servers_asked())
        self.addCleanup(wan.run, "ip", "link", "set", "wan0", "up")
        wan.run("ip", "link", "set", "wan0", "down")
        self.assertTrue(wait_until(lambda: servers_asked() == 0, 20), servers_asked())
        wan.run("ip", "link", "set", "wan0", "up")
        self.assertTrue(wait_until(lambda: servers_asked() == 1, 20), servers_asked())

    def test_the_kernel_follows_the_flag_fast_and_with_one_commit_each_time(self):
        set_flag(False)
        transactions = state()["transactions"]
        took_ms = {True: [], False: []}
        flag = lab.directory / FLAG
        with gw.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as commits:   # NETLINK_NETFILTER
            commits.bind((0, 1 << 6))                                        # NFNLGRP_NFTABLES
            commits.settimeout(5)
            for i in range(60):
                present = i % 2 == 0
                begin = time.perf_counter()
                flag.touch() if present else flag.unlink()
                commits.recv(65536)
                took_ms[present].append((time.perf_counter() - begin) * 1000)
                time.sleep(0.02)
                commits.setblocking(False)
                try:
                    while commits.recv(65536):
                        pass
                except BlockingIOError:
                    commits.settimeout(5)
        for present, each in took_ms.items():
            print(f"flag {'on' if present else 'off'} -> commit: p50 {statistics.median(each):.2f} ms, "
                  f"max {max(each):.2f} ms, n={len(each)}")
            self.assertLess(statistics.median(each), 20)   # the target is 1 ms on an idle machine
        self.assertTrue(wait_until(lambda: state()["transactions"] == transactions + 60), state())


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
        if not tests.result.wasSuccessful():
            print((lab.directory / "log").read_text(), file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
