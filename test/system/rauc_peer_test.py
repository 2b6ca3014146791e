"""RAUC, our peer: its bundles are installed here, ours are taken by it, and both leave the same device behind."""
import functools
import os
import random
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

import bundles
import lab
from rauc_device import RaucDevice

ROOT = bundles.ROOT
NEWER_RAUC = ROOT / "deploy/bundle/newer-rauc"   # Debian 13's, where this machine's is Debian 12's
INSTALL = os.environ.get("INSTALL_BUNDLE", ROOT / "build/dev/test/system/atomix_install_bundle")
FRESH = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}

TEXT = b"a kernel compresses well "

MANIFEST = """\
[update]
compatible=atomix-sim
version=2.0
{bundle}
[image.boot]
filename=boot.vfat
{adaptive}
[image.rootfs]
filename=rootfs.squashfs
{adaptive}
"""


def place(prefix):
    return Path(tempfile.mkdtemp(prefix=prefix))


def images(odd=False):
    """A real FAT and a real squashfs, made once; odd: sizes that are no multiple of a block."""
    return _made_images(odd)


@functools.cache
def _made_images(odd):
    at = place("images.")
    noise = random.Random(7)
    (at / "tree").mkdir()
    (at / "tree/kernel").write_bytes(TEXT * 20_000)
    (at / "tree/library").write_bytes(noise.randbytes(1_500_000))
    lab.run("mkfs.vfat", "--invariant", "-C", at / "boot.vfat", "1024")
    lab.run("mcopy", "-i", at / "boot.vfat", at / "tree/kernel", "::")
    lab.run("mksquashfs", at / "tree", at / "rootfs.squashfs", "-quiet", "-no-progress", "-all-root", "-noD", "-noF")
    if odd:
        for name, behind in (("boot.vfat", 777), ("rootfs.squashfs", 4321)):
            with open(at / name, "ab") as file:
                file.write(noise.randbytes(behind))
    return at


def signed(manifest, rauc="rauc", compression="-comp gzip", odd=False, extra=()):
    """A bundle by `rauc bundle` itself, as anybody would make it."""
    at = place("peer.")
    content = at / "content"
    content.mkdir()
    for name in ("boot.vfat", "rootfs.squashfs"):
        (content / name).write_bytes((images(odd) / name).read_bytes())
    for name in extra:
        (content / name).write_bytes(b"not RAUC's business")
    (content / "manifest.raucm").write_text(manifest)
    lab.run(rauc, "bundle", "--cert", bundles.keys() / "signing.pem", "--key", bundles.keys() / "signing.key",
            f"--mksquashfs-args={compression}", content, at / "made.raucb")
    return at / "made.raucb"


def verity(adaptive="", meta=""):
    return MANIFEST.format(bundle="[bundle]\nformat=verity\n", adaptive=adaptive) + meta


def plain():
    """What RAUC can install where the kernel has no device-mapper."""
    return MANIFEST.format(bundle="", adaptive="")


def make_bundle(*options, environment=None):
    out = place("ours.") / "made.raucb"
    done = subprocess.run([ROOT / "deploy/bundle/make-bundle", images(), out, "--cert", bundles.keys() / "signing.pem",
                           "--key", bundles.keys() / "signing.key", "--version", "2.0", *options],
                          capture_output=True, text=True, env={**os.environ, **(environment or {})})
    return out, done


def made_bundle(*options, environment=None):
    out, done = make_bundle(*options, environment=environment)
    assert done.returncode == 0, done.stderr
    return out


def install_here(bundle, boot, rootfs, *environment):
    done = subprocess.run([INSTALL, bundle, bundles.keys() / "ca.pem", boot, rootfs, *environment],
                          capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stderr or f"status {done.returncode}"


class NewerRauc(unittest.TestCase):
    """Under ./isolated there is no network."""

    def run_with(self, version, cache):
        """newer-rauc on a machine whose own rauc is of this version."""
        bin = place("bin.")
        (bin / "rauc").write_text(f'#!/bin/sh\necho rauc {version}\n')
        (bin / "rauc").chmod(0o755)
        environment = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}", "ATOMIX_CACHE": cache}
        return subprocess.run([NEWER_RAUC, "--version"], capture_output=True, text=True, env=environment, timeout=60)

    def test_a_machine_whose_own_rauc_is_new_enough_needs_no_other(self):
        for version in ("1.9", "1.13", "2.0"):
            with self.subTest(version=version):
                done = self.run_with(version, place("cache."))
                self.assertEqual((0, f"rauc {version}\n"), (done.returncode, done.stdout))

    def test_one_that_was_fetched_needs_no_network(self):
        lab.run(NEWER_RAUC, "--version")

    def test_without_a_network_a_sentence_says_so_and_nothing_is_kept(self):
        cache = place("cache.")
        done = self.run_with("1.8", cache)
        self.assertEqual(1, done.returncode)
        self.assertIn("is the network reachable?", done.stderr)
        self.assertEqual([], list(cache.iterdir()))


