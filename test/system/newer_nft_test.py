#!/usr/bin/env python3
"""The packet filters' texts, checked and loaded by Debian 13's nft: the image may hold a newer one than this machine.

    newer_nft_test.py <gateway_probe> [unittest arguments]
"""

import os
import subprocess
import sys
import unittest
from pathlib import Path

from netlab import NetLab
from packet_filter import inbound

ROOT = Path(__file__).resolve().parents[2]
NFT = (str(ROOT / "deploy/lib/debian-13"), "nftables", "nft")
DOCUMENTS = {
    "none": None,
    "an open LAN": inbound(wan={"tcp": [443], "udp": [1194]}),
    "a listed LAN": inbound(lan={"tcp": [443], "udp": [5353]}),
    "many ports": inbound(wan={"tcp": list(range(30000, 31000))}, lan={"udp": list(range(40000, 40500))}),
}

lab = gw = None


def setUpModule():
    global gw
    gw = lab.namespace("gw")


class NewerNft(unittest.TestCase):
    def rules(self, document, flag):
        config = lab.directory / "data/config"
        config.mkdir(parents=True, exist_ok=True)
        for name in ("atomix.yaml", "ssh-wan-enabled"):
            (config / name).unlink(missing_ok=True)
        if document is not None:
            (config / "atomix.yaml").write_text("version: 1\n" + document)
        if flag:
            (config / "ssh-wan-enabled").touch()
        return subprocess.run([PROBE, str(config.parent), str(lab.directory), "eth0", "eth1", "print-rules"],
                              check=True, stdout=subprocess.PIPE, text=True).stdout

    def load(self, text, *options):
        file = lab.directory / "rules.nft"
        file.write_text(text)
        gw.run(*NFT, *options, "-f", str(file))

    def test_takes_atomixds_table_whatever_the_documents_say(self):
        for name, document in DOCUMENTS.items():
            for flag in (False, True):
                with self.subTest(name, flag=flag):
                    text = self.rules(document, flag)
                    self.load(text, "-c")
                    self.load(text)
                    newer = gw.run(*NFT, "-s", "list", "table", "inet", "atomix").splitlines()
                    gw.run(*NFT, "delete", "table", "inet", "atomix")   # 1.0.6 crashes on a newer one's sets
                    gw.run("nft", "-f", str(lab.directory / "rules.nft"))
                    older = gw.run(*NFT, "-s", "list", "table", "inet", "atomix").splitlines()
                    self.assertEqual(newer, older)   # to the kernel both have said the same
                    self.assertTrue(any("accept" if flag else "ssh_closed" in line for line in newer))

    def test_takes_the_table_of_a_boots_first_second(self):
        text = (ROOT / "deploy/systemd/atomix.nft").read_text()
        self.load(text, "-c")
        self.load(text)

    def test_refuses_what_is_none(self):
        with self.assertRaises(AssertionError):
            self.load(self.rules(None, False).replace("policy drop", "policy perhaps"), "-c")


if __name__ == "__main__":
    PROBE = os.path.abspath(sys.argv.pop(1))
    with NetLab() as lab:
        tests = unittest.main(verbosity=2, exit=False)
    sys.exit(0 if tests.result.wasSuccessful() else 1)
