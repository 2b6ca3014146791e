#!/usr/bin/env python3
"""What podman's own generator (Quadlet of Debian 13), and a real systemd behind it, make of the files that atomixd
renders of an operator's document.

    isolated python3 quadlet_test.py      $RENDER_QUADLETS and $ATOMIXD are the built programs
"""

import json
import os
import re
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

import systemd_container
from netlab import NetLab, wait_until

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = (str(ROOT / "deploy/lib/debian-13"), "podman", "quadlet", "-dryrun")
FILES = Path("/run/quadlet")

# Whatever could be taken for something else on the way: through YAML, Quadlet, systemd.
WORDS = ["sh", "-c", 'echo "$HOME" ${HOME} $$ a\\b 100% %n; exit', "two  words", "%n", "%%", "$X", "${X}", "'", '"', "\\",
         "\\n", "a\tb", "grüße 日本", "#", "x;", "&&", "*", "-", "--", "@", "a=b", "[Service]", "~", "end\\"]

DOCUMENT = """version: 1
activation: {required: [web, proxy]}
containers:
  container:
    web:
      privileged: false
      Unit: {Description: "The shop, 100% of %n", After: [time-sync.target, a.service]}
      Container:
        Image: localhost/web:1
        Network: frontend
        PublishPort: ["10080:80", "192.168.1.20:10081:81/udp"]
        Volume: [data:/srv, "${FILES_DIR}/conf:/etc/web:ro"]
        Mount: type=volume,source=shared.volume,destination=/shared
        Exec: @WORDS@
        Environment: [A=1, '"B=c d"']
        EnvironmentFile: ${CONFIG_DIR}/web.env
        HealthCmd: curl -f http://localhost/ || exit 1
        Notify: healthy
        ReadOnly: true
        StopTimeout: 5
        User: 1000
        DropCapability: all
        PodmanArgs: --cpus=1
      Install: {WantedBy: default.target}
    proxy:
      privileged: true
      Container:
        Image: site.build
        ContainerName: proxy
        Volume: shared.volume:/shared
        Exec: proxy --port 80 "a b"
        PodmanArgs: --pid=host --privileged
  network:
    front: {Network: {Subnet: 10.89.7.0/24, Label: a=b}}
  volume:
    data: {Volume: {Label: kept=yes}}
    shared: {}
  build:
    site: {Build: {ImageTag: [localhost/site:1, localhost/site:2], SetWorkingDirectory: "${FILES_DIR}/site"}}
""".replace("@WORDS@", json.dumps(WORDS))


def render(document, at):
    at.mkdir(parents=True)
    (at / "atomix.yaml").write_text(document)
    return subprocess.run([os.environ["RENDER_QUADLETS"], at / "atomix.yaml", at], capture_output=True, text=True)


def generate(directory, *options):
    """The services by name, what the generator complained of, and how it ended."""
    done = subprocess.run([*GENERATOR, *options], capture_output=True, text=True,
                          env={**os.environ, "QUADLET_UNIT_DIRS": str(directory)})
    said = [line for line in done.stderr.splitlines() if "Loading source unit file" not in line]
    parts = re.split(r"^---(.+)---$", done.stdout, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2])), said, done.returncode


def start_line(service):
    return re.search(r"^ExecStart=(.*)$", service, re.M).group(1)


