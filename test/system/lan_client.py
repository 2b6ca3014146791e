"""What a host on the LAN, and one on the WAN, can see of a gateway: leases, names, time, SSH; and what they must not.

Both sides of a gateway `gw` in a NetLab:  wan 10.99.0.1/24 wan0 ---- eth0 10.99.0.2/24  gw  eth1 ---- lan0 lan
"""

import contextlib
import os
import socket
import struct
import subprocess
import threading

from gateway_test import LEASE_SCRIPT, connects, dns_query, is_closed, listen, ntp_query
from netlab import wait_until

WAN_HOST, GW_WAN = "10.99.0.1", "10.99.0.2"
BANNER = b"SSH-2.0-test\r\n"
_DNS_QUESTION = b"\0\1\1\0\0\1" + bytes(6) + b"\10atomixos\5local\0\0\1\0\1"
_IP_FREEBIND = 15
PORTS = (21, 22, 23, 53, 80, 443, 2222, 8080, 8443)


def greet(connection):
    connection.sendall(BANNER)
    connection.close()


def greets(side, address, limit=5):
    """Whether an SSH server, real or ours, answers a host there."""
    with side.socket() as client:
        client.settimeout(limit)
        try:
            client.connect((address, 22))
            return client.recv(64).startswith(b"SSH-2.0-")
        except OSError:
            return False


def _echo(listener):
    with contextlib.suppress(OSError):
        while True:
            data, peer = listener.recvfrom(512)
            if not data:
                return
            listener.sendto(data, peer)


