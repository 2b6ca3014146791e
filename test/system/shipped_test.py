#!/usr/bin/env python3
"""The shipped root file system through the life of a device, without a virtual machine: its own systemd, units and
atomixd, its slots, boot environment and /data; the loader's rules and a short initrd are stand-ins.

    isolated python3 shipped_test.py        $VM_IMAGE is the folder that test/vm/make-image has made
"""

import contextlib
import re
import sys
import time
import unittest

import shipped_images
import systemd_container
import units
from device_containers import AS_APP_USER, UID, required_run
from containers_test import IMAGE
from gateway_test import connects, is_closed
from lan_client import GW_WAN, PORTS, WAN_HOST, greets
from netlab import wait_until
from shipped_device import GW_LAN, OPEN_BY_WISH, OPERATOR, Device

FLAG = "config/ssh-wan-enabled"
PRESET = units.SOURCE / "deploy/image/files/usr/lib/systemd/system-preset/00-atomix.preset"
# Of the preset's units those that have nothing to do at this boot, and why.
IDLE = {
    "atomix-lan-link.service": "the LAN's interface is there from the beginning",
    "atomix-ssh-keys.service": "a oneshot, of the first boot only",
    "systemd-networkd-wait-online.service": "of network-online.target, which only containers want",
}

device = None


def setUpModule():
    global device
    device = unittest.enterModuleContext(Device())
    unittest.addModuleCleanup(lambda: systemd_container.keep_log(device.evidence(300)))
    device.power_on()


def is_at_rest():
    """It serves, nothing is on trial, and the booted slot is marked good."""
    status, env = device.status(), device.env()
    return bool(status and status["update"]["phase"] in ("idle", "committed", "rolled_back") and
                all(status["services"].get(name, {}).get("running") for name in ("dnsmasq", "chronyd")) and
                env.get(f"BOOT_{device.slot}_LEFT") == "3" and "ATOMIX_TRIAL" not in env)


class ADevice(unittest.TestCase):
    def setUp(self):
        self.begun = time.monotonic()
        device.run_until(is_at_rest, 60, "a device at rest")
        self.slot, self.version = device.slot, device.status()["version"]
        self.other = "B" if self.slot == "A" else "A"
        self.boots = device.boots

    def tearDown(self):
        print(f"    {time.monotonic() - self.begun:.1f} s", file=sys.stderr)

    def offer(self, kind, version):
        device.server.offer(version, shipped_images.bundle(kind, version))
        device.poll()

    def until_in_trial(self, version):
        device.run_until(lambda: device.slot == self.other and device.update().get("phase") == "trial", 90,
                         f"a trial of {version}")

    def until_committed(self, version):
        device.run_until(lambda: (device.update().get("last_commit") or {}).get("version") == version, 120,
                         f"a commit of {version}")

    def until_rolled_back(self, version):
        """Its reason. The old slot is as it was."""
        told = device.run_until(lambda: self._rolled_back(version), 150, f"a rollback of {version}")
        device.run_until(is_at_rest, 60, "the old slot at rest")
        self.check_agreed(self.slot, self.version)
        self.assertIn(version, device.update()["rejected"])
        return told["reason"]

    def _rolled_back(self, version):
        told = device.update().get("last_rollback") or {}
        return told if told.get("version") == version else None

    def check_agreed(self, slot, version, *others):
        """The environment from outside and inside, the files and the status say the same. `others`: slots that the loader
        would try next."""
        device.run_until(is_at_rest, 60, "a device at rest")
        status, env = device.status(), device.env()
        self.assertEqual((device.slot, status["slot"], status["version"]), (slot, slot, version))
        self.assertEqual(env["BOOT_ORDER"], " ".join((slot, *others)))
        inside = dict(line.split("=", 1) for line in device.run("fw_printenv").splitlines())
        self.assertEqual(inside, env)
        self.assertIn(f"VERSION_ID={version}", device.run("cat", "/etc/os-release").splitlines())
        self.assertEqual(status["config"]["source"], "operator")


