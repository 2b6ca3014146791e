"""deploy/image/flash on real block devices: what it refuses, what it writes, and that it finds out when a device lies."""
import contextlib
import functools
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import fake_image
import lab
import loop_device
from fake_image import MIB
from loop_device import LoopDevice

ROOT = Path(__file__).resolve().parents[2]
FLASH = ROOT / "deploy/image/flash"
sys.dont_write_bytecode = True
sys.path.append(str(ROOT / "deploy/image"))
import gpt  # noqa: E402

NEEDED = (16 + 4 + 8 + 128 + 1024 + 64 + 1) * MIB   # of the small image: it, slot B, the least /data, the table's copy


@functools.cache
def image():
    at = Path(tempfile.mkdtemp(prefix="flash.images."))
    for name in ("usr", "proc", "sys", "dev", "tree", "tmp"):
        (at / "tree" / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (at / "tree" / name).symlink_to("usr/" + name)
    (at / "tree/library").write_bytes(random.Random(7).randbytes(3 * MIB))
    files = {"Image": random.Random(8).randbytes(MIB), "initrd": b"initrd", "boot.scr": b"script"}
    made = fake_image.make(at / "small.img", files, at / "tree")
    lab.run("zstd", "-q", "-1", made, "-o", at / "small.img.zst")
    return made


def content(file):
    """What a sparse file holds, as a hash: its size and its data."""
    digest = hashlib.sha256(str(os.path.getsize(file)).encode())
    with open(file, "rb") as sparse:
        at = 0
        while True:
            try:
                at = os.lseek(sparse.fileno(), at, os.SEEK_DATA)
            except OSError:
                return digest.hexdigest()
            if any(piece := os.pread(sparse.fileno(), 4096, at)):
                digest.update(b"%d:%b" % (at, piece))
            at += 4096


@functools.cache
def made_key():
    at = Path(tempfile.mkdtemp(prefix="flash.key."))
    lab.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at / "key")
    return (at / "key.pub").read_text()


def read(file, at, size):
    with open(file, "rb") as opened:
        return os.pread(opened.fileno(), size, at)


class Case(unittest.TestCase):
    def setUp(self):
        self.at = Path(tempfile.mkdtemp(prefix="flash."))
        self.addCleanup(shutil.rmtree, self.at)

    def file(self, size=NEEDED):
        """A medium's content: an old table with a partition named data, and something before it."""
        file = self.at / f"medium{len(list(self.at.glob('medium?')))}"
        with open(file, "wb") as made:
            made.truncate(size)
        fake_image.partition(file, "label: gpt\nstart=4096, name=data\n")
        fake_image.put(file, 64 * 512, b"old loader " * 1000)
        return file

    def device(self, file=None, **how):
        device = LoopDevice(file or self.file(), **how)
        self.addCleanup(device.close)
        return device

    def flash(self, device, *options, written=None, answer="", path=None):
        environment = os.environ | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {})
        return subprocess.run(["/usr/bin/python3", FLASH, written or image(), device, *options], input=answer, text=True,
                              capture_output=True, timeout=120, env=environment)

    def seed(self, name, text):
        (self.at / "seed").mkdir(exist_ok=True)
        (self.at / "seed" / name).write_text(text)
        return self.at / "seed"

    def check_refused(self, device, why, *options, **how):
        """With a sentence, and nothing was written."""
        done = self.flash(device, *(options or ("--yes",)), **how)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        self.assertRegex(done.stderr, re.compile(r"\Aflash: .*" + why + r".*; nothing was written\n\Z", re.S))
        return done


