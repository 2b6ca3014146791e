"""deploy/image/check: a good image passes, and each thing that can be wrong with one is said, alone."""
import contextlib
import hashlib
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import fake_image
import lab
from fake_image import LAYOUT, MIB

ROOT = Path(__file__).resolve().parents[2]
CHECK = ROOT / "deploy/image/check"
ARM64 = fake_image.ROOT_TYPES["aarch64"]
SIZES = {"boot": 262144, "rootfs_at": 294912, "rootfs": 2097152, "labels": ("boot-a", "rootfs-a"), "root_type": ARM64}

TREE = {
    "etc/shadow": "root:*:20000:0:99999:7:::\nmessagebus:!*:20000::::::\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nmessagebus:x:100:100::/nonexistent:/usr/sbin/nologin\n",
    "etc/machine-id": "",
    "etc/atomix/device.yaml": "device:\n  board: rock64\n  compatible: rock64   # only it\n",
    "etc/atomix/keyring.pem": "-----BEGIN CERTIFICATE-----\n",
    "usr/lib/os-release": "ID=atomixos\nVERSION_ID=1.2.3\n",
}
BOOT = {
    "Image": bytes(0x38) + b"ARM\x64" + bytes(1000),
    "initrd": bytes.fromhex("28b52ffd") + b"initrd",
    "boot.scr": bytes.fromhex("27051956") + b"script",
    "board.dtb": bytes.fromhex("d00dfeed") + b"tree",
    "version.txt": b"1.2.3\n",
}
IDBLOADER = bytes.fromhex("3b8cdcfc") + random.Random(1).randbytes(135_000)
U_BOOT = bytes.fromhex("d00dfeed") + random.Random(2).randbytes(870_000)


