"""The life of an update, through reboots and through SIGKILL at every phase that is persisted."""
import time
import unittest

import bundles
import lab
from device import Device
from update_server import UpdateServer

PHASES = ("offered", "downloading", "written", "activated", "trial", "committed")


class LifeCycle(unittest.TestCase):
    def setUp(self):
        lab.make()
        self.server = UpdateServer(bundles.keys() / "server.pem", bundles.keys() / "server.key")
        self.addCleanup(self.server.stop)
        self.device = Device(self.server.url)
        self.addCleanup(self.device.stop)
        self.device.power_on()
        self.device.wait_until_serving()

    def settled(self):
        """Committed or rolled back, with nothing under way; or still the old version, ready to try again."""
        update = self.device.update()
        return update["phase"] in ("idle", "committed", "rolled_back")

    def install(self, version):
        self.server.offer(version, bundles.bundle(version))
        self.device.poll()

    def outcome(self, kind):
        return (self.device.update().get(kind) or {}).get("version")

    def check_stays_on(self, slot, version, env_left="3"):
        status = self.device.status()
        self.assertEqual((slot, version), (status["slot"], status["version"]), self.device.tail())
        env = self.device.env()
        self.assertEqual(slot, env["BOOT_ORDER"].split()[0])
        self.assertEqual(env_left, env[f"BOOT_{slot}_LEFT"])
        self.assertNotIn("ATOMIX_TRIAL", env)

    def test_a_good_update_is_committed(self):
        self.install("1.1.0")
        self.device.run_until(lambda: self.outcome("last_commit") == "1.1.0", 60, "a commit of 1.1.0")
        self.check_stays_on("B", "1.1.0")
        written = self.device.slots()
        for name, image in (("boot-b", "boot.vfat"), ("rootfs-b", "rootfs.squashfs")):
            content = (bundles.images("1.1.0") / image).read_bytes()
            self.assertEqual(content, written[name][:len(content)], name)

    def test_a_bad_update_is_rolled_back_with_a_reason_and_not_installed_again(self):
        self.install("bad-1")
        self.device.run_until(lambda: self.outcome("last_rollback") == "bad-1", 90, "a roll-back of bad-1")
        self.device.wait_until_serving()
        self.assertEqual("A", self.device.status()["slot"])
        self.assertIn("dnsmasq", self.device.update()["last_rollback"]["reason"])
        self.assertIn("bad-1", self.device.update()["rejected"])
        self.check_not_tried_again()

    def check_not_tried_again(self):
        before = len(self.server.requests)
        env, slots = self.device.env(), self.device.slots()
        for _ in range(2):
            time.sleep(1.1)   # last_poll counts in seconds
            last = self.device.update()["last_poll"]
            self.device.poll()
            self.device.run_until(lambda last=last: self.device.update()["last_poll"] != last, 15, "another poll")
        time.sleep(0.5)
        self.assertGreater(len(self.server.requests), before)
        self.assertEqual((env, slots), (self.device.env(), self.device.slots()))

    def test_a_kill_at_any_phase_ends_committed_or_rolled_back(self):
        for number, phase in enumerate(PHASES):
            with self.subTest(phase=phase):
                self.kill_at(phase, f"2.{number}.0")

    def kill_at(self, phase, version):
        device = self.device
        self.install(version)
        limit = time.monotonic() + 60
        while device.recorded_phase() != phase and time.monotonic() < limit:
            if device.process.poll() is not None:
                device.carry_on()
            time.sleep(0.0005)
        reached = device.recorded_phase() == phase
        if device.process.poll() is None:
            device.kill()
        self.assertTrue(reached, f"{phase} was never persisted\n{device.tail()}")
        device.carry_on()

        def has_ended():
            return version in (self.outcome("last_commit"), self.outcome("last_rollback")) and self.settled()

        limit = time.monotonic() + 10
        while not has_ended() and time.monotonic() < limit:   # before the activation the next poll begins anew
            device.carry_on()
            time.sleep(0.1)
        if not has_ended():
            device.poll()
        device.run_until(has_ended, 60, f"an end of {version}, killed in phase {phase}")
        device.wait_until_serving()
        self.assertEqual(device.status()["slot"], device.env()["BOOT_ORDER"].split()[0])
        self.assertNotIn("ATOMIX_TRIAL", device.env())

    def test_ten_reboots_of_a_committed_slot_stay_on_it(self):
        self.commit()
        for _ in range(10):
            self.device.power_on()
            self.assertEqual("B", self.device.slot)
            self.device.run_until(lambda: self.device.env()["BOOT_B_LEFT"] == "3", 10, "the counter is refilled")
        self.device.wait_until_serving()
        self.check_stays_on("B", "1.1.0")

    def test_ten_kills_shortly_after_start_of_a_committed_slot_stay_on_it(self):
        self.commit()
        for number in range(10):
            self.device.kill()
            self.device.power_on()
            self.assertEqual("B", self.device.slot, f"power cycle {number}")
            time.sleep(0.1 + 0.05 * number)
        self.device.wait_until_serving()
        self.check_stays_on("B", "1.1.0")

    def commit(self):
        self.install("1.1.0")
        self.device.run_until(lambda: self.outcome("last_commit") == "1.1.0", 60, "a commit of 1.1.0")

    def test_sigterm_ends_it_in_order(self):
        self.assertEqual(0, self.device.stop())
        self.assertEqual("", lab.run("ip", "netns", "pids", "gw").strip(), "no child is left behind")


if __name__ == "__main__":
    unittest.main(verbosity=2)
