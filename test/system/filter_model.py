"""The gateway's policy once more, in the words of the issue and of decision 11 and by other means than net/firewall*:
what a packet filter that keeps it must do with one packet. A test compares the kernel with it."""

import dataclasses
import ipaddress

from packets import ALL_HOSTS, ALL_NODES, BROADCAST, FIN, ICMP, ICMP6, SYN, TCP, UDP

ECHO = {ICMP: 8, ICMP6: 128}
SOLICIT, ADVERTISE = 135, 136


@dataclasses.dataclass
class Wish:
    """What decides: the two documents and the flag. `inbound` is nothing where no operator's document is in force."""
    inbound: dict = None
    bootstrap_on_wan: bool = False
    ssh_on_wan: bool = False

    def ports(self, scope, protocol):
        return (self.inbound or {}).get(scope, {}).get(protocol, [])


@dataclasses.dataclass
class Probe:
    side: str
    source: str
    to: str
    protocol: int
    sport: int = 0
    dport: int = 0   # ICMP: the type
    flags: int = SYN
    hops: int = 64

    @property
    def version(self):
        return 6 if ":" in self.to else 4


def _belongs(probe, sides):
    """Whether a host with that source can be at that side: the default route is the WAN's."""
    source = ipaddress.ip_address(probe.source)
    if str(source) == "0.0.0.0":
        return probe.to == BROADCAST
    if source.is_multicast or source.is_loopback or source.is_unspecified or str(source) == BROADCAST:
        return False
    if any(str(source) == side.addresses[probe.version] for side in sides.values()):
        return False   # one of our own
    if source.is_link_local:
        return True
    homes = [name for name, side in sides.items()
             if source in ipaddress.ip_network(side.addresses[probe.version] + ("/64" if probe.version == 6 else
                                               "/16" if name == "wan" else "/24"), strict=False)]
    return probe.side in (homes or ["wan"])


def _is_martian(source):
    """The kernel drops it before any filter."""
    address = ipaddress.ip_address(source)
    return address.is_multicast or address.is_loopback or source == BROADCAST


def asks_all_for_an_address(probe):
    """A DHCP client whose address may be of a subnet that the LAN no longer has."""
    return (probe.side, probe.to, probe.protocol, probe.sport, probe.dport) == ("lan", BROADCAST, UDP, 68, 67)


def _is_for_us(probe, sides):
    """An address of the link it came by, or one that means everybody there."""
    side = sides[probe.side]
    link = ipaddress.ip_interface(side.addresses[probe.version] + ("/16" if probe.side == "wan" else "/24"))
    everybody = {4: (BROADCAST, ALL_HOSTS, str(link.network.broadcast_address)), 6: (ALL_NODES,)}[probe.version]
    return probe.to in (side.addresses[probe.version], *everybody)


def accepts(wish, probe, sides):
    """Whether the packet, which belongs to no connection, may reach a program of the gateway."""
    side, port, protocol = probe.side, probe.dport, probe.protocol
    if side == "stranger" or not _is_for_us(probe, sides):
        return False
    control = protocol in (ICMP, ICMP6)
    if control and port == SOLICIT and probe.source == "::":
        return probe.hops == 255 and side in ("wan", "lan")   # duplicate address detection
    if asks_all_for_an_address(probe):
        return not _is_martian(probe.source)
    if not _belongs(probe, sides):
        return False
    if control:
        if protocol == ICMP6 and port in (SOLICIT, ADVERTISE):
            return probe.hops == 255 and side in ("wan", "lan")
        return port == ECHO[protocol] and side in ("wan", "lan")
    if protocol == TCP and probe.flags & FIN:
        return False   # with SYN: belongs to no connection, and makes none
    dhcp = probe.version == 4
    if side == "vpn":
        return (protocol, port) == (TCP, 22)
    if side == "wan":
        if protocol == UDP:
            return port in wish.ports("wan", "udp") or dhcp and (probe.sport, port) == (67, 68)
        if port == 22:
            return protocol == TCP and wish.ssh_on_wan
        unclaimed = wish.inbound is None and wish.bootstrap_on_wan
        return protocol == TCP and (port in wish.ports("wan", "tcp") or port == 8080 and unclaimed)
    listed = wish.ports("lan", "tcp") or wish.ports("lan", "udp")
    if wish.inbound is not None and not listed:
        return True   # the whole LAN
    if protocol == UDP:
        return port in (53, 123, *wish.ports("lan", "udp")) or dhcp and (probe.sport, port) == (68, 67)
    return protocol == TCP and port in (22, 53, 8080, 8443, *wish.ports("lan", "tcp"))
