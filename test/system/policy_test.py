#!/usr/bin/env python3
"""The kernel's verdicts compared with the policy: random packets for random documents, and every port from every side.

    policy_test.py <gateway_probe> [unittest arguments]
"""

import dataclasses
import random
import sys
import time
import unittest

import packets
from filter_model import ADVERTISE, SOLICIT, Probe, Wish, accepts
from netlab import NetLab
from packet_filter import PacketFilter, inbound
from packets import ALL_HOSTS, ALL_NODES, BROADCAST, FIN, ICMP, ICMP6, OTHER, SYN, TCP, UDP, Witness, packet

FLAG = "ssh-wan-enabled"

lab = gw = sides = device = None


def setUpModule():
    global gw, sides, device
    gw, sides = packets.join(lab)
    device = PacketFilter(lab, gw, PROBE)


class Dice(random.Random):
    def ports(self):
        known = (21, 53, 67, 68, 80, 123, 443, 1194, 9090)
        return sorted({self.choice(known) if self.random() < 0.5 else self.randint(1, 65535)
                       for _ in range(self.choice((0, 0, 1, 3, 30)))})

    def wish(self):
        if self.random() < 0.25:
            return Wish(None, self.random() < 0.5, self.random() < 0.5)
        scopes = {scope: {protocol: [port for port in self.ports() if (scope, protocol, port) not in
                                     (("wan", "tcp", 22), ("wan", "tcp", 8080))]
                          for protocol in ("tcp", "udp") if self.random() < 0.7}
                  for scope in ("wan", "lan") if self.random() < 0.8}
        return Wish(scopes, self.random() < 0.5, self.random() < 0.5)

    def probe(self, wish):
        """Mostly one that differs in one respect from one that is likely to be accepted."""
        name, version = self.choice(list(sides)), self.choice((4, 6))
        side, other = sides[name], sides[self.choice([each for each in sides if each != name])]
        source, to = side.neighbours[version], side.addresses[version]
        if self.random() < 0.3:
            source = self.choice(self.sources(version, side, other))
        if self.random() < 0.3:
            to = self.choice(self.destinations(version, side, other))
        protocol = self.choice((TCP, TCP, UDP, UDP, ICMP if version == 4 else ICMP6, OTHER))
        probe = Probe(name, source, to, protocol)
        if protocol in (ICMP, ICMP6):
            probe.dport = self.choice((8, 13, 5, 10) if version == 4 else (128, SOLICIT, ADVERTISE, 133, 134, 137))
            probe.hops = self.choice((64, 255))
            if probe.dport == SOLICIT and self.random() < 0.3:
                probe.source = "::"
        else:
            probe.sport, probe.dport = self.choice((67, 68, 4000, 4000, 4000)), self.port(wish)
            if self.random() < 0.1:
                probe.flags = SYN | FIN
        if probe.source == "0.0.0.0" and probe.to != BROADCAST:
            probe.source = side.neighbours[4]   # the kernel makes something of its own of it
        return probe

    def sources(self, version, side, other):
        known = {4: ["127.0.0.1", "224.0.0.5", BROADCAST, "0.0.0.0", "198.51.100.7"],
                 6: ["::1", "ff02::5", "fe80::9", "2001:db8::7"]}[version]
        return [*known, other.neighbours[version], other.addresses[version], side.addresses[version]]

    def destinations(self, version, side, other):
        lowest = side.addresses[4].rpartition(".")[0] + ".255" if side.name != "wan" else "10.99.255.255"
        everybody = {4: [BROADCAST, ALL_HOSTS, lowest], 6: [ALL_NODES]}[version]
        return [*everybody, other.addresses[version], other.neighbours[version],
                {4: "198.51.100.9", 6: "2001:db8::9"}[version]]

    def port(self, wish):
        written = [port for scope in (wish.inbound or {}).values() for each in scope.values() for port in each]
        return self.choice([22, 53, 67, 68, 123, 8080, 8443, 9090, self.randint(1, 65535), *written[:6]])


