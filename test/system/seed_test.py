"""deploy/image/seed: what it puts on the boot partition of an image or a device, and what it refuses to."""
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import fake_image
import lab
from fake_image import MIB
from loop_device import LoopDevice

ROOT = Path(__file__).resolve().parents[2]
SEED = ROOT / "deploy/image/seed"
ATOMIXD = os.environ.get("ATOMIXD", str(ROOT / "build/dev/atomixd"))

DOCUMENT = "version: 1\nnetwork:\n  dnsmasq:\n    gateway_cidr: 10.44.0.1/24\n    dhcp_start: 10.44.0.10\n    dhcp_end: 10.44.0.200\n"
FILES = {"Image": b"kernel" * 1000, "initrd": b"initrd", "boot.scr": b"script"}


@functools.cache
def made():
    at = Path(tempfile.mkdtemp(prefix="seed.images."))
    (at / "tree").mkdir()
    fake_image.make(at / "image", FILES, at / "tree")
    for kind in ("ed25519", "ecdsa"):
        lab.run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{kind}@test", "-f", at / kind)
    lab.run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", at / "pem")
    return at


def key(kind):
    return (made() / f"{kind}.pub").read_text()


class Seed(unittest.TestCase):
    def setUp(self):
        self.at = Path(tempfile.mkdtemp(prefix="seed."))
        self.addCleanup(shutil.rmtree, self.at)
        self.image = self.at / "image"
        shutil.copy(made() / "image", self.image)

    def directory(self, **files):
        """atomix_yaml=…, authorized_keys=…"""
        at = Path(tempfile.mkdtemp(dir=self.at))
        for name, content in files.items():
            (at / name.replace("_yaml", ".yaml")).write_bytes(content if isinstance(content, bytes) else content.encode())
        return at

    def seed(self, directory, target=None, path=None, atomixd=ATOMIXD):
        environment = os.environ | {"ATOMIXD": atomixd} | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {})
        return subprocess.run(["/usr/bin/python3", SEED, target or self.image, directory], capture_output=True, text=True,
                              timeout=60, env=environment)

    def in_partition(self, image=None):
        """{name: content} of its seed, as mtools sees it."""
        drive = f"{image or self.image}@@16M"
        listed = lab.run("mdir", "-b", "-i", drive, "::seed", check=False).split()
        return {one.removeprefix("::/seed/"): subprocess.run(["mcopy", "-i", drive, one, "-"], capture_output=True,
                                                             check=True).stdout.decode() for one in listed}

    def check_done(self, done):
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def check_refused(self, why, directory, target=None, **how):
        target = target or self.image
        before = hashlib.sha256(target.read_bytes()).hexdigest()
        done = self.seed(directory, target, **how)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        self.assertRegex(done.stderr, re.compile(rf"\Aseed: .*{why}.*; nothing was written\n\Z", re.S))
        self.assertEqual(before, hashlib.sha256(target.read_bytes()).hexdigest())
        return done

    # --- what it puts there

    def test_both_files_are_in_the_boot_partition_of_an_image(self):
        keys = f"# who looks after it\n{key('ed25519')}\nfrom=\"10.0.0.0/8\",no-pty {key('ecdsa')}"
        done = self.seed(self.directory(atomix_yaml=DOCUMENT, authorized_keys=keys))
        self.check_done(done)
        self.assertNotIn("NOT CHECKED", done.stdout)
        self.assertEqual({"atomix.yaml": DOCUMENT, "authorized_keys": keys}, self.in_partition())
        drive = f"{self.image}@@16M"
        for name, content in FILES.items():   # the others are as they were
            self.assertEqual(content, subprocess.run(["mcopy", "-i", drive, f"::{name}", "-"], capture_output=True).stdout)
        whole, without = self.image.read_bytes(), (made() / "image").read_bytes()
        self.assertEqual(without[:16 * MIB] + without[20 * MIB:], whole[:16 * MIB] + whole[20 * MIB:])

    def test_a_later_seed_replaces_the_whole_one(self):
        self.check_done(self.seed(self.directory(atomix_yaml=DOCUMENT, authorized_keys=key("ed25519"))))
        self.check_done(self.seed(self.directory(authorized_keys=key("ecdsa"))))
        self.assertEqual({"authorized_keys": key("ecdsa")}, self.in_partition())

    def test_a_device_takes_it_as_an_image_does(self):
        device = LoopDevice(self.image)
        self.addCleanup(device.close)
        self.check_done(self.seed(self.directory(atomix_yaml=DOCUMENT), device.node))
        device.sync()
        self.assertEqual({"atomix.yaml": DOCUMENT}, self.in_partition())

    def test_a_document_that_nobody_checked_is_said_so(self):
        done = self.seed(self.directory(atomix_yaml="no: sense\n"), atomixd="")
        self.check_done(done)
        self.assertIn("atomix.yaml was NOT CHECKED", done.stdout)

    def test_what_is_left_out_is_said(self):
        directory = self.directory(authorized_keys=key("ed25519"), id_ed25519="PRIVATE KEY")
        done = self.seed(directory)
        self.check_done(done)
        self.assertIn(f"{directory}/id_ed25519 is left out", done.stdout)
        self.assertEqual(["authorized_keys"], list(self.in_partition()))

    # --- what it refuses

    def test_a_directory_without_a_seed(self):
        self.check_refused("holds neither atomix.yaml nor authorized_keys", self.directory(other=""))
        self.check_refused("is no directory", self.at / "nowhere")

    def test_a_document_that_atomixd_refuses(self):
        directory = self.directory(atomix_yaml="version: 1\nno: sense\n", authorized_keys=key("ecdsa"))
        done = self.check_refused(f"atomixd --check refuses {directory}/atomix.yaml", directory)
        self.assertIn("atomix.yaml:2:1: no: ", done.stdout)

    def test_keys_that_are_none(self):
        good = key("ed25519")
        for name, text, why in (
                ("nothing", "", "holds no key"),
                ("only a comment", "# none\n\n", "holds no key"),
                ("cut short", good[:40] + "\n", ":1: this is no SSH public key"),
                ("the second of two", f"{good}# next\nssh-ed25519 AAAA you\n", ":3: this is no SSH public key"),
                ("binary", b"\xff\xfe\0\1", ":1: this is no SSH public key"),
                ("a fingerprint", "SHA256:abcdefgh you\n", ":1: this is no SSH public key")):
            with self.subTest(name):
                self.check_refused("authorized_keys" + why if why[0] == ":" else why, self.directory(authorized_keys=text))

    def test_private_keys(self):
        for name in ("ed25519", "pem"):
            with self.subTest(name):
                self.check_refused("holds a private key", self.directory(authorized_keys=(made() / name).read_text()))
        self.check_refused("holds a private key", self.directory(authorized_keys="PuTTY-User-Key-File-3: ssh-ed25519\n"))
        self.check_refused("holds a private key", self.directory(
            atomix_yaml=DOCUMENT + "".join(f"# {line}\n" for line in (made() / "pem").read_text().splitlines())))

    def test_a_file_that_is_too_long(self):
        self.check_refused("is too long", self.directory(atomix_yaml=DOCUMENT + "#" * 256 * 1024))

    def test_a_full_partition(self):
        fill = self.at / "fill"
        fill.write_bytes(bytes(4 * MIB - 130 * 1024))
        lab.run("mcopy", "-i", f"{self.image}@@16M", fill, "::")
        self.check_refused("boot-a of .* is full: ", self.directory(authorized_keys=key("ed25519")))

    def test_what_is_none_of_ours(self):
        directory = self.directory(authorized_keys=key("ed25519"))
        (self.at / "text").write_text("no image\n")
        self.check_refused("holds no GPT partition table", directory, self.at / "text")
        lab.run("zstd", "-q", self.image)
        self.check_refused("is packed", directory, self.at / "image.zst")
        other = fake_image.make(self.at / "other", FILES, made() / "tree", labels=("boot", "rootfs-a"))
        self.check_refused("has no partitions boot-a and rootfs-a", directory, other)
        other = fake_image.make(self.at / "other", {"Image": b"kernel"}, made() / "tree")
        self.check_refused("its boot-a holds no Image and initrd", directory, other)
        fake_image.put(other, 16 * MIB, b"no FAT" * 1000)
        self.check_refused("mdir: ", directory, other)

    def test_what_was_booted_already(self):
        layout = fake_image.LAYOUT + "start=57344, size=2048, name=data\n"
        fake_image.partition(self.image, layout.format(boot=8192, rootfs_at=40960, rootfs=16384,
                                                       labels=("boot-a", "rootfs-a"), root_type="linux"))
        self.check_refused("was booted already", self.directory(authorized_keys=key("ed25519")))

    def test_a_device_in_use(self):
        device = LoopDevice(self.image)
        self.addCleanup(device.close)
        holder = os.open(device.node, os.O_RDONLY | os.O_EXCL)
        self.addCleanup(os.close, holder)
        self.check_refused("it is in use", self.directory(authorized_keys=key("ed25519")), device.node)

    def test_a_device_that_gives_back_something_else_is_found_out(self):
        device = LoopDevice(self.image)
        self.addCleanup(device.close)
        flips = self.at / "bin"
        flips.mkdir()
        (flips / "blockdev").write_text(f"#!/bin/bash\nat=$(grep -abo 10.44.0.200 {self.image} | cut -d: -f1)\n"
                                        f"printf 9 | dd of={self.image} bs=1 seek=$at conv=notrunc status=none\n"
                                        f"exec {shutil.which('blockdev')} \"$@\"\n")
        (flips / "blockdev").chmod(0o755)
        done = self.seed(self.directory(atomix_yaml=DOCUMENT), device.node, path=flips)
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, "gives back another atomix.yaml than was written; .* may hold a part of the seed")

    def test_a_wrong_command_line(self):
        for words in ([], [self.image], [self.image, self.at, "more"], ["--help"]):
            done = subprocess.run(["/usr/bin/python3", SEED, *words], capture_output=True, text=True)
            self.assertEqual(2, done.returncode)
            self.assertIn("seed IMAGE-OR-DEVICE DIR", done.stderr)


if __name__ == "__main__":
    unittest.main()
