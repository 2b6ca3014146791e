"""Bad input, line by line of the issue: one clear log line, a visible entry in the status, no slot and no boot variable
changed, and everything else goes on running.
"""
import time
import unittest

import bundles
import lab
from device import Device
from update_server import LATEST, UpdateServer

SERVICES = ("dnsmasq", "chronyd")


def complaints(lines):
    """Warnings and errors; the priorities are syslog's."""
    return [line for line in lines if line.startswith(("<4>", "<3>"))]


class BadInput(unittest.TestCase):
    def setUp(self):
        lab.make()
        self.server = UpdateServer(bundles.keys() / "server.pem", bundles.keys() / "server.key")
        self.addCleanup(lambda: self.server.stop())   # the one of that moment: a test may put another in its place
        self.device = Device(self.server.url)
        self.addCleanup(self.device.stop)
        self.device.power_on()
        self.device.wait_until_serving()

    # --- what every line has in common

    def poll(self):
        """Polls once and returns what it complained about, when that is visible in the status too."""
        device = self.device
        seen = len(device.log_lines())
        device.poll()
        device.run_until(lambda: complaints(device.log_lines()[seen:]), 15, "a log line about it")
        device.run_until(lambda: device.update()["error"], 5, "an entry in the status")
        time.sleep(0.3)   # for a second line, which would be one too many
        self.assertIsNone(device.process.poll(), "atomixd ended\n" + device.tail())
        return complaints(device.log_lines()[seen:])

    def check_refused(self, *words, slots_change=False):
        """Polls; the reason must contain the words."""
        device = self.device
        env, slots = device.env(), device.slots()
        services = {name: device.status()["services"][name]["pid"] for name in SERVICES}

        lines = self.poll()

        self.assertEqual(1, len(lines), "one clear log line\n" + "\n".join(lines))
        error = device.update()["error"]
        for word in words:
            self.assertIn(word.lower(), error.lower())
        self.assertEqual(device.slot, device.status()["slot"])
        if slots_change:
            self.check_only_the_spare_changed(env, slots)
        else:
            self.assertEqual(env, device.env(), "the boot variables")
            self.assertEqual(slots, device.slots(), "the slots")
        self.assertTrue(device.is_serving())
        for name, pid in services.items():
            self.assertEqual(pid, device.status()["services"][name]["pid"], f"{name} was left alone")

    def check_only_the_spare_changed(self, env, slots):
        """A stream that failed on its way: the spare slot can never be booted, the running one is as it was."""
        now, left = self.device.slots(), self.device.env()
        for name in ("boot-a", "rootfs-a"):
            self.assertEqual(slots[name], now[name], name)
        for name in ("boot-b", "rootfs-b"):
            self.assertEqual(bytes(4096), now[name][:4096], name + " must not load")
        self.assertEqual(env["BOOT_A_LEFT"], left["BOOT_A_LEFT"])
        self.assertEqual("A", left["BOOT_ORDER"].split()[0])
        self.assertNotIn("ATOMIX_TRIAL", left)

    def offer(self, bundle, version="1.1.0"):
        return self.server.offer(version, bundle)

    def asked_for_data(self, path):
        """Whether more than the bundle's end was asked for."""
        return len([r for r in self.server.requests if r[0] == path]) > 1

    # --- the server

    def test_unreachable_server(self):
        self.device.stop()
        self.device.write_operator_document(f"https://{lab.WAN_ADDRESS}:4433")
        self.device.power_on()
        self.device.wait_until_serving()
        self.check_refused("refused")

    def test_tls_failure(self):
        self.server.stop()
        self.server = UpdateServer(bundles.keys() / "unknown.pem", bundles.keys() / "unknown.key")
        self.check_refused("certificate")

    def test_http_error(self):
        self.server.say(b"sorry", status=500)
        self.check_refused("500")

    def test_redirect_to_http(self):
        self.server.say(b"", status=302, headers={"Location": f"http://{lab.WAN_ADDRESS}{LATEST}"})
        self.check_refused("https")

    def test_reply_that_is_not_json(self):
        self.server.say(b"<html>welcome</html>")
        self.check_refused("json")

    def test_incomplete_reply(self):
        self.server.say({"version": "1.1.0"})
        self.check_refused("bundle_url")

    def test_version_outside_its_alphabet(self):
        for version in ("1.1.0 beta", "../1", "", "x" * 129):
            with self.subTest(version=version):
                self.server.say({"version": version, "bundle_url": f"{self.server.url}/bundles/x.raucb"})
                self.check_refused("version")

    # --- the bundle, before its body is fetched

    def test_bundle_without_range_support(self):
        self.offer(bundles.bundle("1.1.0"))
        self.server.ranges = False
        self.check_refused("range")

    def test_truncated_bundle(self):
        self.offer(bundles.changed(bundles.bundle("1.1.0"), lambda content: content.__delitem__(slice(-5000, None))))
        self.check_refused()

    def test_bad_tail_size(self):
        for size in (0, 2**63, 10**6):
            with self.subTest(size=size):
                self.offer(bundles.changed(bundles.bundle("1.1.0"), lambda content, size=size: content.__setitem__(
                    slice(-8, None), size.to_bytes(8, "big"))))
                self.check_refused("size")

    def test_signature_by_an_unknown_key(self):
        path = self.offer(bundles.bundle("1.1.0", signer="unknown"))
        self.check_refused("signature")
        self.assertFalse(self.asked_for_data(path))

    def test_expired_certificate(self):
        path = self.offer(bundles.bundle("1.1.0", signer="expired"))
        self.check_refused("expired")
        self.assertFalse(self.asked_for_data(path))

    def test_wrong_compatible(self):
        path = self.offer(bundles.bundle("1.1.0", compatible="toaster"))
        self.check_refused("toaster")
        self.assertFalse(self.asked_for_data(path))

    def test_version_that_is_not_the_offered_one(self):
        self.offer(bundles.bundle("1.1.0"), version="1.3.0")
        self.check_refused("1.1.0", "1.3.0")

    def test_unknown_manifest_key(self):
        self.offer(bundles.resigned(bundles.bundle("1.1.0"), change=lambda manifest: manifest.replace(
            "[update]\n", "[update]\nsurprise=1\n")))
        self.check_refused("surprise")

    def test_image_larger_than_its_slot(self):
        with open(self.device.at / "slots/rootfs-b", "r+b") as slot:
            slot.truncate(1 << 20)
        self.offer(bundles.bundle("1.1.0"))
        self.check_refused("larger")

    def test_flipped_byte_in_the_tree(self):
        tree = bundles.parts(bundles.bundle("1.1.0"))[1]
        self.offer(bundles.changed(bundles.bundle("1.1.0"), lambda content: flip(content, tree + 5000)))
        self.check_refused("tree")

    # --- the bundle, in mid-stream

    def test_flipped_byte_in_the_data(self):
        self.offer(bundles.changed(bundles.bundle("1.1.0"), lambda content: flip(content, 2_000_000)))
        self.check_refused(slots_change=True)

    def test_server_that_vanishes_in_mid_stream(self):
        path = self.server.offer("1.1.0", bundles.bundle("1.1.0"))
        self.server.cut_after = 1_500_000
        self.server.after_cut = lambda: self.server.bundles.pop(path, None)
        self.check_refused("404", slots_change=True)

    def test_connection_lost_again_and_again_costs_only_time(self):
        self.server.offer("1.1.0", bundles.bundle("1.1.0"))
        self.server.cut_after = 1_500_000
        self.device.poll()
        self.device.run_until(lambda: any("update written" in line for line in self.device.log_lines()), 60,
                              "an update that was fetched in pieces")
        asked = [asked for path, asked, _ in self.server.requests if path.endswith(".raucb")]
        self.assertEqual(len(asked), len(set(asked)), "nothing was asked for twice")

    # --- the device

    def test_slot_device_missing(self):
        (self.device.at / "slots/rootfs-b").unlink()
        self.offer(bundles.bundle("1.1.0"))
        self.check_refused("rootfs-b")

    def test_lost_boot_environment(self):
        """No copy is good: it is begun anew and said so; the running slot stays bootable throughout."""
        device = self.device
        environment = device.at / "env"
        environment.write_bytes(b"\xff" * environment.stat().st_size)
        self.server.held = lambda asked: True   # so that the status can be looked at while the update is under way
        self.server.offer("1.1.0", bundles.bundle("1.1.0"))
        device.poll()
        self.server.held = None
        device.run_until(lambda: any("boot environment was lost" in line for line in device.log_lines()), 15,
                         "a log line about it")
        device.run_until(lambda: "BOOT_ORDER" in device.env(), 15, "a good copy")
        self.assertIn("A", device.env()["BOOT_ORDER"].split())
        self.assertEqual("3", device.env()["BOOT_A_LEFT"])

    def test_missing_boot_environment(self):
        (self.device.at / "env").unlink()
        self.offer(bundles.bundle("1.1.0"))
        device, slots = self.device, self.device.slots()
        self.assertEqual(1, len(self.poll()))
        self.assertIn("environment", device.update()["error"])
        self.assertEqual(slots, device.slots())

    def test_state_file_cut_in_half(self):
        device = self.device
        state = device.at / "data/state"
        device.stop()
        for name in ("update.json", "history.json", "ledger.json", "committed.json"):
            with self.subTest(name=name):
                content = (state / name).read_bytes() if (state / name).exists() else b'{"schema": 1, "phase": "idle"}'
                state.mkdir(exist_ok=True)
                (state / name).write_bytes(content[:len(content) // 2])
                env, slots, seen = device.env(), device.slots(), len(device.log_lines())
                device.start()
                device.wait_until_serving()
                about_it = [line for line in complaints(device.log_lines()[seen:]) if name in line]
                self.assertEqual(1, len(about_it), device.tail())
                self.assertIn(name, str(device.update()), "a visible entry in the status")
                self.assertEqual((env["BOOT_ORDER"], slots), (device.env()["BOOT_ORDER"], device.slots()))
                self.assertTrue((state / (name + ".broken")).exists(), "it is set aside, not lost")
                device.stop()


def flip(content, at):
    content[at] ^= 1


if __name__ == "__main__":
    unittest.main(verbosity=2)
