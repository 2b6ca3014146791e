#!/usr/bin/env python3
"""Not one packet of a stream is judged wrongly while the whole table is replaced a thousand times.

    stream_test.py <gateway_probe> [unittest arguments]
"""

import contextlib
import itertools
import os
import signal
import socket
import sys
import threading
import unittest

import packets
from netlab import NetLab, wait_until
from packet_filter import PacketFilter, inbound
from packets import SYN, TCP, UDP, Witness, packet

TIMES = 1000
FLAG = "ssh-wan-enabled"
DOCUMENT = inbound(wan={"tcp": [443], "udp": [1194]}, lan={"tcp": [9090]})

lab = gw = sides = device = None


def setUpModule():
    global gw, sides, device
    gw, sides = packets.join(lab)
    device = PacketFilter(lab, gw, PROBE)


def kinds(version, is_open):
    """(name, side, source, to, protocol, source port, port, whether it is to be accepted)."""
    wan, lan = (sides[name].addresses[version] for name in ("wan", "lan"))
    outside, inside = (sides[name].neighbours[version] for name in ("wan", "lan"))
    return [("wan_listed", "wan", outside, wan, TCP, 4000, 443, True),
            ("wan_listed_udp", "wan", outside, wan, UDP, 4000, 1194, True),
            ("wan_closed", "wan", outside, wan, TCP, 4000, 9090, False),
            ("wan_closed_udp", "wan", outside, wan, UDP, 4000, 53, False),
            ("wan_answer", "wan", outside, wan, UDP, 5353, 9999, True),   # to what was asked before
            ("wan_spoofed", "wan", inside, wan, TCP, 4000, 443, False),
            ("wan_weak_host", "wan", outside, lan, TCP, 4000, 443, False),
            ("wan_ssh", "wan", None, wan, TCP, 4000, 22, is_open),        # one source each: it is rate limited
            ("lan_ssh", "lan", inside, lan, TCP, 4000, 22, True),
            ("lan_dns", "lan", inside, lan, UDP, 4000, 53, True),
            ("lan_closed", "lan", inside, lan, TCP, 4000, 443, False),
            ("lan_weak_host", "lan", inside, wan, TCP, 4000, 22, False)]


def ssh_source(version, number):
    return f"10.99.{1 + number // 250}.{1 + number % 250}" if version == 4 else f"2001:db8:{number:x}::1"


def frames(is_open):
    """Rounds of one packet of each kind, as (side, packet), again and again."""
    for number in itertools.cycle(range(4000)):
        for version in (4, 6):
            for _, side, source, to, protocol, sport, port, _ in kinds(version, is_open):
                yield sides[side], packet(source or ssh_source(version, number), to, protocol, sport, port, SYN)


def match(version, side, source, to, protocol, sport, port):
    name, family = {TCP: "tcp", UDP: "udp"}[protocol], {4: "ip", 6: "ip6"}[version]
    return (f'iifname "{sides[side].port}" {family} daddr {to} ' + (f"{family} saddr {source} " if source else "") +
            f"{name} sport {sport} {name} dport {port} ")


def witness(is_open):
    """Counts each kind before the filter and behind it."""
    rules, before, after = "", "", ""
    for version in (4, 6):
        for name, *what, _ in kinds(version, is_open):
            for place in ("came", "passed"):
                rules += f"counter {place}_{name}{version} {{ }}\n"
            before += match(version, *what) + f"counter name came_{name}{version}\n"
            after += match(version, *what) + f"counter name passed_{name}{version}\n"
    before = "chain before { type filter hook prerouting priority -350;\n" + before + "}"
    return Witness(gw, rules + before, "\n" + after)


class Stream:
    """Some thousand packets a second, until it is ended."""

    def __init__(self, is_open):
        self.sent, self._ended = 0, threading.Event()
        ready = list(itertools.islice(frames(is_open), 4000 * 24))
        self._thread = threading.Thread(target=self._send, args=(ready,), daemon=True)
        self._thread.start()

    def _send(self, ready):
        for at in itertools.cycle(range(0, len(ready), 24)):
            for side, bytes_ in ready[at:at + 24]:
                side.send(bytes_)
            self.sent += 24
            if self._ended.wait(0.002):   # the pace
                return

    def end(self):
        self._ended.set()
        self._thread.join()


class ThousandTimes(unittest.TestCase):
    def test_with_the_flag_on_all_the_time(self):
        self.check(True)

    def test_with_the_flag_off_all_the_time(self):
        self.check(False)

    def check(self, is_open):
        with device.running(DOCUMENT, "again", flags=[FLAG] if is_open else []), contextlib.ExitStack() as asked:
            for version in (4, 6):   # a question, so that answers belong to something
                s = asked.enter_context(gw.socket({4: socket.AF_INET, 6: socket.AF_INET6}[version], socket.SOCK_DGRAM))
                s.bind((sides["wan"].addresses[version], 9999))
                s.sendto(b"?", (sides["wan"].neighbours[version], 5353))
            seen = witness(is_open)
            stream = Stream(is_open)
            began = device.state()["transactions"]
            try:
                self.assertTrue(wait_until(lambda: stream.sent > 100))
                for done in range(100, TIMES + 1, 100):
                    os.kill(device.process.pid, signal.SIGUSR1)
                    self.assertTrue(wait_until(lambda: device.state()["transactions"] >= began + done, 30))
            finally:
                stream.end()
            state = device.state()
            self.assertEqual((state["applied"], state["repairs"]), (True, 0), state)
            self.judge(seen.counters(), stream.sent, is_open)

    def judge(self, counted, sent, is_open):
        wrong = {}
        for version in (4, 6):
            for name, *_, accepted in kinds(version, is_open):
                came, passed = counted[f"came_{name}{version}"], counted[f"passed_{name}{version}"]
                self.assertGreater(came, 1000, name)
                if passed != (came if accepted else 0):
                    wrong[f"{name}{version}"] = (came, passed)
        came = sum(n for name, n in counted.items() if name.startswith("came_"))
        print(f"{came} packets of {sent} came", file=sys.stderr)
        self.assertGreater(came, sent * 0.9)   # a busy machine loses some before any filter
        self.assertEqual(wrong, {})


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
        if not tests.result.wasSuccessful():
            print((lab.directory / "log").read_text()[-4000:], file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