class TheKernel(unittest.TestCase):
    ROUNDS, PROBES = 60, 150

    def test_judges_random_packets_as_the_policy_of_random_documents_says(self):
        dice, wrong, accepted, limit = Dice(20261126), [], 0, time.monotonic() + 60
        for number in range(self.ROUNDS):
            if number >= 20 and time.monotonic() > limit:
                break
            wish = dice.wish()
            probes = self.within_the_limits(dice.probe(wish) for _ in range(self.PROBES))
            got = self.verdicts(wish, probes)
            accepted += sum(got)
            wrong += [(wish, probe, yes) for probe, yes in zip(probes, got) if yes != accepts(wish, probe, sides)]
        print(f"{number + 1} documents, {accepted} packets of some {self.PROBES} each accepted", file=sys.stderr)
        self.assertGreater(accepted, number * 10)
        for wish, probe, yes in wrong:
            print("accepted" if yes else "dropped", probe, wish, file=sys.stderr)
        self.assertEqual(len(wrong), 0)

    def test_drops_what_cannot_come_from_there_on_every_side(self):
        """Spoofed and martian: other sides' hosts and addresses, our own, loopback, multicast, broadcast, nobody's."""
        for version in (4, 6):
            for name in ("wan", "lan", "vpn"):
                side, probes = sides[name], []
                for other in (each for each in sides.values() if each is not side):
                    probes += [Probe(name, source, side.addresses[version], TCP, 4000, 22)
                               for source in Dice().sources(version, side, other)]
                    probes += [Probe(name, side.neighbours[version], to, TCP, 4000, 22)
                               for to in (other.addresses[version], other.neighbours[version])]
                belong = ("fe80::9", "198.51.100.7", "2001:db8::7") if name == "wan" else ("fe80::9",)
                probes = [probe for probe in probes if probe.source not in belong]
                self.assertEqual(self.verdicts(Wish(ssh_on_wan=True), probes), [False] * len(probes), (name, version))
                good = Probe(name, side.neighbours[version], side.addresses[version], TCP, 4000, 22)
                self.assertEqual(self.verdicts(Wish(ssh_on_wan=True), [good]), [True])

    def test_lets_a_lan_client_of_an_earlier_subnet_ask_for_another_address(self):
        """It asks by broadcast, from the address that it still has; nothing else may come from there."""
        old = "192.168.77.9"
        ask = Probe("lan", old, BROADCAST, UDP, 68, 67)
        others = [dataclasses.replace(ask, **change) for change in
                  ({"side": "wan", "source": "172.20.30.9"}, {"side": "vpn"}, {"to": "172.20.30.1"}, {"sport": 69},
                   {"dport": 53}, {"to": "172.20.30.255"})]
        for document in (None, {"lan": {"tcp": [443]}}, {}):
            self.assertEqual(self.verdicts(Wish(document), [ask, *others]), [True] + [False] * len(others))

    def within_the_limits(self, probes):
        """Rate limits are no part of the model: 20 echo requests of a side, 12 connections of a source to SSH."""
        taken, seen = [], {}
        for probe in probes:
            key = (probe.side, "echo" if (probe.protocol, probe.dport) in ((ICMP, 8), (ICMP6, 128)) else
                   probe.source if (probe.protocol, probe.dport) == (TCP, 22) else None)
            seen[key] = seen.get(key, 0) + 1
            if key[1] is None or seen[key] <= 10:
                taken.append(probe)
        return taken

    def verdicts(self, wish, probes):
        words = ["bootstrap-on-wan"] if wish.bootstrap_on_wan else []
        document = None if wish.inbound is None else inbound(**wish.inbound)
        with device.running(document, *words, flags=[FLAG] if wish.ssh_on_wan else []):
            seen = Witness(gw, """
                set seen4 { typeof ip id; size 65535; flags dynamic; }
                set seen6 { typeof ip6 flowlabel; size 65535; flags dynamic; }
                counter came { }
                chain before { type filter hook prerouting priority -350;
                    ip id 1-1000 counter name came
                    ip6 flowlabel 1-1000 counter name came
                }""", "update @seen4 { ip id }\nupdate @seen6 { ip6 flowlabel }")
            for ident, probe in enumerate(probes, 1):
                sides[probe.side].send(packet(probe.source, probe.to, probe.protocol, probe.sport, probe.dport,
                                              probe.flags, ident, probe.hops))
            early = [probe for probe in probes if probe.source in ("::1", "ff02::5")]   # ip6_rcv's, before any filter
            self.assertEqual(seen.counters()["came"], len(probes) - len(early))
            got = seen.elements("seen4") | seen.elements("seen6")
        return [ident in got for ident in range(1, len(probes) + 1)]


class EveryPort(unittest.TestCase):
    """TCP and UDP, IPv4 and IPv6, each as (side, IP version, protocol)."""
    SCANS = [(name, version, protocol) for name in ("wan", "lan", "vpn") for version in (4, 6)
             for protocol in ("tcp", "udp")]

    def test_is_as_the_operators_document_says(self):
        wanted = {("wan", "tcp"): {443}, ("wan", "udp"): {1194}, ("lan", "tcp"): {22, 53, 443, 8080, 8443},
                  ("lan", "udp"): {53, 123}, ("vpn", "tcp"): {22}}
        self.check(inbound(wan={"tcp": [443], "udp": [1194]}, lan={"tcp": [443]}), [], wanted)

    def test_is_closed_on_the_wan_but_ssh_by_its_flag_while_there_is_no_document(self):
        wanted = {("wan", "tcp"): {22}, ("lan", "tcp"): {22, 53, 8080, 8443}, ("lan", "udp"): {53, 123},
                  ("vpn", "tcp"): {22}}
        self.check(None, [FLAG], wanted)

    def check(self, document, flags, wanted):
        with device.running(document, flags=flags):
            seen = self.witness()
            for name, version, protocol in self.SCANS:
                scan = f"{name}{version}{protocol}"
                with self.subTest(scan):
                    self.assertTrue(any(self.all_came(seen, scan, name, version, protocol) for _ in range(3)))
                    self.assertEqual(seen.elements("open" + scan), wanted.get((name, protocol), set()))

    def all_came(self, seen, scan, name, version, protocol):
        """A busy machine loses packets before any filter: then all are sent again."""
        before, side = seen.counters()[scan], sides[name]
        for each in packets.to_every_port(side.neighbours[version], side.addresses[version],
                                          {"tcp": TCP, "udp": UDP}[protocol]):
            side.send(each)
        return seen.counters()[scan] == before + 65535

    def witness(self):
        rules, before, after = "", "", ""
        for name, version, protocol in self.SCANS:
            scan = f"{name}{version}{protocol}"
            match = f'iifname "{sides[name].port}" meta nfproto ipv{version} meta l4proto {protocol} '
            rules += f"counter {scan} {{ }}\nset open{scan} {{ type inet_service; size 65535; flags dynamic; }}\n"
            before += match + f"counter name {scan}\n"
            after += match + f"update @open{scan} {{ th dport }}\n"
        before = "chain before { type filter hook prerouting priority -350;\n" + before + "}"
        return Witness(gw, rules + before, "\n" + after)


if __name__ == "__main__":
    PROBE = sys.argv.pop(1)
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
        if not tests.result.wasSuccessful():
            print((lab.directory / "log").read_text()[-4000:], file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
