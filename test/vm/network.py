"""The two sides of a gateway that is a virtual machine: the WAN's side with an HTTPS update server, DHCP, DNS and time, and
the LAN's, in namespaces named wan and lan. A tap of QEMU's is in each of them, so no packet leaves.

Run under ../system/isolated, so that the names are the test's own and the kernel tidies up.
"""
import fcntl
import http.client
import json
import os
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/system"))

import lab                               # noqa: E402
from netlab import Namespace             # noqa: E402
from update_server import UpdateServer   # noqa: E402
from wan_servers import serve_the_wan    # noqa: E402

from lan_client import GW_WAN, Sides      # noqa: E402

WAN_HOST, GW_LAN, LAN_HOST = lab.WAN_ADDRESS, lab.LAN_ADDRESS, "172.20.30.2"
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


class Network:
    def __init__(self, at, keys):
        self.at = at
        self.wan, self.lan = Namespace("wan"), Namespace("lan")
        # The guest's neighbour tables live longer than one QEMU: the same addresses each time.
        self._add(self.wan, "wan0", "02:00:00:00:00:01", f"{WAN_HOST}/24")
        self._add(self.lan, "lan0", "02:00:00:00:00:02", f"{LAN_HOST}/24")
        self.server = UpdateServer(keys / "server.pem", keys / "server.key")
        serve_the_wan(self.wan, "wan0", at)

    def sides(self):
        """What hosts on the two sides can ask for, and must not reach; they are this network's."""
        return Sides(_Lab(self), wan_is_dhcp=True)

    def tap(self, side):
        """A descriptor of this side's tap, for one QEMU to inherit."""
        with getattr(self, side).inside():
            tap = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", f"{side}0".encode(), _IFF_TAP | _IFF_NO_PI))
        os.set_inheritable(tap, True)
        return tap

    def get(self, path, timeout=10):
        """What the status page answers to a host on the LAN, or None while it does not."""
        with self.lan.inside():
            connection = http.client.HTTPConnection(GW_LAN, 8080, timeout=timeout)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.read().decode() if answer.status == 200 else None
            except (OSError, http.client.HTTPException):
                return None
            finally:
                connection.close()

    def status(self):
        body = self.get("/api/v1/status")
        return json.loads(body) if body else None

    def close(self):
        self.server.stop()
        for side in (self.wan, self.lan):
            side.end_processes()
            lab.run("ip", "netns", "del", side.name)

    def _add(self, side, name, mac, address):
        side.run("ip", "tuntap", "add", "dev", name, "mode", "tap")
        side.run("ip", "link", "set", name, "address", mac, "up")
        side.run("ip", "address", "add", address, "dev", name)


class _Lab:
    """What test/system's Sides wants of a lab. The gateway is a machine and no namespace."""

    def __init__(self, network):
        self.directory, self._network = network.at, network

    def namespace(self, role):
        return getattr(self._network, role, None)

    def veth(self, *_):
        pass