class Generator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rendered = render(DOCUMENT, FILES / "whole")

    def services(self, owner, *options):
        services, said, status = generate(FILES / "whole" / owner, *options)
        self.assertEqual((said, status), ([], 0))
        return services

    def has(self, service, *options):
        """One after the other, each by itself among the words of the command."""
        words = shlex.split(start_line(service))
        for option in options:
            pair = option.split()
            self.assertTrue(any(words[at:at + len(pair)] == pair for at in range(len(words))), f"{option}: {words}")

    def test_the_document_is_taken_with_its_warnings(self):
        self.assertEqual(self.rendered.returncode, 0, self.rendered.stdout)
        self.assertEqual(len(self.rendered.stdout.splitlines()), 3, self.rendered.stdout)

    def test_takes_what_is_roots(self):
        services = self.services("system")
        self.assertEqual(set(services), {"proxy.service", "front-network.service", "shared-volume.service",
                                         "site-build.service"})
        proxy = services["proxy.service"]
        self.has(proxy, "--network host", "--name proxy", "-v systemd-shared:/shared", "--pid=host", "--privileged")
        self.assertTrue(start_line(proxy).endswith(' localhost/site:1 proxy --port 80 "a b"'), start_line(proxy))
        self.assertIn("\nRequires=site-build.service\n", proxy)
        self.assertIn("\nRequires=shared-volume.service\n", proxy)
        self.has(services["front-network.service"], "--internal", "--subnet 10.89.7.0/24", "systemd-front")
        self.has(services["site-build.service"], "--tag localhost/site:1", "--tag localhost/site:2",
                 "/data/config/files/site")

    def test_takes_what_is_the_app_users(self):
        services = self.services("app_user", "-user")
        self.assertEqual(set(services), {"web.service", "data-volume.service", "shared-volume.service"})
        web = services["web.service"]
        self.has(web, "--network pasta:-a,169.254.2.1,-n,16,-g,169.254.2.2", "--publish 127.0.0.1:10080:80", "--publish 127.0.0.1:10081:81/udp",
                 "-v systemd-data:/srv", "-v /data/config/files/conf:/etc/web:ro", "--env A=1",
                 "--env-file /data/config/web.env", "--read-only", "--cap-drop all", "--stop-timeout 5", "--cpus=1",
                 "--mount type=volume,source=systemd-shared,destination=/shared")
        self.assertEqual(start_line(web).count("--network"), 1)
        self.assertEqual(start_line(web).count("--publish"), 2)
        for line in ("Description=The shop, 100% of %n", "After=time-sync.target", "After=a.service",
                     "StartLimitIntervalSec=0", "Requires=data-volume.service", "Requires=shared-volume.service",
                     "Restart=always", "RestartSec=10", "TimeoutStartSec=900"):
            self.assertIn(f"\n{line}\n", web)
        self.has(services["data-volume.service"], "--label kept=yes", "systemd-data")

    def test_refuses_what_is_no_unit_of_its_own(self):
        """So that the others can fail."""
        for owner, broken in (("system", "Colour=blue"), ("app_user", "Volume=gone.volume:/x")):
            with self.subTest(broken):
                directory = FILES / f"broken-{owner}"
                directory.mkdir(parents=True)
                (directory / "web.container").write_text(f"[Container]\nImage=localhost/i:1\n{broken}\n")
                services, said, status = generate(directory)
                self.assertNotIn("web.service", services)
                self.assertNotEqual(status, 0)
                self.assertEqual(len(said), 1, said)

    def test_loses_the_words_that_atomixd_refuses(self):
        """config/podman_args.hpp: an empty word and all behind it, and the quotes of a semicolon."""
        directory = FILES / "lost"
        directory.mkdir(parents=True)
        (directory / "web.container").write_text('[Container]\nImage=localhost/i:1\nExec=a "" b\n')
        (directory / "other.container").write_text('[Container]\nImage=localhost/i:1\nExec=a ";" b\n')
        services, said, status = generate(directory)
        self.assertEqual((said, status), ([], 0))
        self.assertTrue(start_line(services["web.service"]).endswith(" localhost/i:1 a"))
        self.assertTrue(start_line(services["other.service"]).endswith(" localhost/i:1 a ; b"))
        for word in ("", ";"):
            refused = render(DOCUMENT.replace('"two  words"', json.dumps(word)), FILES / f"refused{ord(word or '0')}")
            self.assertEqual(refused.returncode, 2)
            self.assertRegex(refused.stdout, r"^atomix.yaml:14:\d+: containers.container.web.Container.Exec: must not ")


class Words(unittest.TestCase):
    """A container in which podman is a script that writes down what it was called with."""

    def test_arrive_as_they_were_written(self):
        if why := systemd_container.probe():
            if os.environ.get("CI"):
                self.fail(why)
            self.skipTest(why)
        self.assertEqual(render(DOCUMENT, FILES / "words").returncode, 0)
        services, _, _ = generate(FILES / "words/app_user", "-user")
        with NetLab() as lab:
            root = systemd_container.make_root(os.environ["ATOMIXD"])
            podman = root / "usr/bin/podman"
            podman.unlink(missing_ok=True)
            podman.write_text("#!/bin/bash\n[[ $1 == run ]] || exit 0\nprintf '%s\\0' \"$@\" >/run/words\n"
                              "systemd-notify --ready\nexec sleep infinity\n")
            podman.chmod(0o755)
            for name, text in services.items():
                (root / "etc/systemd/system" / name).write_text(text)
            container = systemd_container.Container(root, lab.namespace("gw"))
            try:
                self.assertEqual(container.wait_until_booted(), "running", container.journal())
                container.run("systemctl", "start", "web.service")
                self.assertTrue(wait_until(lambda: container.show("web.service", "ActiveState") == "active", 20, 0.2))
                words = container.run("cat", "/run/words").split("\0")[:-1]
                self.assertEqual(words[words.index("localhost/web:1") + 1:], WORDS)
                self.assertEqual(container.show("web.service", "StartLimitIntervalUSec"), "0")
                container.run("systemctl", "kill", "--signal=KILL", "web.service")
                self.assertEqual(wait_until(lambda: container.show("web.service", "SubState") == "auto-restart", 20, 0.2),
                                 True)
            finally:
                container.end()


if __name__ == "__main__":
    sys.exit(not unittest.main(verbosity=2, exit=False).result.wasSuccessful())
