"""Ethernet frames made by hand, and a witness behind the packet filter of a gateway that tells which were accepted.

    wan 10.99.0.1/16, fd99::1 ---- eth0 10.99.0.2, fd99::2  gw  eth1 172.20.30.1, fd30::1 ---- lan 172.20.30.9, fd30::9
                     vpn 10.8.0.2, fd08::2 ---- tun0 10.8.0.1, fd08::1  gw  eth2 192.0.2.1, fd02::1 ---- stranger
"""

import dataclasses
import ipaddress
import json
import socket
import struct

from netlab import wait_until

ICMP, TCP, UDP, ICMP6, OTHER = 1, 6, 17, 58, 99   # OTHER: any private encryption scheme (RFC 3692)
SYN, FIN = 2, 1
BROADCAST, ALL_HOSTS, ALL_NODES = "255.255.255.255", "224.0.0.1", "ff02::1"


def _sum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def _payload(protocol, sport, dport, flags):
    """(bytes, where the checksum belongs). For ICMP, dport is the type."""
    if protocol == TCP:
        return struct.pack(">HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, 1024, 0, 0), 16
    if protocol == UDP:
        return struct.pack(">HHHH", sport, dport, 12, 0) + b"test", 6
    if protocol in (ICMP, ICMP6):
        return struct.pack(">BBHI", dport, 0, 0, 1) + bytes(16), 2
    return b"test", None


def packet(source, to, protocol, sport=0, dport=0, flags=SYN, ident=0, hops=64):
    """An IP packet of either family, checksums right; `ident` is IPv4's identification, IPv6's flow label."""
    source, to = ipaddress.ip_address(source), ipaddress.ip_address(to)
    payload, at = _payload(protocol, sport, dport, flags)
    pseudo = source.packed + to.packed + struct.pack(">IHBB", len(payload), 0, 0, protocol)
    if at is not None:
        check = _sum(payload if protocol == ICMP else pseudo + payload)
        payload = payload[:at] + struct.pack(">H", check or 0xffff) + payload[at + 2:]
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28 | ident, len(payload), protocol, hops) + source.packed + to.packed + payload
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, 0, hops, protocol, 0)
    check = _sum(header + source.packed + to.packed)
    return header[:10] + struct.pack(">H", check) + source.packed + to.packed + payload


# Name, the gateway's interface, its addresses there, the host's, IPv4's prefix.
_SIDES = (("wan", "eth0", ("10.99.0.2", "fd99::2"), ("10.99.0.1", "fd99::1"), 16),
          ("lan", "eth1", ("172.20.30.1", "fd30::1"), ("172.20.30.9", "fd30::9"), 24),
          ("vpn", "tun0", ("10.8.0.1", "fd08::1"), ("10.8.0.2", "fd08::2"), 24),
          ("stranger", "eth2", ("192.0.2.1", "fd02::1"), ("192.0.2.2", "fd02::2"), 24))


def to_every_port(source, to, protocol):
    """A packet to each port from 1 to 65535. The sum of both ports stays, and so does the checksum (RFC 1071)."""
    made = bytearray(packet(source, to, protocol, 30000, 0))
    at = 40 if ":" in to else 20
    for port in range(1, 65536):
        struct.pack_into(">HH", made, at, (30000 - port - 1) % 65535 + 1, port)
        yield made


@dataclasses.dataclass
class Side:
    """One link of the gateway, with a host at its other end."""
    name: str
    port: str            # the gateway's interface
    addresses: dict      # of the gateway there, by IP version
    neighbours: dict     # of the host there
    namespace: object = None
    mac: bytes = b""
    wire: socket.socket = None

    def send(self, packet_):
        kind = b"\x86\xdd" if packet_[0] >> 4 == 6 else b"\x08\x00"
        self.wire.send(self._mac_of(packet_) + b"\x02\0\0\0\0\x01" + kind + packet_)

    def _mac_of(self, packet_):
        if packet_[0] >> 4 == 6:
            return b"\x33\x33" + packet_[36:40] if packet_[24] == 0xff else self.mac
        if packet_[16:20] == b"\xff\xff\xff\xff":
            return b"\xff" * 6
        return b"\x01\0\x5e" + packet_[17:20] if packet_[16] >> 4 == 14 else self.mac


def join(lab):
    """(gateway, {side's name: Side}), addresses and routes set; nothing filtered yet."""
    gw = lab.namespace("gw")
    sides = {}
    for name, port, ours, theirs, length in _SIDES:
        side = sides[name] = Side(name, port, dict(zip((4, 6), ours)), dict(zip((4, 6), theirs)), lab.namespace(name))
        lab.veth(side.namespace, "host0", gw, port)
        for namespace, link, addresses in ((side.namespace, "host0", theirs), (gw, port, ours)):
            for address in addresses:
                more = ["/64", "nodad"] if ":" in address else [f"/{length}"]
                namespace.run("ip", "addr", "add", address + more[0], "dev", link, *more[1:])
            namespace.run("ip", "link", "set", link, "up")
        side.mac = bytes.fromhex(gw.run("cat", f"/sys/class/net/{port}/address").strip().replace(":", ""))
        side.wire = side.namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        side.wire.bind(("host0", 0))
        gw.run("sysctl", "-qw", f"net.ipv4.conf.{port}.rp_filter=0")   # the table's work
    vpn = sides["vpn"]   # a tunnel has no neighbours to be found
    theirs = vpn.namespace.run("cat", "/sys/class/net/host0/address").strip()
    vpn.namespace.run("ip", "neigh", "replace", vpn.addresses[6], "lladdr", vpn.mac.hex(":"), "dev", "host0")
    gw.run("ip", "neigh", "replace", vpn.neighbours[6], "lladdr", theirs, "dev", "tun0")
    gw.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0")
    for address in sides["wan"].neighbours.values():
        gw.run("ip", "route", "add", "default", "via", address)
    for side in sides.values():   # IPv6's multicast comes some time after the carrier
        routes = ("ip", "-6", "route", "show", "table", "local", "type", "multicast", "dev", side.port)
        if not wait_until(lambda: gw.run(*routes)):
            raise AssertionError(f"no multicast on {side.port}")
    return gw, sides


class Witness:
    """A table of its own, after and before `inet atomix`: what got through is written down, and then dropped, so that
    nothing is answered and no connection comes of it."""

    def __init__(self, gateway, rules="", after=""):
        """`rules`: what the table holds besides; `after`: rules for what was accepted."""
        self.gateway = gateway
        gateway.run("nft", "add table inet witness; delete table inet witness; table inet witness {" + rules +
                    "\nchain after { type filter hook input priority 10; policy drop;" + after + "\n}\n}")

    def elements(self, name):
        listed = json.loads(self.gateway.run("nft", "-j", "list", "set", "inet", "witness", name))
        return {entry["elem"]["val"] if isinstance(entry, dict) else entry
                for entry in listed["nftables"][1]["set"].get("elem", ())}

    def counters(self):
        listed = json.loads(self.gateway.run("nft", "-j", "list", "counters", "table", "inet", "witness"))
        return {entry["counter"]["name"]: entry["counter"]["packets"]
                for entry in listed["nftables"] if "counter" in entry}