class Refusals(Case):
    def refuses(self, device, why, *options, **how):
        before = content(device.file)
        self.check_refused(device.node, why, *options, **how)
        device.sync()
        self.assertEqual(before, content(device.file))

    def test_what_is_no_block_device(self):
        self.check_refused(self.file(), "is no block device")
        self.check_refused(self.at / "nowhere", "No such file")

    def test_a_partition(self):
        device = self.device(flags=loop_device.PARTITIONS)
        self.check_refused(device.partition(1, 2 * MIB, MIB), "is a partition; the whole disk is wanted, loop")

    def test_a_disk_of_which_something_is_mounted(self):
        device, mounted = self.flashed_with_partitions(), self.at / "mounted here"
        mounted.mkdir()
        with self.mounted(device.partition(2, 20 * MIB, 8 * MIB), mounted):
            self.refuses(device, f"holds what is mounted at {mounted} .loop")

    def test_the_disk_of_the_running_system(self):
        device, root = self.flashed_with_partitions(), self.at / "root"
        root.mkdir()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.mounted(device.partition(2, 20 * MIB, 8 * MIB), root))
            for outside, inside in (("/usr", "usr"), ("/dev", "dev"), ("/sys", "sys"), ("/proc", "proc"), (ROOT, "tree"),
                                    (self.at, "tmp")):
                stack.enter_context(self.mounted(outside, root / inside, "--rbind"))
            image_inside = self.at / "image"
            shutil.copy(image(), image_inside)
            before = content(device.file)
            done = subprocess.run(["chroot", root, "/usr/bin/python3", "/tree/deploy/image/flash", "/tmp/image",
                                   "/tmp/" + device.node.name, "--yes"], capture_output=True, text=True, timeout=60)
        self.assertIn("holds the running system's root file system", done.stderr)
        self.assertEqual((1, before), (done.returncode, content(device.file)))

    def flashed_with_partitions(self):
        device = self.device(flags=loop_device.PARTITIONS)
        self.assertEqual(0, self.flash(device.node, "--yes").returncode)
        return device

    @contextlib.contextmanager
    def mounted(self, what, where, *how):
        lab.run("mount", *(how or ("-o", "ro")), what, where)
        try:
            yield
        finally:
            lab.run("umount", "-R", where)

    def test_swap(self):
        device, swaps = self.device(), self.at / "swaps"
        swaps.write_text(f"Filename\tType\tSize\tUsed\tPriority\n{device.node}\tpartition\t1024\t0\t-2\n")
        with self.mounted(swaps, "/proc/swaps", "--bind"):   # no real one: that would be the whole machine's
            self.refuses(device, "is used as swap")

    def test_one_that_another_program_holds(self):
        device = self.device()
        holder = os.open(device.node, os.O_RDONLY | os.O_EXCL)
        self.addCleanup(os.close, holder)
        self.refuses(device, "cannot be opened: it is in use")

    def test_one_that_is_read_only(self):
        self.refuses(self.device(flags=loop_device.READ_ONLY), "is read-only")

    def test_one_without_a_medium(self):
        with loop_device.without_a_medium(self.at / "empty"):
            self.check_refused(self.at / "empty", "there is no medium in")

    def test_one_with_other_sectors(self):
        self.refuses(self.device(sector=4096), "has sectors of 4096 bytes")

    def test_one_without_room_for_the_second_slot_and_data(self):
        self.refuses(self.device(self.file(NEEDED - MIB)), f"is too small: it has {NEEDED - MIB} bytes.* need {NEEDED}")

    def test_what_was_not_confirmed(self):
        device = self.device()
        for answer in ("", "no\n", "y\n"):
            self.refuses(device, "it was not confirmed", "--seed", self.seed("authorized_keys", made_key()),
                         answer=answer)

    def test_a_seed_with_a_mistake(self):
        self.refuses(self.device(), "authorized_keys:1: this is no SSH public key", "--yes", "--seed",
                     self.seed("authorized_keys", "ssh-ed25519 AAAA\n"))

    def test_what_is_no_image_of_ours(self):
        device, whole = self.device(), image().read_bytes()
        packed = image().with_name("small.img.zst").read_bytes()
        header = bytearray(whole)
        header[512 + 40] ^= 1
        entries = bytearray(whole)
        entries[1024 + 32] ^= 1
        other = fake_image.make(self.at / "other.img", {}, image().with_name("tree"), labels=("boot-a", "system"))
        for name, bytes_of_it, why in (
                ("empty", b"", "holds no GPT partition table"),
                ("zeros", bytes(3 * MIB), "holds no GPT partition table"),
                ("header", header, "damaged .the header's checksum"),
                ("entries", entries, "damaged .the entries' checksum"),
                ("other", other.read_bytes(), "its partitions are not boot-a and rootfs-a alone"),
                ("short", whole[:27 * MIB], "is cut short"),
                ("odd", whole[:-100], "is cut short"),
                ("short.zst", packed[:-1000], "cannot be unpacked"),
                ("packed twice.zst", self.packed(packed), "holds no GPT partition table")):
            with self.subTest(name):
                (self.at / name).write_bytes(bytes_of_it)
                self.refuses(device, why, written=self.at / name)
        self.refuses(device, "No such file", written=self.at / "nowhere")

    def packed(self, content):
        return subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout

    def test_a_wrong_command_line(self):
        device = self.device()
        for words in ([], ["--yes"], [image()], [image(), device.node, "more"], [image(), device.node, "--force"],
                      [image(), device.node, "--seed"]):
            done = subprocess.run(["/usr/bin/python3", FLASH, *words], capture_output=True, text=True)
            self.assertEqual(2, done.returncode)
            self.assertIn("flash IMAGE DEVICE", done.stderr)