def tree(changes):
    """A root file system's directory; what a change says None of is left out."""
    at = Path(tempfile.mkdtemp(prefix="tree."))
    for name, text in (TREE | changes).items():
        if text is not None:
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            (at / name).write_text(text)
    return at


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.at = Path(tempfile.mkdtemp(prefix="check."))
        cls.addClassCleanup(shutil.rmtree, cls.at)
        cls.image = fake_image.make(cls.at / "atomixos-13-rock64.img", BOOT, tree({}), 128, 1024, root_type=ARM64)
        fake_image.put(cls.image, 32 * 1024, IDBLOADER)
        fake_image.put(cls.image, 8 * MIB, U_BOOT)
        cls.rootfs = fake_image.squashfs(tree({}))
        fake_image.put(cls.image, 144 * MIB, cls.rootfs)

    def check(self, *options, image=None):
        return subprocess.run(["/usr/bin/python3", CHECK, image or self.image, *options], capture_output=True, text=True,
                              timeout=60)

    def says(self, *wanted, options=()):
        """Each sentence once, and no other one."""
        done = self.check(*options)
        self.assertEqual((1, ""), (done.returncode, done.stderr), done.stdout)
        said = [line.removeprefix(f"{self.image}: ") for line in done.stdout.splitlines()]
        self.assertEqual(len(wanted), len(said), said)
        for sentence, line in zip(wanted, said):
            self.assertRegex(line, sentence)

    @contextlib.contextmanager
    def changed(self, *places):
        """Afterwards these (offset, size) are as before."""
        with open(self.image, "r+b") as file:
            before = []
            for at, size in places:
                file.seek(at)
                before.append((at, file.read(size)))
        try:
            yield
        finally:
            with open(self.image, "r+b") as file:
                for at, content in before:
                    file.seek(at)
                    file.write(content)
                file.truncate(1170 * MIB)

    def write(self, at, content):
        with open(self.image, "r+b") as file:
            file.seek(at)
            file.write(content)

    def test_a_good_image_passes_and_says_what_is_in_it(self):
        done = self.check()
        self.assertEqual((0, ""), (done.returncode, done.stderr), done.stdout)
        self.assertIn(f"rootfs-a: {len(self.rootfs)} bytes, sha256 {hashlib.sha256(self.rootfs).hexdigest()}\n", done.stdout)
        with open(self.image, "rb") as file:
            file.seek(16 * MIB)
            self.assertIn(f"boot-a: {128 * MIB} bytes, sha256 {hashlib.sha256(file.read(128 * MIB)).hexdigest()}\n",
                          done.stdout)

    def test_any_byte_where_nothing_may_be(self):
        for at, between in ((34 * 512, "17408 and 32768"), (32767, "17408 and 32768"),
                            (32768 + MIB, "1081344 and 8388608"),
                            (8 * MIB - 1, "1081344 and 8388608"), (16 * MIB - 1, "12582912 and 16777216"),
                            (144 * MIB + len(self.rootfs), ".* and 1224736768"), (1168 * MIB - 1, ".* and 1224736768"),
                            (1168 * MIB, "1224736768 and"), (1170 * MIB - 33 * 512 - 1, "1224736768 and")):
            with self.subTest(at=at), self.changed((at, 1)):
                self.write(at, b"x")
                self.says(rf"between {between}.* there is something, at {at},")

    def test_another_table(self):
        ends = (0, 34 * 512), (1170 * MIB - 33 * 512, 33 * 512)
        for name, layout, *sentences in (
                ("a shifted partition", LAYOUT.format(**SIZES).replace("start=32768, size=262144", "start=32776, size=262136"),
                 "partition 1 .boot-a. is not wanted", "partition 1 .boot-a. is missing"),
                ("a smaller partition", LAYOUT.format(**SIZES | {"rootfs": 2097144}), "2 .* not wanted", "2 .* missing"),
                ("another label", LAYOUT.format(**SIZES | {"labels": ("boot-a", "root-a")}), "2 .root-a. is not wanted",
                 "2 .rootfs-a. is missing"),
                ("another processor's", LAYOUT.format(**SIZES | {"root_type": fake_image.ROOT_TYPES["x86_64"]}),
                 "2 .* not wanted", "2 .* missing"),
                ("another identity", LAYOUT.format(**SIZES).replace("050002", "050003"), "2 .* not wanted", "2 .* missing"),
                ("another table's identity", LAYOUT.format(**SIZES).replace("050000", "050009"), "or not ours"),
                ("one more", LAYOUT.format(**SIZES) + "start=2392064, size=8, name=data\n", "3 .data. is not wanted")):
            with self.subTest(name), self.changed(*ends):
                self.write(0, bytes(34 * 512))
                fake_image.partition(self.image, layout)
                self.says(*sentences)

    def test_a_damaged_table(self):
        end = 1170 * MIB
        for at, sentence in ((512 + 60, "header's checksum"), (1024 + 20, "entries' checksum"), (510, "no protective MBR"),
                             (450, "no protective MBR"), (end - 512 + 60, "header's checksum"),
                             (end - 33 * 512 + 20, "entries' checksum")):
            with self.subTest(at=at), self.changed((at, 1)):
                self.write(at, b"\x5a")
                self.says(sentence)

    def test_a_second_copy_of_another_table(self):
        with open(self.at / "other", "wb") as file:
            file.truncate(1170 * MIB)
        fake_image.partition(self.at / "other", LAYOUT.format(**SIZES | {"labels": ("boot-a", "root-a")}))
        copy = 1170 * MIB - 33 * 512
        with open(self.at / "other", "rb") as file, self.changed((copy, 33 * 512)):
            file.seek(copy)
            self.write(copy, file.read())
            self.says("the partition table's second copy is another one")

    def test_another_size(self):
        with self.changed():
            with open(self.image, "ab") as file:
                file.truncate(1171 * MIB)
            self.says(f"it has {1171 * MIB} bytes and not {1170 * MIB}")
        with self.changed((1170 * MIB - 33 * 512, 33 * 512)):
            with open(self.image, "ab") as file:
                file.truncate(1170 * MIB - 512)
            self.says("bytes and not", "holds no GPT")

    def test_the_loader(self):
        for at, name in ((32 * 1024, "idbloader.img"), (8 * MIB, "u-boot.itb")):
            with self.subTest(name), self.changed((at, 4)):
                self.write(at, bytes(4))
                self.says(f"there is no {name} at {at} bytes")

    def test_the_loader_is_compared_with_the_one_that_was_built(self):
        (self.at / "idbloader.img").write_bytes(IDBLOADER)
        (self.at / "u-boot.itb").write_bytes(U_BOOT)
        built = ("--loader", self.at)
        self.assertEqual(0, self.check(*built).returncode)
        for at, sentence in ((40_000, "idbloader.img is another one"), (8 * MIB + 500_000, "u-boot.itb is another one"),
                             (32 * 1024 + len(IDBLOADER), "there is something"), (8 * MIB + len(U_BOOT), "there is something")):
            with self.subTest(at=at), self.changed((at, 2)):
                self.write(at, b"xx")
                self.says(sentence, options=built)

    def test_the_boot_partition(self):
        drive = f"{self.image}@@16M"

        def removed(name):
            lab.run("mdel", "-i", drive, f"::{name}")

        def added(name, content):
            (self.at / name).write_bytes(content)
            lab.run("mcopy", "-o", "-i", drive, self.at / name, "::")

        for change, *sentences in (
                *((lambda name=name: removed(name), f"boot-a holds no {name}") for name in BOOT if name != "version.txt"),
                (lambda: removed("version.txt"), "boot-a holds no version.txt", 'version.txt says ""'),
                (lambda: added("more", b"more"), "boot-a holds more"),
                (lambda: lab.run("mmd", "-i", drive, "::seed"), "boot-a holds seed/"),
                *((lambda name=name: added(name, b"x" * 100), f"{name} in boot-a is not what its name says")
                  for name in sorted(BOOT) if name != "version.txt"),
                (lambda: added("version.txt", b"1.2.4\n"), 'version.txt says "1.2.4" and os-release does not'),
                (lambda: lab.run("mlabel", "-i", drive, "::OTHER"), "is named OTHER and not BOOT"),
                (lambda: self.write(16 * MIB + 32, b"\1"), "is not as large as boot-a")):
            with self.subTest(sentences), self.changed((16 * MIB, 4 * MIB)):
                change()
                self.says(*sentences)
        with self.changed((16 * MIB, 512)):
            self.write(16 * MIB, bytes(512))
            self.says("boot-a holds no FAT16", 'version.txt says ""')

    def with_rootfs(self, content):
        self.write(144 * MIB, content + bytes(max(len(self.rootfs) - len(content), 0)))

    def test_the_squashfs(self):
        for options, sentence in ((("-comp", "gzip", "-b", "128k"), "compressor 1 and blocks of 131072 bytes"),
                                  (("-comp", "zstd", "-b", "1M"), "compressor 6 and blocks of 1048576 bytes")):
            with self.subTest(sentence), self.changed((144 * MIB, MIB)):
                self.with_rootfs(fake_image.squashfs(tree({}), *options))
                self.says(sentence)
        with self.changed((144 * MIB, MIB)):
            self.write(144 * MIB + 40, (300_000_001).to_bytes(8, "little"))
            self.says("the squashfs has 300003328 bytes, at most 300000000", "the squashfs cannot be read")
        with self.changed((144 * MIB, MIB)):
            self.write(144 * MIB, b"none")
            self.says("rootfs-a holds no squashfs")

    def test_secrets_identities_and_names(self):
        key = "-----BEGIN PRIVATE KEY-----\n"
        for changes, *sentences in (
                ({"etc/shadow": "root:$y$j9T$abc:20000::::::\nmessagebus:!*:1::::::\n"}, "root has a password"),
                ({"etc/shadow": "root::20000::::::\n"}, "root has a password in etc/shadow, or needs none"),
                ({"etc/passwd": "root::0:0:root:/root:/bin/bash\n"}, "root is not as it should be"),
                ({"etc/passwd": TREE["etc/passwd"] + "toor:x:0:0::/:/bin/sh\n"}, "toor is not as it should be"),
                ({"etc/machine-id": "0123\n"}, "etc/machine-id is not empty"),
                ({"etc/machine-id": None}, "etc/machine-id is not empty"),
                ({"etc/ssh/ssh_host_ed25519_key": key}, "holds etc/ssh/ssh_host_ed25519_key"),
                ({"etc/ssh/ssh_host_rsa_key.pub": "key"}, "holds etc/ssh/ssh_host_rsa_key.pub"),
                ({"root/.ssh/authorized_keys": "key"}, "holds root/.ssh/authorized_keys"),
                ({"root/.ssh/id_ed25519": key}, "holds root/.ssh/id_ed25519"),
                ({"etc/ssl/private/key.pem": key}, "holds etc/ssl/private/key.pem"),
                ({"var/lib/systemd/random-seed": "seed"}, "holds var/lib/systemd/random-seed"),
                ({"etc/atomix/keyring.pem": TREE["etc/atomix/keyring.pem"] + key}, "a private key, etc/atomix/keyring.pem"),
                ({"etc/atomix/keyring.pem": None}, "keyring.pem holds no certificate"),
                ({"etc/atomix/device.yaml": "device:\n  compatible: rock64-pro\n"}, "device.yaml is not rock64's"),
                ({"usr/lib/os-release": "VERSION_ID=1.2\n"}, 'version.txt says "1.2.3"')):
            with self.subTest(sentences), self.changed((144 * MIB, MIB)):
                self.with_rootfs(fake_image.squashfs(tree(changes)))
                self.says(*sentences)

    def test_another_board(self):
        done = self.check("qemu-amd64")
        self.assertEqual(1, done.returncode)
        for sentence in ("there is something, at 32768", "boot-a holds board.dtb", "Image in boot-a is not",
                         "partition 2 .rootfs-a. is missing", "device.yaml is not qemu-amd64's"):
            self.assertRegex(done.stdout, sentence)

    def test_a_wrong_command_line(self):
        for words in ([], [self.at / "other.img"], [self.image, "toaster"], [self.image, "rock64", "more"]):
            done = subprocess.run(["/usr/bin/python3", CHECK, *words], capture_output=True, text=True)
            self.assertEqual(2, done.returncode)
        done = self.check(image=self.at / "atomixos-13-rock64.img.none", *["rock64"])
        self.assertEqual(1, done.returncode)
        self.assertIn("No such file", done.stderr)


if __name__ == "__main__":
    unittest.main()
