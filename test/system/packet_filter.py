"""The firewall of a gateway namespace, by test/net/gateway_probe, for one document after the other."""

import contextlib
import json
import os

from netlab import wait_until


class PacketFilter:
    def __init__(self, lab, gateway, probe):
        self.lab, self.gateway, self.probe = lab, gateway, os.path.abspath(probe)
        self.config, self.run = lab.directory / "data/config", lab.directory / "run"
        self.process = None

    def state(self):
        try:
            return json.loads((self.run / "state.json").read_text())
        except (OSError, ValueError):
            return {}

    @contextlib.contextmanager
    def running(self, document=None, *words, flags=(), wan="eth0", lan="eth1"):
        """The firewall of an operator's document, or of none, while the block runs; nothing is left of it after."""
        for directory in (self.config, self.run):
            directory.mkdir(parents=True, exist_ok=True)
        (self.run / "state.json").unlink(missing_ok=True)
        for name in flags:
            (self.config / name).touch()
        if document is not None:
            (self.config / "atomix.yaml").write_text("version: 1\n" + document)
        with open(self.lab.directory / "log", "a") as log:
            self.process = self.gateway.start(self.probe, str(self.config.parent), str(self.run), wan, lan,
                                              "only-firewall", *words, stderr=log)
        try:
            if not wait_until(lambda: self.state().get("applied")):
                raise AssertionError("no firewall: " + (self.lab.directory / "log").read_text())
            yield self
        finally:
            self.process.terminate()
            self.process.wait(10)
            self.gateway.processes.remove(self.process)
            self.gateway.run("nft", "delete", "table", "inet", "atomix")
            for name in ("atomix.yaml", *flags):
                (self.config / name).unlink(missing_ok=True)
            (self.config.parent / "state/accepted-A.yaml").unlink(missing_ok=True)

    def counted(self, reason):
        """How many packets were dropped for it."""
        listed = json.loads(self.gateway.run("nft", "-j", "list", "counter", "inet", "atomix", reason))
        return listed["nftables"][1]["counter"]["packets"]


def inbound(**scopes):
    return f"network: {{firewall: {{inbound: {json.dumps(scopes)}}}}}\n"
