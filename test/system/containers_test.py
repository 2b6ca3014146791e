#!/usr/bin/env python3
"""The operator's containers on Debian 13: systemd 257 and podman 5 run them, rootful and rootless, atomixd owns the files.

    isolated python3 containers_test.py        $ATOMIXD is the built program; deploy/lib/debian-13-root has made its root
"""

import json
import os
import sys
import time
import unittest

import systemd_container
import units
from device_containers import AS_APP_USER, UID
from lan_client import Sides, WAN_HOST
from netlab import NetLab, wait_until

GATEWAY, PORT = "10.44.0.1", "8088"
LEASED, WAN_PORT = "10.99.0.50", "8099"
LAN = "version: 1\nnetwork: {dnsmasq: {gateway_cidr: 10.44.0.1/24, dhcp_start: 10.44.0.10, dhcp_end: 10.44.0.99}}\n"
WEB = """
    web:
      privileged: true
      Container:
        Image: localhost/tiny:1
        Pull: never
        Exec: [/bin/sleep, "%s"]
        Volume: ["${FILES_DIR}:/files"]
        HealthCmd: test ! -e /files/sick
        HealthInterval: 1s
        HealthRetries: 1"""
APP = """
    app:
      privileged: false
      Container: {Image: "localhost/tiny:1", Pull: never, Exec: [/bin/httpd, -f, -p, "80"], PublishPort: "8088:80"}"""
CRASH = """
    crash:
      privileged: true
      Container: {Image: "localhost/tiny:1", Pull: never, Exec: [/bin/false]}"""
IMAGE = """
mkdir -p /tmp/image/bin /tmp/image/tmp && cp /usr/bin/busybox /tmp/image/bin && cd /tmp/image/bin &&
for name in sh sleep httpd false test wget; do ln -sf busybox $name; done &&
tar -C /tmp/image -c . >/tmp/image.tar && chmod 644 /tmp/image.tar && cd /
"""

lab = sides = container = None


def document(*containers, required=("web", "app")):
    text = LAN + "containers:\n  container:" + "".join(containers)
    return text + f"\nactivation: {{required: [{', '.join(required)}]}}\n"


def setUpModule():
    global lab, sides, container
    lab = unittest.enterModuleContext(NetLab())
    sides = Sides(lab)
    root = systemd_container.make_debian_13_root(os.environ["ATOMIXD"])
    device = root / "etc/atomix/device.yaml"
    device.write_text(device.read_text().replace("host: children", "host: systemd") +
                      "\ncontainers: {manager: podman}\n")
    (root / "data/config/files").mkdir()
    (root / "data/config/atomix.yaml").write_text(document(WEB % 1000, APP))
    # One that is not ours, as an image may bring it.
    (root / "etc/containers/systemd").mkdir(exist_ok=True)
    (root / "etc/containers/systemd/theirs.volume").write_text("[Volume]\n")
    units.run("systemctl", "--quiet", "--root", root, "enable", *systemd_container.PRODUCT_UNITS)
    container = systemd_container.Container(root, sides.gw)
    systemd_container.boot(container)


def as_app_user(*argv, check=True):
    return container.run(*AS_APP_USER, *argv, check=check)


def invocation(name, user=False):
    show = ("systemctl", *(["--user"] if user else []), "show", "-P", "InvocationID", name + ".service")
    return (as_app_user if user else container.run)(*show).strip()


def status():
    said = sides.gw.run("curl", "-sf", "-m", "5", f"http://{GATEWAY}:8080/api/v1/status", check=False)
    return json.loads(said)["containers"] if said else {"known": {}}


def told(name):
    return status()["known"].get(name, {})


def apply(text):
    (container.root / "data/config/atomix.yaml").write_text(text)
    container.run("systemctl", "restart", "atomixd.service")


def addresses(interface):
    return sides.gw.run("ip", "-br", "-4", "addr", "show", "dev", interface).partition("UP")[2].strip()


def port_answers(address):
    return sides.gw.run("curl", "-s", "-o", "/dev/null", "-m", "3", "-w", "%{http_code}", f"http://{address}:{PORT}/",
                        check=False) == "404"