class Boot(ADevice):
    def test_every_unit_of_the_preset_is_active_and_none_has_failed(self):
        self.assertEqual(device.container.wait_until_booted(), "running", device.run("systemctl", "--failed"))
        started = re.findall(r"^enable (\S+)", PRESET.read_text(), re.M)
        self.assertIn("atomixd.service", started)
        states = {unit: device.container.show(unit, "ActiveState") for unit in started if unit not in IDLE}
        self.assertEqual(set(states.values()), {"active"}, states)
        for unit in IDLE:
            self.assertEqual(device.container.show(unit, "UnitFileState"), "enabled")
            self.assertEqual(device.container.show(unit, "Result"), "success")
        self.assertTrue((device.at / "data/ssh/ssh_host_ed25519_key").exists())

    def test_the_status_says_what_the_device_is(self):
        status = device.status()
        self.assertEqual((status["board"], status["compatible"], status["slot"]), ("qemu", "qemu-amd64", device.slot))
        self.assertEqual(status["config"], {"source": "operator", "accepted_by": None, "problems": []})
        self.assertTrue(status["firewall"]["applied"] and status["forwarding"]["off"] and status["network"]["applied"])
        device.run_until(lambda: device.status()["links"]["wan"]["addresses"] == [GW_WAN + "/24"], 60, "an address on the WAN")
        for unit in ("ssh.service", "systemd-networkd.service", "systemd-resolved.service"):
            self.assertTrue(status["services"]["unit:" + unit]["running"], unit)

    def test_the_shipped_systemd_finds_atomixd_exposed_to_little(self):
        said = device.run("systemd-analyze", "security", "--no-pager", "atomixd.service")
        self.assertLessEqual(float(re.search(r"exposure level for atomixd.service: ([\d.]+)", said).group(1)), 3.0)

    def test_a_reboot_keeps_slot_data_and_identity(self):
        (device.at / "data/mine").write_text("kept")
        others = device.env()["BOOT_ORDER"].split()[1:]
        before = [device.run("cat", path) for path in ("/etc/machine-id", "/data/ssh/ssh_host_ed25519_key.pub")]
        begun = time.monotonic()
        device.run("systemctl", "reboot", check=False)
        device.run_until(lambda: device.boots > self.boots, 30, "a reboot")
        device.run_until(lambda: device.status(), 30, "atomixd")
        print(f"    a reboot: {time.monotonic() - begun:.1f} s", file=sys.stderr)
        self.check_agreed(self.slot, self.version, *others)
        self.assertEqual([device.run("cat", path) for path in ("/etc/machine-id", "/data/ssh/ssh_host_ed25519_key.pub")],
                         before)
        self.assertEqual(device.run("cat", "/data/mine"), "kept")


class Update(ADevice):
    def test_an_update_is_committed_in_the_other_slot_and_the_next_one_in_this(self):
        (device.at / "data/mine").write_text("kept")
        identity = device.run("cat", "/etc/machine-id")
        for version, slot in (("2.0.0", self.other), ("3.0.0", self.slot)):
            self.offer("good", version)
            self.until_committed(version)
            self.check_agreed(slot, version, "B" if slot == "A" else "A")
        self.assertEqual(device.boots, self.boots + 2)
        self.assertEqual(device.run("cat", "/data/mine", "/etc/machine-id"), "kept" + identity)


class Rollback(ADevice):
    def test_a_version_whose_dnsmasq_does_not_stay_up_is_left_with_that_reason(self):
        self.offer("unhealthy", "5.0.0")
        self.assertIn("dnsmasq", self.until_rolled_back("5.0.0"))
        self.assertEqual(device.boots, self.boots + 2)

    def test_a_version_whose_atomixd_does_nothing_is_ended_by_the_timer(self):
        self.offer("false", "6.0.0")
        reason = self.until_rolled_back("6.0.0")
        print(f"    {reason}", file=sys.stderr)
        self.assertIn("rebooted without atomixd", reason)

    def test_a_version_that_refuses_the_operators_document_is_left_with_that_reason(self):
        self.offer("refuses", "7.0.0")
        self.assertIn("document", self.until_rolled_back("7.0.0"))
        self.assertEqual(device.boots, self.boots + 2)

    def test_a_version_without_a_required_unit_is_left_with_that_reason(self):
        self.offer("unit-missing", "8.0.0")
        self.assertIn("ssh.service", self.until_rolled_back("8.0.0"))
        self.assertEqual(device.boots, self.boots + 2)

    def test_a_version_that_only_reaches_the_emergency_shell_reboots_until_its_tries_are_used_up(self):
        self.offer("fstab", "9.0.0")
        reason = self.until_rolled_back("9.0.0")
        print(f"    {reason}", file=sys.stderr)
        self.assertEqual(device.boots, self.boots + 4)
        self.assertIn("emergency", device.journal(self.boots + 1).lower())


class Confirm(ADevice):
    def test_nothing_is_committed_before_the_window_has_passed_and_a_lost_state_file_changes_nothing(self):
        self.offer("slow", "4.0.0")
        self.until_in_trial("4.0.0")
        (device.at / "data/state/update.json").write_bytes(b"\xff{ nonsense")
        device.run("systemctl", "kill", "--signal=KILL", "atomixd.service")
        killed = time.monotonic()   # the next one begins the window anew
        device.run_until(lambda: "ATOMIX_TRIAL" not in device.env(), 60, "the end of the trial")
        self.assertGreater(time.monotonic() - killed, 20)
        self.assertTrue((device.at / "data/state/update.json.broken").exists())
        self.check_agreed(self.other, "4.0.0", self.slot)

    def test_a_power_cut_in_a_trial_costs_one_try_and_the_trial_begins_again(self):
        self.offer("good", "4.1.0")
        self.until_in_trial("4.1.0")
        self.assertEqual(device.env()[f"BOOT_{self.other}_LEFT"], "2")
        device.power_off()
        device.power_on()
        self.assertEqual((device.slot, device.env()[f"BOOT_{self.other}_LEFT"]), (self.other, "1"))
        self.until_in_trial("4.1.0")
        self.until_committed("4.1.0")
        self.check_agreed(self.other, "4.1.0", self.slot)
        self.assertEqual(device.boots, self.boots + 2)


