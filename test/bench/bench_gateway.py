"""A gateway to be measured: all of atomixd on the simulated board, and rivals in a namespace with the same table."""
import contextlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import device
import kernel_events
import lab

_HOLD = 2.0                 # net/link_monitor.hpp, CarrierHold
_STABLE = 10.5             # core/child_host.hpp: what has lived for 10 s is no failure in a row, and not waited for
_SETTLED = 20              # after a start: the first probes, chronyd's news
_CHAIN = "inet atomix ssh_on_wan"
_TEXT = {True: f"flush chain {_CHAIN}\nadd rule {_CHAIN} accept\n",
         False: f'flush chain {_CHAIN}\nadd rule {_CHAIN} counter name "ssh_closed" drop\n'}
_SHELL = """set -e
for handle in $(nft -a list chain inet atomix from_wan | sed -n 's/.*"ssh-dynamic" # handle //p'); do
    nft delete rule inet atomix from_wan handle "$handle"
done
[ "$1" = False ] || nft insert rule inet atomix from_wan tcp dport 22 accept comment '"ssh-dynamic"'
"""
_LAN_MAC = "02:00:00:00:00:01"
_QUESTION = b"\0\1\1\0\0\1" + bytes(6) + b"\10atomixos\5local\0\0\1\0\1"   # atomixos.local A
_SO_RCVBUFFORCE = 33


def spawn(*words, text=""):
    """As cheaply as it can be done from here, since the rivals' time begins before it. Its pid."""
    reading, writing = os.pipe()
    nothing = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)
    try:
        pid = os.posix_spawnp(words[0], words, os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, reading, 0), (os.POSIX_SPAWN_DUP2, nothing, 1)])
        os.write(writing, text.encode())
        return pid
    finally:
        for descriptor in (reading, writing, nothing):
            os.close(descriptor)


def must_end_well(pid, what):
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"{what} ended with {os.waitstatus_to_exitcode(status)}"


