"""The shipped image as a gateway: what real hosts on its two sides get, and what they must not reach.

    ../system/isolated /usr/bin/python3 -m pytest -p no:cacheprovider hosts_test.py
"""
import contextlib
import unittest

from gateway_test import connects, is_closed
from lan_client import PORTS, greets
from netlab import wait_until
from network import GW_LAN, GW_WAN, LAN_HOST, WAN_HOST

FLAG = "/data/config/ssh-wan-enabled"
OPEN = (22, 53, 8080, 8443)      # on the LAN whatever the document says: docs/decisions/0011


@contextlib.contextmanager
def listeners(machine, *ports):
    """On all of the device's addresses: what is closed is so by the filter and not for want of a listener."""
    for port in ports:
        machine.ssh(f"systemd-run --quiet --unit=listen-{port} busybox nc -ll -p {port} -e /bin/true")
    yield
    machine.ssh("systemctl stop " + " ".join(f"listen-{port}" for port in ports))


def test_firewall_nothing_but_ssh_dhcp_dns_and_time_is_open_on_the_lan_and_nothing_on_the_wan(running):
    network, test = running.network, unittest.TestCase()
    with listeners(running, 80, 443):
        assert network.get("/healthz") is not None
        assert [port for port in PORTS if port not in OPEN and not is_closed(network.lan, GW_LAN, port)] == []
        network.lan.run("ip", "route", "replace", "default", "via", GW_LAN)
        assert is_closed(network.lan, GW_WAN, 22), "the WAN's address from the LAN"
        assert greets(network.lan, GW_LAN)
        network.sides().check_the_wan_is_closed(test, GW_LAN)
    rules = running.ssh("nft list table inet atomix")
    assert "policy drop" in rules


def test_isolation_the_lan_has_dhcp_dns_and_time_and_nothing_beyond(running):
    network, test = running.network, unittest.TestCase()
    network.sides().check_dhcp_dns_ntp(test, GW_LAN)
    network.lan.run("ip", "address", "replace", f"{LAN_HOST}/24", "dev", "lan0")     # ours, which the lease took away
    network.lan.run("ip", "route", "replace", "default", "via", GW_LAN)
    assert connects(network.wan, WAN_HOST, 443, 5), "the WAN's host does not listen"
    assert is_closed(network.lan, WAN_HOST, 443)
    # Even where somebody switches it on.
    running.ssh("sysctl -qw net.ipv4.ip_forward=1", check=False)
    assert is_closed(network.lan, WAN_HOST, 443)
    network.wan.run("ip", "route", "replace", "172.20.30.0/24", "via", GW_WAN)
    assert is_closed(network.wan, LAN_HOST, 22)


def test_ssh_from_the_wan_follows_its_flag(running):
    network = running.network
    assert is_closed(network.wan, GW_WAN, 22)
    running.ssh(f"touch {FLAG}")
    assert wait_until(lambda: greets(network.wan, GW_WAN, 2), 30, 0.2)
    assert network.status()["firewall"]["ssh_on_wan"] is True
    running.ssh(f"rm {FLAG}")
    assert wait_until(lambda: is_closed(network.wan, GW_WAN, 22), 30, 0.2)
    assert greets(network.lan, GW_LAN)
