"""Two versions of a device's images, and bundles of the newer one."""
import os
import random
import shutil
import subprocess
from pathlib import Path

import bundles
import lab

_BUNDLE = bundles.ROOT / "deploy/bundle"
_MIB = 1 << 20

_MANIFEST = """\
[update]
compatible=atomix-sim
version=new
{format}
[image.boot]
filename=boot.vfat

[image.rootfs]
filename=rootfs.squashfs
"""


def command(*words, **environment):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]}: {done.stderr.strip()}")


class Images:
    """DIR/old and DIR/new with boot.vfat and rootfs.squashfs, and boot-files: the old boot image's files, as if it were
    mounted (the kernels that this runs on may know no vfat)."""

    def __init__(self, directory, given=None, atomixd=None):
        self.at = Path(directory)
        for version in ("old", "new"):
            self.of(version).mkdir(parents=True)
        if given:
            self._take(Path(given))
        else:
            self._make_roots(atomixd)
        for version in ("old", "new"):
            if not (self.of(version) / "boot.vfat").exists():
                self._make_boot(version)
        self.boot_files = self.at / "boot-files"
        self.boot_files.mkdir()
        lab.run("mcopy", "-s", "-i", self.of("old") / "boot.vfat", "::*", self.boot_files)

    def of(self, version):
        return self.at / version

    def size(self, name, version="new"):
        return (self.of(version) / name).stat().st_size

    def total(self):
        return sum(self.size(name) for name in ("boot.vfat", "rootfs.squashfs"))

    def _take(self, given):
        """VERSION.squashfs and, if they are there, VERSION.vfat: what make-root-pair makes."""
        for version in ("old", "new"):
            shutil.copyfile(given / f"{version}.squashfs", self.of(version) / "rootfs.squashfs")
            if (given / f"{version}.vfat").exists():
                shutil.copyfile(given / f"{version}.vfat", self.of(version) / "boot.vfat")

    def _make_roots(self, atomixd):
        """This machine's own files; in the newer version every hundredth of the larger ones has changed a little, as
        a rebuilt library does."""
        old, new = self.at / "tree-old", self.at / "tree-new"
        command(_BUNDLE / "make-tree", old, atomixd)
        command("cp", "-al", old, new)
        noise = random.Random(1)
        large = sorted(path for path in new.rglob("*") if not path.is_symlink() and path.is_file()
                       and path.stat().st_size > 64 * 1024)
        for path in large[::100]:
            content = path.read_bytes()
            path.unlink()
            middle = len(content) // 2
            path.write_bytes(content[:middle] + noise.randbytes(512) + content[middle:])
        for version, tree in (("old", old), ("new", new)):
            made = self.at / f"made-{version}"
            command(_BUNDLE / "make-image", version, made, "--tree", tree, "--keys", bundles.keys())
            (made / "rootfs.squashfs").rename(self.of(version) / "rootfs.squashfs")
            shutil.rmtree(made)
        for tree in (old, new):
            shutil.rmtree(tree)

    def _make_boot(self, version):
        """A kernel that stays and an initrd that does not; it grows, so the kernel lies elsewhere afterwards."""
        files = self.at / f"boot-{version}"
        files.mkdir()
        grown = 300_000 if version == "new" else 0
        (files / "initrd.img").write_bytes(random.Random(version).randbytes(8 * _MIB + grown))
        (files / "vmlinuz").write_bytes(random.Random("kernel").randbytes(22 * _MIB))
        image = self.of(version) / "boot.vfat"
        lab.run("mkfs.vfat", "--invariant", "-n", "BOOT", "-C", image, str(40 * 1024))
        for name in ("initrd.img", "vmlinuz"):
            os.utime(files / name, (0, 0))
            lab.run("mcopy", "-m", "-i", image, files / name, "::")
        shutil.rmtree(files)


def our_bundle(images, out, index_tool=None):
    """As deploy/bundle/make-bundle makes it; with an index tool a delta is possible."""
    index = ["--index-tool", index_tool] if index_tool else []
    command(_BUNDLE / "make-bundle", images.of("new"), out, "--version", "new", "--cert", bundles.keys() / "signing.pem",
            "--key", bundles.keys() / "signing.key", *index)
    return out


def raucs_bundle(images, out, form, compression, extra=()):
    """By `rauc bundle` itself; form: "verity", or "plain", which RAUC can install where there is no device-mapper."""
    content = images.at / f"content-{out.stem}"
    content.mkdir()
    for name in ("boot.vfat", "rootfs.squashfs"):
        os.link(images.of("new") / name, content / name)
    for path in extra:
        os.link(path, content / path.name)
    (content / "manifest.raucm").write_text(
        _MANIFEST.format(format="[bundle]\nformat=verity\n" if form == "verity" else ""))
    command("rauc", "bundle", "--cert", bundles.keys() / "signing.pem", "--key", bundles.keys() / "signing.key",
            f"--mksquashfs-args={compression}", content, out)
    shutil.rmtree(content)
    return out