class Gateway:
    def __init__(self, atomixd, apply_firewall):
        device.ATOMIXD, self._apply_firewall = atomixd, apply_firewall
        self._device = device.Device(f"https://{lab.WAN_ADDRESS}")
        self._flag = self._device.at / "data/config/ssh-wan-enabled"
        self._remake_lan()
        self._device.power_on()
        self._device.wait_until_serving()
        self._served_since = time.monotonic()
        lab.run("ip", "netns", "add", "rival")
        table = lab.run(*lab.inside("gw", "nft", "list", "table", "inet", "atomix"))
        subprocess.run(lab.inside("rival", "nft", "-f", "-"), input=table, text=True, check=True)
        with lab.within("rival"):
            self._rivals_filter = kernel_events.FilterEvents()
        with lab.within("gw"):
            self._filter, self._route = kernel_events.FilterEvents(), kernel_events.RouteEvents()

    def close(self):
        self._device.stop()

    # --- the flag; each way leaves it as `wanted`, and gives the seconds until the commit

    def flag(self, wanted):
        self._filter.forget()
        began = time.monotonic()
        if wanted:
            os.close(os.open(self._flag, os.O_CREAT | os.O_WRONLY))
        else:
            os.unlink(self._flag)
        return self._filter.commit() - began

    def flag_fork(self, wanted):
        return self._rival(("nft", "-f", "-"), _TEXT[wanted])

    def flag_shell(self, wanted):
        return self._rival(("sh", "-c", _SHELL, "sh", str(wanted)))

    def _rival(self, words, text=""):
        with lab.within("rival"):
            self._rivals_filter.forget()
            began = time.monotonic()
            pid = spawn(*words, text=text)
            committed = self._rivals_filter.commit()
            must_end_well(pid, words[0])
        return committed - began

    def check_the_flag(self, is_set):
        """What was measured did its work."""
        for namespace, chain, rule in (("gw", "ssh_on_wan", "accept"), ("rival", "ssh_on_wan", "accept"),
                                       ("rival", "from_wan", "ssh-dynamic")):
            listed = lab.run(*lab.inside(namespace, "nft", "list", "chain", "inet", "atomix", chain))
            assert (rule in listed) is is_set, listed

    # --- links and services

    def address(self):
        self._route.forget()
        pid = spawn("ip", "-n", "gw", "address", "del", f"{lab.LAN_ADDRESS}/24", "dev", "eth1")
        gone = self._route.address(lab.LAN_ADDRESS, comes=False)   # listening all the while: times are those of arrival
        back = self._route.address(lab.LAN_ADDRESS, comes=True) - gone
        must_end_well(pid, "ip")
        self._answer(10)
        return back

    def carrier(self, up):
        with open(self._device.at / "log") as log:
            log.seek(0, os.SEEK_END)
            self._route.forget()
            pid = spawn("ip", "-n", "wan", "link", "set", "wan0", "up" if up else "down")
            changed = self._route.link("eth0", runs=up)
            must_end_well(pid, "ip")
            told = f"link is {'up' if up else 'down'} interface=eth0"
            line = ""
            while told not in line:
                assert time.monotonic() < changed + 20, f"the log never says: {told}"
                line += log.readline()
                time.sleep(0.0001)
            return time.monotonic() - changed - (_HOLD if up else 0)

    def lan_back(self):
        began = self._remake_lan()
        return self._answer(10) - began

    def dnsmasq(self):
        """Killed, when it has served for long enough to be no failure in a row."""
        time.sleep(max(0.0, self._served_since + _STABLE - time.monotonic()))
        pid = int((self._device.at / "run/dnsmasq.pid").read_text().split()[0])
        process = os.pidfd_open(pid)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        select.select([process], [], [], 10)
        os.close(process)
        self._served_since = self._answer(10)
        return self._served_since - began

    def _answer(self, limit):
        """The time of the first answer to a LAN client that asks every millisecond."""
        end = time.monotonic() + limit
        with lab.within("lan"), socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(0.001)
            client.connect((lab.LAN_ADDRESS, 53))
            while time.monotonic() < end:
                with contextlib.suppress(OSError):   # refused, or nothing yet
                    client.send(_QUESTION)
                    if client.recv(512)[-4:] == socket.inet_aton(lab.LAN_ADDRESS):
                        return time.monotonic()
        raise RuntimeError(f"no answer of DNS within {limit} s\n{self._device.tail()}")

    @staticmethod
    def _remake_lan():
        """As an adapter plugged in anew; when. Its neighbour is known, so that no question waits for a second one."""
        lab.run("ip", "-n", "gw", "link", "del", "eth1")
        began = time.monotonic()
        lab.run("ip", "-n", "lan", "link", "add", "lan0", "up", "type", "veth", "peer", "name", "eth1", "address",
                _LAN_MAC, "netns", "gw")
        lab.run("ip", "-n", "lan", "address", "add", "172.20.30.99/24", "dev", "lan0")
        lab.run("ip", "-n", "lan", "neighbour", "replace", lab.LAN_ADDRESS, "lladdr", _LAN_MAC, "dev", "lan0")
        return began

    # --- the whole table, by the firewall's own code; atomixd is stopped

    def stop(self):
        self._device.stop()

    def apply(self, ports, times):
        """(seconds of each, the text)"""
        out = lab.run(*lab.inside("gw", self._apply_firewall, ports, times))
        done = json.loads(out)
        return done["seconds"], done["text"]

    @staticmethod
    def apply_fork(text):
        with lab.within("gw"):
            began = time.monotonic()
            must_end_well(spawn("nft", "-f", "-", text=text), "nft -f -")
            must_end_well(spawn("nft", "-j", "list", "table", "inet", "atomix"), "nft list")
            return time.monotonic() - began

    def lost(self, rate, times):
        """An established flow's packets while the whole table is replaced: sent, and lost."""
        with lab.within("wan"):
            echo = socket.socket(type=socket.SOCK_DGRAM)
            echo.bind((lab.WAN_ADDRESS, 7))
        with lab.within("gw"):
            flow = socket.socket(type=socket.SOCK_DGRAM)
            flow.connect((lab.WAN_ADDRESS, 7))
        for end in (echo, flow):
            end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
            end.settimeout(1)   # and nothing came for so long: what is missing then is lost
        came = set()
        threads = [threading.Thread(target=_send_back, args=(echo,)),
                   threading.Thread(target=_collect, args=(flow, came))]
        for thread in threads:
            thread.start()
        replacing = subprocess.Popen(lab.inside("gw", self._apply_firewall, 100, times), stdout=subprocess.DEVNULL)
        sent = 0
        while replacing.poll() is None:
            flow.send(struct.pack("=I", sent))
            sent += 1
            time.sleep(1 / rate)
        for thread in threads:
            thread.join()
        assert replacing.returncode == 0, "the firewall was not replaced"
        return {"sent": sent, "lost": sent - len(came), "replaced": times}

    # --- nothing to do

    def idle(self, seconds):
        """By name, how many system calls; and KiB of memory, shared pages counted in parts."""
        assert self._calls_while(lambda: [self.flag(wanted) for wanted in (True, False)]), "strace sees nothing"
        time.sleep(max(0.0, self._served_since + _SETTLED - time.monotonic()))
        calls = self._calls_while(lambda: time.sleep(seconds))
        with open(f"/proc/{self._device.process.pid}/smaps_rollup") as rollup:
            pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        return {"seconds": seconds, "pss_kib": pss, "calls": calls}

    def _calls_while(self, something):
        out = self._device.at / "calls"
        strace = subprocess.Popen(["strace", "-f", "-c", "-o", out, "-p", str(self._device.process.pid)],
                                  stderr=subprocess.PIPE, text=True)
        assert "attached" in strace.stderr.readline(), "strace could not attach"
        something()
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=10)
        counted = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) .*?(\w+)$", out.read_text(), re.M)
        return {name: int(count) for count, name in counted if name != "total"}


def _send_back(echo):
    with contextlib.suppress(TimeoutError):
        while True:
            data, peer = echo.recvfrom(64)
            echo.sendto(data, peer)


def _collect(flow, came):
    with contextlib.suppress(TimeoutError):
        while True:
            came.add(flow.recv(64))