class TheirBundlesHere(unittest.TestCase):
    def check_installs(self, bundle, odd=False):
        at = place("slots.")
        old = random.Random(3).randbytes(8 << 20)
        for name in ("boot.vfat", "rootfs.squashfs"):
            (at / name).write_bytes(old)
        self.assertEqual("", install_here(bundle, at / "boot.vfat", at / "rootfs.squashfs"))
        for name in ("boot.vfat", "rootfs.squashfs"):
            image = (images(odd) / name).read_bytes()
            self.assertTrue((at / name).read_bytes() == image + old[len(image):], name)

    def test_bundles_of_both_raucs_in_every_compression_are_installed(self):
        for rauc in ("rauc", NEWER_RAUC):
            for compression in ("-comp gzip", "-comp zstd", "-comp xz", "-comp lz4", "-noD -noF"):
                with self.subTest(rauc=rauc, compression=compression):
                    self.check_installs(signed(verity(), rauc, compression))

    def test_images_of_odd_sizes_are_installed(self):
        for rauc in ("rauc", NEWER_RAUC):
            with self.subTest(rauc=rauc):
                self.check_installs(signed(verity(), rauc, odd=True), odd=True)

    def test_a_manifest_with_groups_for_others_is_installed(self):
        meta = "[meta.atomix]\nindex=3\nissued=2026-01-02T03:04:05Z\n[meta.shop]\ncolour=green\n"
        for rauc in ("rauc", NEWER_RAUC):
            with self.subTest(rauc=rauc):
                self.check_installs(signed(verity(meta=meta), rauc))

    def test_an_adaptive_bundle_is_installed(self):
        bundle = signed(verity("adaptive=block-hash-index"), NEWER_RAUC)
        self.assertIn("rootfs.squashfs.block-hash-index", lab.run("unsquashfs", "-l", bundle))
        self.check_installs(bundle)


class OurBundlesThere(unittest.TestCase):
    META = ("--index", "7", "--issued", "2026-01-02T03:04:05Z", "--min-index", "2", "--security", "true",
            "--waves", "30min:1 1d:15 6d:100", "--min-revision", "1", "--max-revision", "4", "--lowers-floor-from", "9")

    def info(self, rauc, bundle):
        return lab.run(rauc, "info", "--keyring", bundles.keys() / "ca.pem", bundle)

    @functools.cache
    def with_indexes():
        """With index files: by a stand-in, for what they say is no matter of RAUC's."""
        tool = place("tool.") / "index"
        tool.write_text('#!/bin/sh\nfor out; do :; done\nhead -c 5000 "$2" >"$out"\n')
        tool.chmod(0o755)
        return made_bundle(*OurBundlesThere.META, "--index-tool", tool)

    def test_both_raucs_verify_them_and_find_the_images(self):
        bundle = OurBundlesThere.with_indexes()
        for rauc in ("rauc", NEWER_RAUC):
            with self.subTest(rauc=rauc):
                said = self.info(rauc, bundle)
                self.assertIn("Bundle Format: verity", " ".join(said.split()))
                self.assertIn("2 Images:", said)
                out = place("extracted.") / "content"
                lab.run(rauc, "extract", "--keyring", bundles.keys() / "ca.pem", bundle, out)
                for name in ("boot.vfat", "rootfs.squashfs"):
                    self.assertTrue((out / name).read_bytes() == (images() / name).read_bytes(), name)
                for name in ("boot.vfat.index", "rootfs.squashfs.index"):
                    self.assertEqual(5000, (out / name).stat().st_size)

    def test_what_was_asked_for_is_signed(self):
        said = self.info(NEWER_RAUC, OurBundlesThere.with_indexes())
        for key, value in zip(self.META[::2], self.META[1::2]):
            self.assertIn(f"{key[2:]}: {value}\n", said)

    def test_a_bundle_with_index_files_is_installed_here(self):
        TheirBundlesHere.check_installs(self, OurBundlesThere.with_indexes())

    def test_the_rootfs_lies_in_the_bundle_byte_for_byte(self):
        image = (images() / "rootfs.squashfs").read_bytes()
        self.assertNotEqual(0, len(image) % (128 * 1024), "a tail that would have been in a fragment")
        self.assertIn(TEXT * 3, image)
        self.assertGreater(made_bundle().read_bytes().find(image), 0)

    def test_the_boot_image_lies_in_the_bundle_as_it_is(self):
        """Also what would compress well: only stored bytes can come from the running slot."""
        self.assertIn(TEXT * 3, (images() / "boot.vfat").read_bytes())
        rootfs = (images() / "rootfs.squashfs").read_bytes()
        self.assertIn(TEXT * 3, made_bundle().read_bytes().replace(rootfs, b""))

    def test_two_runs_make_the_same_squashfs(self):
        made = []
        for zone, age in (("UTC", 5), ("Asia/Tokyo", 5_000_000)):
            for name in ("boot.vfat", "rootfs.squashfs"):
                os.utime(images() / name, (age, age))
            bundle = made_bundle("--index", "1", environment={"SOURCE_DATE_EPOCH": "1700000000", "TZ": zone})
            payload, data_size, _ = bundles.parts(bundle)
            made.append(payload[:data_size])
        self.assertTrue(made[0] == made[1])
        self.assertEqual(1700000000, struct.unpack_from("<I", made[0], 8)[0], "the superblock's time")

    def test_a_value_that_devices_would_refuse_is_refused_with_a_sentence(self):
        for option, value in (("--index", "-1"), ("--index", "0"), ("--min-index", "1e3"), ("--issued", "yesterday"),
                              ("--issued", "2026-13-01T00:00:00Z"), ("--security", "yes"), ("--waves", "soon"),
                              ("--waves", "1h:1 1d:15")):
            self.check_refused(f'{option} cannot be "{value}"', option, value)

    def test_values_that_do_not_go_together_are_refused_with_a_sentence(self):
        self.check_refused("needs an --index", "--lowers-floor-from", "3")
        self.check_refused("needs an --index", "--lowers-floor-from", "3", "--index", "4")
        self.check_refused("above --max-revision", "--min-revision", "3", "--max-revision", "2")
        made_bundle("--min-revision", "3", "--lowers-floor-from", "4", "--index", "4")

    def check_refused(self, sentence, *options):
        with self.subTest(options=options):
            out, done = make_bundle(*options)
            self.assertEqual(1, done.returncode)
            self.assertIn(sentence, done.stderr)
            self.assertEqual([], list(out.parent.iterdir()))