class Writing(Case):
    def check_written(self, device):
        whole = image().read_bytes()
        device.sync()
        self.assertEqual(hashlib.sha256(whole).hexdigest(),
                         hashlib.sha256(read(device.file, 0, len(whole))).hexdigest())
        self.assertEqual(bytes(MIB), read(device.file, os.path.getsize(device.file) - MIB, MIB))

    def test_an_image_is_there_and_the_old_table_is_gone(self):
        for packed in (False, True):
            with self.subTest(packed=packed):
                device = self.device()
                self.assertIn(b"EFI PART", read(device.file, NEEDED - 512, 512))
                done = self.flash(device.node, "--yes", written=image().with_name("small.img.zst") if packed else None)
                self.assertEqual((0, ""), (done.returncode, done.stderr))
                self.assertRegex(done.stdout, r"written: 31457280 bytes \(100 %\), \d+ MB/s")
                self.assertIn(f"sha256 {hashlib.sha256(image().read_bytes()).hexdigest()}\n", done.stdout)
                self.check_written(device)

    def test_it_shows_what_will_be_lost_and_asks(self):
        device = self.device()
        done = self.flash(device.node, answer="yes\n")
        self.assertRegex(done.stdout, rf"(?s){device.node} \(loop\d+\): no model name, 1.3 GB, serial number unknown\n"
                                      r"  data  1.3 GB\nEverything on it will be lost")
        self.check_written(device)
        again = self.flash(device.node, answer="yes\n")
        self.assertIn("  boot-a  4.2 MB\n  rootfs-a  8.4 MB\nEverything", again.stdout)

    def test_nothing_old_begins_where_the_first_boot_makes_partitions(self):
        device = self.device()
        places = [(30 - 2) * MIB, (28 + 128) * MIB, (28 + 128 + 1024) * MIB]   # boot-b, rootfs-b, data
        for at in places:
            fake_image.put(device.file, at, b"old" * 100_000)
        self.assertEqual(0, self.flash(device.node, "--yes").returncode)
        self.check_written(device)
        for at in places[1:]:
            self.assertEqual(bytes(MIB), read(device.file, at, MIB))
        self.assertEqual(bytes(MIB), read(device.file, 30 * MIB - 33 * 512 - MIB, MIB))   # in the image

    def test_the_first_boot_finds_the_image_s_table_alone(self):
        """systemd-repart, as the initrd calls it, on what was flashed: it adds the partitions where flash has cleared
        the place, and puts the table's second copy at the end."""
        device = self.device()
        self.assertEqual(0, self.flash(device.node, "--yes").returncode)
        device.sync()
        definitions = self.at / "repart.d"
        shutil.copytree(ROOT / "deploy/image/repart.d", definitions)
        for name, real, small in (("10-boot-a", "128M", "4M"), ("20-rootfs-a", "1G", "8M"), ("50-data", "Format=f2fs\n", "")):
            file = definitions / (name + ".conf")   # no mkfs.f2fs: a file system is not what is looked at
            file.write_text(file.read_text().replace(real, small))
        lab.run("systemd-repart", "--dry-run=no", "--empty=refuse", "--discard=no", f"--definitions={definitions}",
                device.file)
        with open(device.file, "rb") as file:
            read_at = lambda at, size: os.pread(file.fileno(), size, at)   # noqa: E731
            first = gpt.read(read_at)
            self.assertEqual(NEEDED - 512, first.other)
            second = gpt.read(read_at, first.other)
        self.assertEqual(first.partitions, second.partitions)
        self.assertEqual([("boot-a", 16), ("rootfs-a", 20), ("boot-b", 28), ("rootfs-b", 156), ("data", 1180)],
                         [(one.label, one.start // MIB) for one in first.partitions])


    def test_a_seed_is_there_with_the_image(self):
        device = self.device()
        done = self.flash(device.node, "--yes", "--seed", self.seed("authorized_keys", made_key()))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("seed: authorized_keys; taken at the first boot", done.stdout)
        device.sync()
        self.assertEqual(made_key(), lab.run("mcopy", "-i", f"{device.file}@@16M", "::seed/authorized_keys", "-"))


class Failures(Case):
    """A program of the test in PATH does what a device or a person would do at that moment."""

    def program(self, name, script):
        (self.at / "bin").mkdir(exist_ok=True)
        file = self.at / "bin" / name
        file.write_text(f"#!/bin/bash\nreal={shutil.which(name)}\n{script}\n")
        file.chmod(0o755)
        return self.at / "bin"

    def check_lost(self, done, device, why, code=1):
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        self.assertRegex(done.stderr, rf"flash: {why}.*; {device.node} cannot be used until it is flashed again\n\Z")
        self.assertNotIn("verified", done.stdout)

    def test_a_device_that_gives_back_another_byte_is_found_out(self):
        for at in (100, 20 * MIB + 12345, 30 * MIB - 1, 1180 * MIB + 5, NEEDED - 7):
            with self.subTest(at=at):
                device = self.device()
                flips = self.program("blockdev", f"[[ $1 != --flushbufs ]] || printf X | "
                                     f"dd of={device.file} bs=1 seek={at} conv=notrunc status=none\nexec $real \"$@\"")
                done = self.flash(device.node, "--yes", path=flips)
                where = "in the image" if at < 30 * MIB else "behind it"
                self.check_lost(done, device, f".* does not give back what was written, {where}")

    def test_a_seed_that_could_not_be_put_there_is_told_from_the_image(self):
        device = self.device()
        fails = self.program("mcopy", "echo no more >&2; exit 1")
        done = self.flash(device.node, "--yes", "--seed", self.seed("authorized_keys", made_key()), path=fails)
        self.assertEqual(1, done.returncode)
        self.assertIn("verified: ", done.stdout)
        self.assertRegex(done.stderr, "flash: the image is on .* and verified, the seed is not: mcopy: no more")

    def test_a_device_that_takes_no_more(self):
        small = self.at / "small"
        small.mkdir()
        lab.run("mount", "-t", "tmpfs", "-o", "size=20M", "tmpfs", small)
        self.addCleanup(lab.run, "umount", "-l", small)
        with open(small / "medium", "wb") as file:
            file.truncate(NEEDED)
        device = self.device(small / "medium")
        self.check_lost(self.flash(device.node, "--yes"), device, ".*: (Input/output error|No space left on device)")

    def test_an_image_that_ends_while_it_is_written(self):
        device = self.device()
        ends = self.program("zstd", self.second_time("$real \"$@\" | head -c 20M; echo torn >&2; exit 1"))
        done = self.flash(device.node, "--yes", written=image().with_name("small.img.zst"), path=ends)
        self.check_lost(done, device, ".*cannot be unpacked: torn")

    def test_an_interruption_leaves_nothing_that_boots(self):
        for signal in ("INT", "TERM"):
            with self.subTest(signal):
                device = self.device()
                shutil.rmtree(self.at / "bin", ignore_errors=True)
                waits = self.program("zstd", self.second_time(
                    f"$real \"$@\" | head -c 20M; kill -{signal} $PPID; exec sleep 60"))
                done = self.flash(device.node, "--yes", written=image().with_name("small.img.zst"), path=waits)
                self.check_lost(done, device, "interrupted", 130)
                device.sync()
                self.assertEqual(bytes(MIB), read(device.file, 0, MIB))
                self.assertEqual(image().read_bytes()[MIB:16 * MIB], read(device.file, MIB, 15 * MIB))   # it had begun

    def second_time(self, script):
        """The image is read, and then written."""
        return f'[[ -e {self.at}/bin/once ]] || {{ touch {self.at}/bin/once; exec $real "$@"; }}\n{script}'


if __name__ == "__main__":
    unittest.main()
