"""The life of an update, through reboots and through SIGKILL at every phase that is persisted."""
import contextlib
import fcntl
import json
import os
import time
import unittest

import bundles
import lab
from device import SERIAL, Device
from update_server import UpdateServer

MIB = 1024 * 1024
MISTYPED = "network: {dnsmasq: {gateway_cidr:"
LOCK = "/var/lock/fw_printenv.lock"   # libubootenv's: who holds it stops every change of the boot environment


@contextlib.contextmanager
def environment_locked():
    with open(LOCK, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_data(asked):
    """Whether a Range is the images' one long stream."""
    first, _, last = (asked or "").removeprefix("bytes=").partition("-")
    return bool(first and last) and int(last) - int(first) > 1_000_000


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

    def check_stays_on(self, slot, version):
        status = self.device.status()
        self.assertEqual((slot, version), (status["slot"], status["version"]), self.device.tail())
        env = self.device.env()
        self.assertEqual(slot, env["BOOT_ORDER"].split()[0])
        self.assertEqual("3", env[f"BOOT_{slot}_LEFT"])
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

    # --- SIGKILL in each phase: what follows is a new start in the same boot, as systemd's Restart= would

    def test_a_kill_when_offered_ends_committed(self):
        self.server.held = lambda asked: not asked.startswith("bytes=-")   # all but the bundle's end
        self.install("2.0.0")
        self.kill_in("offered")
        self.check_ends("last_commit", "2.0.0")

    def test_a_kill_when_downloading_ends_committed(self):
        self.server.held = is_data
        self.install("2.0.0")
        self.kill_in("downloading")
        self.check_ends("last_commit", "2.0.0")

    def test_a_kill_when_written_ends_committed(self):
        self.kill_before_activation()
        # "activated" follows "written" at once: only the record tells these two apart.
        record = self.device.at / "data/state/update.json"
        record.write_text(record.read_text().replace('"activated"', '"written"'))
        self.assertEqual("written", self.device.recorded_phase())
        self.check_ends("last_commit", "2.0.0")

    def test_a_kill_when_activated_but_not_yet_in_the_environment_ends_committed(self):
        self.kill_before_activation()
        self.assertNotIn("ATOMIX_TRIAL", self.device.env())
        self.check_ends("last_commit", "2.0.0")

    def test_a_kill_when_activated_ends_committed(self):
        self.install("2.0.0")
        self.device.run_until(lambda: self.device.env().get("ATOMIX_TRIAL") == "B", 60, "the activation")
        self.kill_in("activated")
        self.check_ends("last_commit", "2.0.0")

    def test_a_kill_in_the_trial_ends_committed(self):
        self.install("2.0.0")
        self.kill_in("trial")
        self.check_ends("last_commit", "2.0.0")

    def test_a_power_cut_in_the_trial_ends_committed(self):
        self.install("2.0.0")
        self.kill_in("trial")
        self.device.power_on()
        self.check_ends("last_commit", "2.0.0")

    def test_a_kill_when_committed_ends_committed(self):
        self.install("2.0.0")
        self.wait_for_trial()
        with environment_locked():
            self.kill_in("committed")
        self.check_ends("last_commit", "2.0.0")

    def test_a_kill_when_rolled_back_ends_rolled_back(self):
        self.install("bad-2")
        self.wait_for_trial()
        with environment_locked():
            self.kill_in("rolled_back")
        self.check_ends("last_rollback", "bad-2")

    def test_a_disk_written_anew_under_an_order_that_names_only_its_empty_slot_serves_and_takes_an_update(self):
        self.device.kill()
        self.device.set_env(BOOT_ORDER="B", BOOT_A_LEFT="0", BOOT_B_LEFT="2")
        for _ in range(4):     # whatever comes of the counters
            self.device.power_on()
            self.assertEqual("A", self.device.slot)
            self.device.wait_until_serving()
        self.assertEqual("B", self.device.env()["BOOT_ORDER"])
        self.install("1.1.0")
        self.device.run_until(lambda: self.outcome("last_commit") == "1.1.0", 60, "a commit of 1.1.0")
        self.check_stays_on("B", "1.1.0")
        self.assertEqual("B A", self.device.env()["BOOT_ORDER"])

    # --- what a slot on trial may meet

    def test_a_trial_that_is_reset_again_and_again_ends_in_the_old_slot(self):
        old = {name: content for name, content in self.device.slots().items() if name.endswith("-a")}
        self.install("2.0.0")
        self.wait_for_trial()
        for attempts in ("2", "1", "0"):
            self.assertEqual((attempts, "B"), (self.device.env()["BOOT_B_LEFT"], self.device.slot))
            self.device.kill()
            self.device.power_on()
        self.assertEqual("A", self.device.slot)
        self.device.wait_until_serving()
        self.assertIn("used up its boot attempts", self.device.update()["last_rollback"]["reason"])
        self.assertIn("2.0.0", self.device.update()["rejected"])
        self.check_stays_on("A", "1.0.0")
        self.assertEqual("A", self.device.env()["BOOT_ORDER"])
        self.assertEqual(old, {name: content for name, content in self.device.slots().items() if name.endswith("-a")})

    def write_data(self, path, text):
        (self.device.at / "data" / path).write_text(text)

    def test_an_update_beside_a_mistyped_document_goes_on_with_the_one_accepted_last_and_is_committed(self):
        self.write_data("state/accepted-B.yaml", "version: 1\n")   # of a version that was in B a year ago
        a_year_ago = time.time() - 365 * 86400
        os.utime(self.device.at / "data/state/accepted-B.yaml", (a_year_ago, a_year_ago))
        self.write_data("config/atomix.yaml", MISTYPED)
        self.device.power_on()
        self.device.wait_until_serving()
        for version, slot in (("2.0.0", "B"), ("2.1.0", "A")):   # the second one: it knows its update server
            self.install(version)
            self.device.run_until(lambda v=version: self.outcome("last_commit") == v, 60, f"a commit of {version}")
            self.check_stays_on(slot, version)
            status = self.device.status()
            self.assertEqual(("last_accepted", "A"), (status["config"]["source"], status["config"]["accepted_by"]))
            self.assertIn("atomix.yaml:", status["config"]["problems"][0])
            said = {reading["probe"]: reading["detail"] for reading in status["health"]["probes"]}
            self.assertIn("the last one that slot A accepted is in force", said["document"])

    def test_a_version_that_loses_the_update_server_with_the_document_is_rolled_back(self):
        self.install("2.0.0")
        self.device.run_until(lambda: self.device.env().get("ATOMIX_TRIAL") == "B", 60, "the activation")
        self.write_data("config/atomix.yaml", MISTYPED)
        (self.device.at / "data/state/accepted-A.yaml").unlink()
        self.device.run_until(lambda: self.outcome("last_rollback") == "2.0.0", 120, "a rollback of 2.0.0")
        self.check_stays_on("A", "1.0.0")
        self.assertEqual("built_in", self.device.status()["config"]["source"])
        self.assertIn("this version has no update server configured, the version before reached one",
                      self.device.update()["last_rollback"]["reason"])

    def test_an_operator_who_takes_the_update_server_away_is_obeyed(self):
        self.install("2.0.0")
        self.device.run_until(lambda: self.device.env().get("ATOMIX_TRIAL") == "B", 60, "the activation")
        self.write_data("config/atomix.yaml", "version: 1\n")
        self.device.run_until(lambda: self.outcome("last_commit") == "2.0.0", 60, "a commit of 2.0.0")
        self.check_stays_on("B", "2.0.0")

    def test_a_version_that_refuses_what_the_other_slot_accepted_is_rolled_back_with_the_reason(self):
        self.install("2.0.0")
        self.device.run_until(lambda: self.device.env().get("ATOMIX_TRIAL") == "B", 60, "the activation")
        document = "version: 1\ncolour: blue\n"   # that the version in A knew, as far as its files tell
        for path in ("config/atomix.yaml", "state/accepted-A.yaml"):
            self.write_data(path, document)
        self.device.run_until(lambda: self.outcome("last_rollback") == "2.0.0", 120, "a rollback of 2.0.0")
        self.check_stays_on("A", "1.0.0")
        reason = self.device.status()["update"]["last_rollback"]["reason"]
        self.assertIn("document: this version refuses the operator's document, which the other slot accepted", reason)
        self.assertIn("colour", reason)

    def kill_before_activation(self):
        self.server.held = is_data
        self.install("2.0.0")
        self.device.run_until(lambda: self.device.env()["BOOT_ORDER"] == "A", 20, "B marked bad")
        with environment_locked():
            self.server.held = None
            self.kill_in("activated")

    def wait_for_record(self, phase):
        self.device.run_until(lambda: self.device.recorded_phase() == phase, 60, f"{phase} is persisted")

    def wait_for_trial(self):
        self.device.run_until(lambda: any("trial begun" in line for line in self.device.log_lines()), 60, "a trial")

    def kill_in(self, phase):
        self.wait_for_record(phase)
        if self.device.process.poll() is None:   # it may have ended for the reboot already
            self.device.kill()
        self.assertEqual(phase, self.device.recorded_phase())
        self.server.held = None

    def check_ends(self, kind, version):
        """Never stuck. What was not yet written is begun anew by the next poll."""
        device = self.device
        device.carry_on()
        device.wait_until_serving()
        if device.update()["phase"] == "idle":
            device.poll()
        device.run_until(lambda: self.outcome(kind) == version and self.settled(), 60, f"{kind} of {version}")
        device.wait_until_serving()
        slot = "B" if kind == "last_commit" else "A"
        self.check_stays_on(slot, version if kind == "last_commit" else "1.0.0")
        device.power_on()
        device.wait_until_serving()
        self.check_stays_on(slot, version if kind == "last_commit" else "1.0.0")

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

    def test_the_status_says_which_device_it_is_and_at_each_look_how_warm(self):
        status = self.device.status()
        self.assertEqual(("sim", None, SERIAL), (status["board"], status["model"], status["serial"]))
        self.assertEqual([{"sensor": "simulated", "celsius": 45, "critical_celsius": None}], status["temperatures"])
        sensors = self.device.at / "run/cmdline"
        sensors.write_text(sensors.read_text().replace("45454", "61000"))
        self.assertEqual(61, self.device.status()["temperatures"][0]["celsius"])
        sensors.write_text(sensors.read_text().replace("61000", "off"))
        self.assertEqual([], self.device.status()["temperatures"])

    def test_sigterm_ends_it_in_order(self):
        self.assertEqual(0, self.device.stop())
        self.assertEqual("", lab.run("ip", "netns", "pids", "gw").strip(), "no child is left behind")


class PowerCutInTheStream(unittest.TestCase):
    SIZE = 40 * MIB

    def setUp(self):
        lab.make()
        self.server = UpdateServer(bundles.keys() / "server.pem", bundles.keys() / "server.key")
        self.addCleanup(self.server.stop)
        self.device = Device(self.server.url, rootfs_size=self.SIZE)
        self.addCleanup(self.device.stop)
        self.device.power_on()
        self.device.wait_until_serving()

    def recorded(self):
        """Bytes of the rootfs that the record of progress names."""
        try:
            progress = json.loads((self.device.at / "data/state/progress.json").read_text())
        except OSError:
            return 0
        return len(progress["rootfs"]) * MIB

    def test_what_was_recorded_is_not_fetched_again(self):
        self.server.drips_after = 20 * MIB
        self.server.offer("large-2", bundles.bundle("large-2", rootfs_size=self.SIZE))
        self.device.poll()
        self.device.run_until(lambda: self.recorded() >= 16 * MIB, 60, "a checkpoint")
        self.assertLess(self.device.peak_mib(), 32)
        self.device.kill()
        before, recorded = self.server.count_anew(), self.recorded()
        self.server.drips_after = None

        self.device.power_on()
        self.device.wait_until_serving()
        self.device.poll()
        self.device.run_until(lambda: (self.device.update().get("last_commit") or {}).get("version") == "large-2", 90,
                              "a commit of large-2")
        again = self.server.sent
        self.assertLess(again, self.SIZE - recorded + 3 * MIB, "tables, boot image and an unfinished MiB come on top")
        self.assertLess(before + again, 1.5 * self.SIZE)
        written = self.device.slots()["rootfs-b"]
        self.assertTrue(written == (bundles.images("large-2", self.SIZE) / "rootfs.squashfs").read_bytes())


if __name__ == "__main__":
    unittest.main(verbosity=2)