class Containers(unittest.TestCase):
    """In the order of their names: the device is one."""

    def wait_for(self, name, limit=80, **facts):
        def is_so():
            known = told(name)
            return all(known.get(key) == value for key, value in facts.items())
        self.assertTrue(wait_until(is_so, limit, 0.3), f"{name}: {told(name)}: {status()}")

    def both_run(self, limit=80):   # podman is asked every minute
        self.wait_for("web", limit, unit="active", state="running", health="healthy", mode="rootful", required=True)
        self.wait_for("app", limit, unit="active", state="running", mode="rootless", required=True)

    def test_1_containers_without_an_image_are_told_and_run_when_it_is_there(self):
        for name in ("web", "app"):
            self.assertTrue(wait_until(lambda: "ended with status" in (told(name).get("error") or ""), 60, 0.3), status())
        container.run("sh", "-euc", IMAGE)
        container.run("podman", "import", "/tmp/image.tar", "localhost/tiny:1")
        as_app_user("podman", "import", "/tmp/image.tar", "localhost/tiny:1")
        self.both_run()
        for name in ("web", "app"):
            self.assertIsNone(told(name)["error"])
            self.assertEqual(told(name)["image"], "localhost/tiny:1")
        self.assertTrue(status()["applied"], status())
        self.assertEqual((status()["errors"], status()["podman_error"]), ([], None))

    def test_2_whose_they_are_and_what_can_be_reached(self):
        self.assertTrue(port_answers("127.0.0.1"))
        for address in (GATEWAY, "10.99.0.2"):
            self.assertFalse(port_answers(address), address)
        self.assertEqual(sides.gw.run("cat", "/proc/sys/net/ipv4/ip_forward").strip(), "0")
        self.assertIn("systemd-app", as_app_user("podman", "ps", "--format", "{{.Names}}"))
        self.assertNotIn("systemd-app", container.run("podman", "ps", "--format", "{{.Names}}"))
        self.assertEqual(container.run("id", "-Gn", "appsvc").split(), ["appsvc"])
        places = container.run("stat", "-c", "%n %a %U", "/data/containers/storage", f"/data/containers/users/{UID}",
                               "/etc/containers/systemd/web.container")
        self.assertEqual(places.split("\n")[:3], ["/data/containers/storage 700 root",
                                                  f"/data/containers/users/{UID} 700 appsvc",
                                                  "/etc/containers/systemd/web.container 600 root"])
        # What Quadlet makes of it is for all to read: docs/decisions/0017-containers.md says what follows for secrets.
        made = container.run("stat", "-c", "%n %a %U", f"/etc/containers/systemd/users/{UID}", f"/run/user/{UID}",
                             "/run/systemd/generator/web.service", f"/run/user/{UID}/systemd/generator/app.service")
        self.assertEqual(made.split("\n")[:4], [f"/etc/containers/systemd/users/{UID} 750 root",
                                                f"/run/user/{UID} 700 appsvc", "/run/systemd/generator/web.service 644 root",
                                                f"/run/user/{UID}/systemd/generator/app.service 644 appsvc"])

    def test_3_another_document_restarts_what_changed_and_nothing_else(self):
        before = invocation("web"), invocation("app", user=True)
        apply(document(WEB % 2000, APP))
        self.assertTrue(wait_until(lambda: container.show("web.service", "ActiveState") == "active" and
                                   invocation("web") != before[0], 60, 0.3), status())
        self.both_run()
        self.assertIn("sleep 2000", container.run("podman", "ps", "--format", "{{.Command}}"))
        self.assertEqual(invocation("app", user=True), before[1])

    def test_4_whatever_happens_to_atomixd_the_containers_go_on(self):
        before = invocation("web"), invocation("app", user=True)
        for verb in (("kill", "--signal=KILL"), ("restart",), ("stop",), ("start",)):
            container.run("systemctl", *verb, "atomixd.service")
            self.assertTrue(port_answers("127.0.0.1"), verb)
        self.both_run()
        self.assertEqual((invocation("web"), invocation("app", user=True)), before)

    def test_5_the_runs_of_a_container_are_counted(self):
        for name, podman in (("web", container.run), ("app", as_app_user)):
            starts = told(name)["starts"]
            podman("podman", "kill", f"systemd-{name}")
            self.wait_for(name, starts=starts + 1, unit="active")
        self.both_run()

    def test_6_one_that_turns_unhealthy_shows(self):
        (container.root / "data/config/files/sick").touch()
        self.wait_for("web", 80, health="unhealthy", unit="active")
        (container.root / "data/config/files/sick").unlink()
        self.wait_for("web", 80, health="healthy")

    def test_7_one_that_only_fails_is_told_and_started_at_a_bounded_rate(self):
        apply(document(WEB % 2000, APP, CRASH))
        self.wait_for("crash", error="ended with status 1")
        before = int(container.show("crash.service", "NRestarts"))
        time.sleep(22)
        self.assertIn(int(container.show("crash.service", "NRestarts")) - before, range(1, 4))
        self.assertEqual(told("crash")["required"], False)
        self.both_run()

    def reboot(self, cable=True):
        """With networkd, if it is enabled, as what gives eth0 its address."""
        container.run("systemctl", "reboot", check=False)
        self.assertTrue(wait_until(container.has_rebooted, 120), "no reboot")
        container.end()
        for interface in ("eth0", "eth1"):
            sides.gw.run("ip", "link", "set", interface, "down")
            sides.gw.run("ip", "addr", "flush", "dev", interface)
        sides.wan.run("ip", "link", "set", "wan0", "up" if cable else "down")
        container.power_on()

    def test_8_after_a_reboot_they_run_again(self):
        self.reboot()
        sides.gw.run("ip", "link", "set", "eth0", "up")
        sides.gw.run("ip", "addr", "replace", "10.99.0.2/24", "dev", "eth0")
        container.wait_until_booted()
        self.both_run(120)
        self.assertTrue(port_answers("127.0.0.1"))

    def test_8_without_a_wan_they_run_too_and_reach_it_when_it_comes(self):
        units.run("systemctl", "--quiet", "--root", container.root, "enable", "systemd-networkd.service",
                  "systemd-networkd-wait-online.service")
        sides.wan.start("dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--interface=wan0", "--bind-dynamic",
                        f"--dhcp-range={LEASED},{LEASED},255.255.255.0,2m", f"--dhcp-option=3,{WAN_HOST}", "--no-ping",
                        "--dhcp-authoritative", "--user=root", "--pid-file=",
                        f"--dhcp-leasefile={lab.directory}/wan-leases")
        sides.wan.start("busybox", "httpd", "-f", "-p", f"{WAN_HOST}:{WAN_PORT}")
        self.reboot(cable=False)
        booted = time.monotonic()
        self.assertEqual(container.wait_until_booted(), "running")
        for name in ("web", "app"):
            self.wait_for(name, 60 - (time.monotonic() - booted), unit="active")
        self.both_run()
        self.assertEqual(addresses("eth0"), "")

        sides.wan.run("ip", "link", "set", "wan0", "up")
        self.assertTrue(wait_until(lambda: LEASED in addresses("eth0"), 30), container.journal())

        def app_reaches_the_wan():   # whose httpd has no such page
            said = as_app_user("sh", "-c", "podman exec systemd-app /bin/wget -T 3 -O - "
                               f"http://{WAN_HOST}:{WAN_PORT}/ 2>&1", check=False)
            return "404" in said
        self.assertTrue(wait_until(app_reaches_the_wan, 20, 1))

    def test_9_what_is_not_wanted_any_more_goes_and_the_rest_stays(self):
        apply(LAN)
        self.assertTrue(wait_until(lambda: not status()["known"] and status().get("applied"), 60, 0.3), status())
        self.assertEqual(container.run("podman", "ps", "-aq"), "")
        self.assertEqual(as_app_user("podman", "ps", "-aq"), "")
        self.assertEqual(os.listdir(container.root / "etc/containers/systemd/users" / str(UID)), [])
        self.assertTrue((container.root / "etc/containers/systemd/theirs.volume").exists())
        self.assertEqual(container.show("web.service", "LoadState"), "not-found")
        for podman in (container.run, as_app_user):   # the other slot may need it
            self.assertIn("localhost/tiny", podman("podman", "images"))


if __name__ == "__main__":
    systemd_container.main()
