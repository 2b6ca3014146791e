"""What the kernel tells of its network, at the moment it does: who waits on these sockets sees a change without asking
for it, whoever made it. Opened in the network namespace that the calling thread is in."""
import socket
import struct
import time

_NETLINK_ROUTE, _NETLINK_NETFILTER = 0, 12
_NFNLGRP_NFTABLES = 7                         # linux/netfilter/nfnetlink.h
_NEWGEN = 10 << 8 | 15                        # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN: a transaction was committed
_RTMGRP_LINK, _RTMGRP_IPV4_IFADDR = 0x1, 0x10
_NEWLINK, _NEWADDR, _DELADDR = 16, 20, 21     # linux/rtnetlink.h
_IFLA_IFNAME, _IFA_LOCAL = 3, 2
_IFF_RUNNING = 0x40
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1


class _Events:
    def __init__(self, protocol, groups=0):
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((0, groups))

    def forget(self):
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(65536)
        except BlockingIOError:
            pass

    def _wait(self, is_it, what, limit):
        """The time when the first message that `is_it(type, content)` arrived."""
        end = time.monotonic() + limit
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                datagram = self._socket.recv(65536)
            except TimeoutError:
                break
            now = time.monotonic()
            while len(datagram) >= 16:
                size, kind = struct.unpack_from("=IH", datagram)
                if is_it(kind, datagram[16:size]):
                    return now
                datagram = datagram[size + 3 & ~3:]
        raise RuntimeError(f"the kernel did not tell within {limit} s: {what}")


class FilterEvents(_Events):
    def __init__(self):
        super().__init__(_NETLINK_NETFILTER)
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTABLES)

    def commit(self, limit=10):
        return self._wait(lambda kind, _: kind == _NEWGEN, "a commit to the packet filter", limit)


class RouteEvents(_Events):
    def __init__(self):
        super().__init__(_NETLINK_ROUTE, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR)

    def link(self, name, runs, limit=10):
        def is_it(kind, content):
            if kind != _NEWLINK:
                return False
            flags, told = struct.unpack_from("=8xI", content)[0], _attribute(content[16:], _IFLA_IFNAME)
            return told == name.encode() + b"\0" and bool(flags & _IFF_RUNNING) is runs

        return self._wait(is_it, f"{name} has a carrier: {runs}", limit)

    def address(self, address, comes, limit=10):
        wanted = (_NEWADDR if comes else _DELADDR), socket.inet_aton(address)
        return self._wait(lambda kind, content: (kind, _attribute(content[8:], _IFA_LOCAL)) == wanted,
                          f"{address} {'is there' if comes else 'is gone'}", limit)


def _attribute(content, wanted):
    while len(content) >= 4:
        size, kind = struct.unpack_from("=HH", content)
        if kind == wanted:
            return content[4:size]
        content = content[max(size, 4) + 3 & ~3:]
    return None