class Sides:
    def __init__(self, lab, wan_is_dhcp=False):
        self.lab = lab
        self.wan, self.gw, self.lan = lab.namespace("wan"), lab.namespace("gw"), lab.namespace("lan")
        lab.veth(self.wan, "wan0", self.gw, "eth0")
        self.connect_lan()
        self.wan.run("ip", "addr", "replace", WAN_HOST + "/24", "dev", "wan0")
        self.wan.run("ip", "link", "set", "wan0", "up")
        if not wan_is_dhcp:   # that is networkd's work
            self.gw.run("ip", "addr", "add", GW_WAN + "/24", "dev", "eth0")
            self.gw.run("ip", "link", "set", "eth0", "up")
        self.lease_file = lab.directory / "lease"
        self._script = lab.directory / "lease.sh"
        self._script.write_text(LEASE_SCRIPT)
        self._script.chmod(0o755)
        self._listeners = []

    def connect_lan(self):
        self.lab.veth(self.lan, "lan0", self.gw, "eth1")
        self.lan.run("ip", "link", "set", "lan0", "up")

    def disconnect_lan(self):
        self.gw.run("ip", "link", "del", "eth1")

    def listen_on_the_gateway(self):
        """What is closed is so by the filter and not for want of a listener."""
        self._listeners = [listen(self.gw, port, greet if port == 22 else None) for port in PORTS if port != 53]
        for kind, port in ((socket.SOCK_STREAM, 53), (socket.SOCK_DGRAM, 53), (socket.SOCK_DGRAM, 123)):
            listener = self.gw.socket(kind=kind)   # dnsmasq and chronyd have the LAN's address
            listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((GW_WAN, port))
            listener.listen() if kind == socket.SOCK_STREAM else threading.Thread(
                target=_echo, args=(listener,), daemon=True).start()
            self._listeners.append(listener)

    def close(self):
        for listener in self._listeners:
            with contextlib.suppress(OSError):   # UDP: nobody is connected, but whoever waits is woken
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._listeners = []

    def start_udhcpc(self, side="lan", interface="lan0", *more):
        self.lease_file.unlink(missing_ok=True)
        namespace = getattr(self, side)
        return namespace.start("busybox", "udhcpc", "-f", "-q", "-i", interface, "-T", "1", "-s", str(self._script),
                               "-O", "ntpsrv", "-x", "hostname:laptop", *more, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, "LEASE_FILE": str(self.lease_file)})

    def lease(self):
        """[ip, mask, router, dns, ntp, domain], or nothing within the limit."""
        self.lan.run("ip", "addr", "flush", "dev", "lan0")
        for _ in range(3):   # it gives up while dnsmasq pings an address for somebody else, 3 s each
            self.start_udhcpc("lan", "lan0", "-n", "-t", "15").wait(40)
            if self.lease_file.exists():
                return self.lease_file.read_text().split()
        return None

    def check_the_lan_is_served(self, test, gateway):
        self.check_dhcp_dns_ntp(test, gateway)
        with self.lan.socket() as s:
            s.settimeout(5)
            s.connect((gateway, 22))
            test.assertEqual(s.recv(64), BANNER)

    def check_dhcp_dns_ntp(self, test, gateway):
        lease = self.lease()
        test.assertIsNotNone(lease, "no lease")
        test.assertEqual(lease[2:5], [gateway] * 3)
        test.assertEqual(lease[0].rsplit(".", 1)[0], gateway.rsplit(".", 1)[0])
        test.assertEqual(dns_query(self.lan, "atomixos." + lease[5], gateway), ([gateway], 0))
        test.assertEqual(dns_query(self.lan, "example.com", gateway), ([], 5))
        test.assertTrue(wait_until(lambda: ntp_query(self.lan, gateway), 10, 0.2), "no time")

    def check_the_rest_is_closed(self, test, gateway):
        for port in (21, 80, 8080, 8443):
            test.assertTrue(is_closed(self.lan, gateway, port), f"LAN {port}")
        test.assertTrue(is_closed(self.lan, GW_WAN, 22), "the WAN address from the LAN")
        self.check_the_wan_is_closed(test, gateway)
        test.assertFalse(self._is_forwarded())

    def check_the_wan_is_closed(self, test, gateway):
        test.assertEqual(self._open_on_the_wan(gateway), [])
        client = self.start_udhcpc("wan", "wan0", "-n", "-t", "2")
        test.assertNotEqual(client.wait(20), 0, "a lease on the WAN")

    def check_an_open_gateway_would_be_seen(self, test, gateway):
        """Takes the filter away."""
        self.gw.run("nft", "delete", "table", "inet", "atomix")
        seen = self._open_on_the_wan(gateway)
        for address in (GW_WAN, gateway):
            test.assertEqual([port for there, what, port in seen if (there, what) == (address, "TCP")], list(PORTS))
        # dnsmasq and chronyd, at the LAN's address, answer no strangers.
        test.assertEqual([port for there, what, port in seen if (there, what) == (GW_WAN, "UDP")], [53, 123])
        test.assertTrue(connects(self.lan, GW_WAN, 22, 2))
        test.assertTrue(self._is_forwarded())

    def _open_on_the_wan(self, gateway):
        """(address, protocol, port) that a WAN host reaches, which has a route to the LAN."""
        self.wan.run("ip", "route", "replace", gateway.rsplit(".", 1)[0] + ".0/24", "via", GW_WAN)
        found = []
        for address in (GW_WAN, gateway):
            found += [(address, "TCP", port) for port in PORTS if connects(self.wan, address, port, 0.3)]
            found += [(address, "UDP", port) for port, question in ((53, _DNS_QUESTION), (123, b"\x23" + bytes(47)))
                      if self._answers(address, port, question)]
        return found

    def _answers(self, address, port, question):
        with self.wan.socket(kind=socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            s.sendto(question, (address, port))
            try:
                return s.recv(512)
            except OSError:
                return None

    def _is_forwarded(self):
        """Even if someone switches it on."""
        self.gw.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        here = listen(self.wan, 7777)
        try:
            assert connects(self.gw, WAN_HOST, 7777, 2), "the WAN host is not there"
            return connects(self.lan, WAN_HOST, 7777, 0.6)
        finally:
            here.shutdown(socket.SHUT_RDWR)
            here.close()
            self.gw.run("sysctl", "-qw", "net.ipv4.ip_forward=0")


class Eavesdropper:
    """Every frame that the LAN hears."""

    def __init__(self, lan):
        self.frames = []
        self._socket = lan.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.bind(("lan0", 0))
        self._socket.settimeout(0.2)
        self._ended = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def end(self):
        self._ended = True
        self._thread.join()
        self._socket.close()
        return self.frames

    def _listen(self):
        while not self._ended:
            try:
                self.frames.append(self._socket.recv(65536))
            except TimeoutError:
                pass
            except OSError:   # the interface is down
                pass


def dhcp_offers(frames):
    """The addresses that were offered or given, in order: BOOTREPLY's yiaddr."""
    found = []
    for frame in frames:
        if len(frame) > 60 and frame[12:14] == b"\x08\x00" and frame[23] == 17:
            header = (frame[14] & 15) * 4 + 14
            if struct.unpack(">HH", frame[header:header + 4]) == (67, 68):
                found.append(socket.inet_ntoa(frame[header + 24:header + 28]))
    return found
