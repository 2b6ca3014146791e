"""A server that never stops offering the wrong thing: how often the whole daemon installs it."""
import unittest

import bundles
import lab
from device import Device
from update_server import LATEST, UpdateServer

POLLS = 50
REBOOTS = 5


def signed_anew(version, number, **keys):
    """The payload of `version` under another version and another signature: the manifest's hash is a new one."""
    def change(manifest):
        manifest = manifest.replace(f"version={version}\n", f"version={version}-{number}\n", 1)
        for key, value in keys.items():
            assert f"\n{key}=" in manifest, manifest
            lines = [f"{key}={value}" if line.startswith(f"{key}=") else line for line in manifest.splitlines()]
            manifest = "\n".join(lines) + "\n"
        return manifest
    return bundles.resigned(bundles.bundle(version), change=change)


def is_data(asked):
    """Whether a Range is of the images."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    return bool(first and last) and int(last) - int(first) > 500_000


class LoopBreaker(unittest.TestCase):
    def setUp(self):
        lab.make()
        self.server = UpdateServer(bundles.keys() / "server.pem", bundles.keys() / "server.key")
        self.addCleanup(self.server.stop)
        self.begin_with()

    def begin_with(self, **settings):
        self.device = Device(self.server.url, **settings)
        self.addCleanup(self.device.stop)
        self.device.power_on()
        self.device.wait_until_serving()

    def outcome(self, kind):
        return (self.device.update().get(kind) or {}).get("version")

    def installations(self):
        return sum("update written" in line for line in self.device.log_lines())

    def rollbacks(self):
        return sum("update rolled back" in line for line in self.device.log_lines())

    def poll(self):
        """Returns when the device has looked at what is offered."""
        asked = len(self.server.requests)
        self.device.poll()
        self.device.run_until(lambda: self.asked_for_an_offer(asked)
                              and any(path != LATEST for path, *_ in self.server.requests[asked:]), 15, "another poll")

    def asked_for_an_offer(self, since):
        return any(path == LATEST for path, *_ in self.server.requests[since:])

    def install(self, version, bundle, result):
        self.server.offer(version, bundle)
        self.device.poll()
        self.device.run_until(lambda: self.outcome(result) == version, 90, f"{result} of {version}")
        self.device.wait_until_serving()

    def polls_and_reboots(self, offer_next):
        for number in range(POLLS):
            if number % (POLLS // REBOOTS) == 0:
                self.device.power_on()
                self.device.wait_until_serving()
            offer_next(number)
            self.poll()

    def test_a_bad_bundle_is_installed_once_and_a_fix_gets_through(self):
        self.install("bad-1", bundles.bundle("bad-1"), "last_rollback")
        self.polls_and_reboots(lambda _: None)
        self.assertEqual(1, self.installations())
        self.assertEqual("A", self.device.status()["slot"])
        self.install("1.1.0", bundles.bundle("1.1.0"), "last_commit")
        self.assertEqual(2, self.installations())

    def test_a_fix_with_a_higher_index_gets_through_and_raises_the_floor(self):
        self.install("bad-2", bundles.bundle("bad-2", index=2), "last_rollback")
        self.poll()
        self.assertEqual(1, self.installations())
        self.install("1.3.0", bundles.bundle("1.3.0", index=3), "last_commit")
        self.assertEqual(2, self.installations())

        self.server.offer("1.2.0", bundles.bundle("1.2.0", index=2))
        self.poll()
        self.device.run_until(lambda: self.device.update()["error"], 15, "a refusal")
        self.assertIn("index 2 is below this device's floor of 3", self.device.update()["error"])
        self.server.offer("1.1.0", bundles.bundle("1.1.0"))
        self.poll()
        self.device.run_until(lambda: "no index" in (self.device.update()["error"] or ""), 15, "a refusal")
        self.assertEqual(2, self.installations())
        self.assertEqual("B", self.device.status()["slot"])

    def test_a_rolled_back_index_does_not_raise_the_floor(self):
        self.install("bad-9", bundles.bundle("bad-9", index=9), "last_rollback")
        self.install("1.3.0", bundles.bundle("1.3.0", index=3), "last_commit")
        self.assertEqual("B", self.device.status()["slot"])

    def test_a_bad_bundle_gets_as_many_trials_as_the_image_allows(self):
        self.device.stop()
        self.begin_with(trials=2)
        self.install("bad-1", bundles.bundle("bad-1"), "last_rollback")
        self.device.poll()
        self.device.run_until(lambda: self.installations() == 2, 60, "a second installation")
        self.device.run_until(lambda: self.rollbacks() == 2, 60, "a second rollback")
        self.device.wait_until_serving()
        for _ in range(5):
            self.poll()
        self.assertEqual(2, self.installations())
        self.assertEqual("A", self.device.status()["slot"])
        self.assertIn("was rejected", self.device.update()["note"])

    def test_a_bad_bundle_that_is_signed_anew_each_time_is_installed_once(self):
        self.install("bad-1", bundles.bundle("bad-1"), "last_rollback")
        self.polls_and_reboots(lambda number: self.server.offer(f"bad-1-{number}", signed_anew("bad-1", number)))
        self.assertEqual(1, self.installations())
        self.assertEqual("A", self.device.status()["slot"])
        self.assertIn("was rejected", self.device.update()["note"])

    def test_a_good_bundle_under_another_version_is_installed_once(self):
        self.install("1.1.0", bundles.bundle("1.1.0"), "last_commit")
        for number in range(5):
            self.server.offer(f"1.1.0-{number}", signed_anew("1.1.0", number))
            self.poll()
        self.assertEqual(1, self.installations())
        self.assertEqual("B", self.device.status()["slot"])
        self.assertIn("already holds the content", self.device.update()["note"])

    def test_broken_downloads_and_power_cuts_ban_nothing(self):
        path = self.server.offer("1.1.0", bundles.bundle("1.1.0"))
        whole = self.server.bundles[path]
        self.server.bundles[path] = whole[:len(whole) // 2]   # truncated
        self.poll()
        self.server.bundles[path] = whole
        self.server.cut_after = 1_000_000                     # lost for good
        self.server.after_cut = lambda: self.server.bundles.pop(path, None)
        self.device.poll()
        self.device.run_until(lambda: path not in self.server.bundles and self.device.update()["error"], 30,
                              "a lost download")
        self.server.bundles[path] = whole
        self.server.cut_after = None
        self.server.held = is_data                            # the power goes during the download
        self.device.poll()
        self.device.run_until(lambda: self.device.update()["phase"] == "downloading", 15, "a download that waits")
        self.device.kill()
        self.server.held = None
        self.device.power_on()
        self.device.wait_until_serving()
        self.assertEqual([], self.device.update()["rejected"])
        self.install("1.1.0", bundles.bundle("1.1.0"), "last_commit")


if __name__ == "__main__":
    unittest.main(verbosity=2)
