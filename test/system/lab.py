"""The network of a system test: WAN wan0 — eth0 gateway eth1 — lan0 LAN, in namespaces named wan, gw and lan.

Run under ./isolated, so that the names are the test's own and the kernel tidies up.
"""
import contextlib
import ctypes
import os
import subprocess

WAN_ADDRESS = "10.99.0.1"
GATEWAY_ADDRESS = "10.99.0.50"
LAN_ADDRESS = "172.20.30.1"

_CLONE_NEWNET = 0x40000000


def run(*command, check=True, stdin=None):
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=60)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *map(str, command)]


def enter(namespace):
    """Moves the calling thread, and only it, into a network namespace."""
    with open(f"/run/netns/{namespace}") as file:
        _enter(file)


@contextlib.contextmanager
def within(namespace):
    """The calling thread is there meanwhile: what it opens and what it starts stays there."""
    with open("/proc/thread-self/ns/net") as home:
        enter(namespace)
        try:
            yield
        finally:
            _enter(home)


def _enter(file):
    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {file.name}")


def make():
    if os.path.exists("/run/netns/gw"):
        return
    for name in ("wan", "gw", "lan"):
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    for near, far, place in (("wan0", "eth0", "wan"), ("lan0", "eth1", "lan")):
        run("ip", "link", "add", near, "netns", place, "type", "veth", "peer", "name", far, "netns", "gw")
    run("ip", "-n", "wan", "address", "add", f"{WAN_ADDRESS}/24", "dev", "wan0")
    run("ip", "-n", "lan", "address", "add", "172.20.30.99/24", "dev", "lan0")
    run("ip", "-n", "wan", "link", "set", "wan0", "up")
    run("ip", "-n", "lan", "link", "set", "lan0", "up")


def reset_gateway():
    """What a reboot leaves of the old system in the kernel: nothing. Then networkd's part: links up, a WAN address."""
    for pid in run("ip", "netns", "pids", "gw").split():
        run("kill", "-KILL", pid, check=False)
    run(*inside("gw", "nft", "flush", "ruleset"))
    for link in ("eth0", "eth1"):
        run("ip", "-n", "gw", "address", "flush", "dev", link)
        run("ip", "-n", "gw", "link", "set", link, "up")
    run("ip", "-n", "gw", "address", "add", f"{GATEWAY_ADDRESS}/24", "dev", "eth0")