class Containers(ADevice):
    CONTAINERS = """containers:
  container:
    web:
      privileged: true
      Container: {Image: "localhost/tiny:1", Pull: never, Exec: [/bin/sleep, "1000"]}
    app:
      privileged: false
      Container: {Image: "localhost/tiny:1", Pull: never, Exec: [/bin/sleep, "1000"]}
activation: {required: [web, app]}
"""

    def test_required_containers_run_and_are_back_after_a_reboot(self):
        device.run("sh", "-euc", IMAGE)
        device.run("podman", "import", "/tmp/image.tar", "localhost/tiny:1")
        self.assertEqual(self.managers_state(), "inactive")   # for nobody's containers
        document = device.at / "data/config/atomix.yaml"
        self.addCleanup(self.apply, document, OPERATOR)
        self.apply(document, OPERATOR + self.CONTAINERS)
        device.run_until(lambda: self.managers_state() == "active", 60, "the app user's manager")
        device.run(*AS_APP_USER, "podman", "import", "/tmp/image.tar", "localhost/tiny:1")
        self.until_they_run()
        device.run("systemctl", "reboot", check=False)
        device.run_until(lambda: device.boots > self.boots, 30, "a reboot")
        self.until_they_run()
        self.assertIn("systemd-web", device.run("podman", "ps", "--format", "{{.Names}}"))
        self.assertIn("systemd-app", device.run(*AS_APP_USER, "podman", "ps", "--format", "{{.Names}}"))
        self.assertIn("Linger=yes", device.run("loginctl", "show-user", "appsvc"))

    def apply(self, document, text):
        document.write_text(text)
        device.run("systemctl", "restart", "atomixd.service")

    def managers_state(self):
        return device.container.show(f"user@{UID}.service", "ActiveState")

    def until_they_run(self):
        modes = {"web": "rootful", "app": "rootless"}
        device.run_until(lambda: required_run(device.status(), modes), 90, "two running containers")


@contextlib.contextmanager
def listeners(*ports):
    """On all of the device's addresses: what is closed is so by the filter and not for want of a listener."""
    for port in ports:
        device.run("systemd-run", "--quiet", f"--unit=listen-{port}", "busybox", "nc", "-ll", "-p", str(port), "-e",
                   "/bin/true")
    yield
    device.run("systemctl", "stop", *(f"listen-{port}" for port in ports))


class Network(ADevice):
    def test_the_lan_reaches_what_it_needs_and_what_the_operator_lists_and_the_wan_nothing(self):
        sides = device.sides
        with listeners(80, 443, 8443):
            self.assertTrue(wait_until(lambda: connects(sides.gw, "127.0.0.1", 443, 1), 5), "nobody listens")
            closed = [port for port in PORTS if is_closed(sides.lan, GW_LAN, port)]
            self.assertEqual(closed, [port for port in PORTS if port not in (22, 53, OPEN_BY_WISH, 8080, 8443)])
            self.assertTrue(greets(sides.lan, GW_LAN))
            self.assertTrue(is_closed(sides.lan, GW_WAN, 22), "the WAN's address from the LAN")
            for port in PORTS:
                self.assertTrue(is_closed(sides.wan, GW_WAN, port), port)

    def test_the_lan_has_dhcp_dns_and_time_and_nothing_beyond(self):
        sides = device.sides
        sides.check_dhcp_dns_ntp(self, GW_LAN)
        self.assertTrue(connects(sides.wan, WAN_HOST, 443, 5), "the WAN's host does not listen")
        self.assertTrue(is_closed(sides.lan, WAN_HOST, 443))
        sides.gw.run("sysctl", "-qw", "net.ipv4.ip_forward=1")   # also where somebody switches it on
        self.assertTrue(is_closed(sides.lan, WAN_HOST, 443))
        self.assertTrue(wait_until(lambda: device.status()["forwarding"]["off"], 10, 0.2))

    def test_ssh_from_the_wan_follows_its_flag(self):
        wan = device.sides.wan
        self.assertTrue(is_closed(wan, GW_WAN, 22))
        device.run("touch", "/data/" + FLAG)
        self.assertTrue(wait_until(lambda: greets(wan, GW_WAN, 2), 20, 0.1))
        self.assertTrue(device.status()["firewall"]["ssh_on_wan"])
        device.run("rm", "/data/" + FLAG)
        self.assertTrue(wait_until(lambda: is_closed(wan, GW_WAN, 22), 20, 0.1))
        self.assertTrue(greets(device.sides.lan, GW_LAN))


if __name__ == "__main__":
    if not (shipped_images.IMAGE / "rootfs.squashfs").exists():
        sys.exit(f"there is no image in {shipped_images.IMAGE}: `test/vm/make-image` makes one, for ctest \"vm: image\"")
    systemd_container.main()