@unittest.skipUnless(os.environ.get("CI") or os.path.exists("/dev/loop-control"), "RAUC needs loop devices")
class TheSameDevice(unittest.TestCase):
    def device(self, variables):
        made = RaucDevice(variables)
        self.addCleanup(made.close)
        return made

    def check(self, variables, odd=False, rauc="rauc"):
        theirs, ours = self.device(variables), self.device(variables)
        before = ours.slots()
        self.assertEqual(before, theirs.slots())

        theirs.start_service(rauc)
        theirs.install(signed(plain(), odd=odd, extra=["rootfs.squashfs.index"]))
        said = install_here(signed(verity(), odd=odd), ours.device("boot.1"), ours.device("rootfs.1"), ours.config, "B")
        self.assertEqual("", said)

        after = ours.slots()
        for name, content in theirs.slots().items():
            self.assertTrue(content == after[name], name)
        for name in ("boot.1", "rootfs.1"):
            self.assertFalse(before[name] == after[name], name)
        self.assertEqual("B A", ours.env()["BOOT_ORDER"])
        self.assertEqual(theirs.env(), ours.env())

        ours.start_service(rauc)
        self.assertEqual(("boot.1", {"A": "good", "B": "good"}), ours.status())
        self.assertEqual(theirs.status(), ours.status())

    def test_an_update_of_a_fresh_device(self):
        self.check(FRESH)

    def test_an_update_by_the_newer_rauc(self):
        self.check(FRESH, rauc=NEWER_RAUC)

    def test_images_that_fill_no_whole_block(self):
        self.check(FRESH, odd=True)

    def test_an_update_over_a_slot_that_was_bad(self):
        self.check({"BOOT_ORDER": "A", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "0"})

    def test_on_purpose_the_running_slot_gets_its_attempts_back_here_and_not_there(self):
        theirs, ours = (self.device({**FRESH, "BOOT_A_LEFT": "1"}) for _ in range(2))
        theirs.start_service()
        theirs.install(signed(plain()))
        install_here(signed(verity()), ours.device("boot.1"), ours.device("rootfs.1"), ours.config, "B")
        self.assertEqual({"BOOT_ORDER": "B A", "BOOT_A_LEFT": "1", "BOOT_B_LEFT": "3"}, theirs.env())
        self.assertEqual({"BOOT_ORDER": "B A", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}, ours.env())

    def test_an_update_that_ends_early_leaves_what_rauc_calls_bad(self):
        device = self.device(FRESH)
        bundle = bundles.changed(signed(verity(), compression="-noD -noF"), damage)
        said = install_here(bundle, device.device("boot.1"), device.device("rootfs.1"), device.config, "B")
        self.assertIn("bad signature", said)
        self.assertEqual({"BOOT_ORDER": "A", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "0"}, device.env())
        device.start_service()
        self.assertEqual(("boot.0", {"A": "good", "B": "bad"}), device.status())


def damage(content):
    """One bit near the end of the rootfs: all that comes before was good and is written."""
    stored = (images() / "rootfs.squashfs").read_bytes()[1_900_000:1_900_064]
    content[content.find(stored)] ^= 1


if __name__ == "__main__":
    unittest.main(verbosity=2)
