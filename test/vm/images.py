"""The image that the machines run, and updates of it: good ones, and ones that are broken in one thing.

An update is made from the image's own root file system and boot partition, changed where its name says, and signed by the
throw-away keys that the image was made with. It is kept beside the image.
"""
import hashlib
import os
import shutil
from pathlib import Path

from environment import run
from loader import shipped_script
from network import ROOT     # which makes test/system known

import shipped_images
from shipped_images import IMAGE, KEYS, UNFIT, board, make_root, sign     # noqa: F401: KEYS are the fixtures'

INDEX_TOOL = os.environ.get("ATOMIX_INDEX", ROOT / "build/dev/atomix-index")
_MAKERS = hashlib.sha256(Path(__file__).read_bytes() + Path(shipped_images.__file__).read_bytes()).hexdigest()[:8]

# A version that is not fit is given up after this: times.sh's limits are for what comes up beside much else on the machine.
_SHORT_TRIAL = """
grep -q 'limit: 4min' etc/atomix/device.yaml
sed -i 's/limit: 4min/limit: 100s/' etc/atomix/device.yaml
"""
# Where there is no atomixd to wait for.
_SHORT_TIMER = "\nsed -i 's/^OnBootSec=5min/OnBootSec=45s/' etc/systemd/system/atomix-trial-end.timer.d/50-test.conf"
# What is changed in the root file system, by a shell in its directory.
ROOT_CHANGES = {kind: change + (_SHORT_TIMER if kind == "false" else _SHORT_TRIAL) for kind, change in UNFIT.items()} | {
    "good": "",
    "brief": _SHORT_TRIAL,
    "delta": "",
    "fstab": "echo '/dev/disk/by-label/nothing /srv ext4 defaults,x-systemd.device-timeout=5s 0 2' >etc/fstab",
}
# By emulation of another processor a boot takes longer than a trial's limits on it, here and in the initrd.
SLOW_TRIAL = r"""
sed -i 's/^  limit: .*/  limit: 20min/' etc/atomix/device.yaml
grep -q 'limit: 20min' etc/atomix/device.yaml
printf '[Timer]\nOnBootSec=\nOnBootSec=25min\n' >etc/systemd/system/atomix-trial-end.timer.d/50-test.conf
"""
SLOW_LIMIT_S = 1800



def change_boot(kind, boot):
    """What is changed in the boot partition, which is a file."""
    place = boot.parent
    files = {name: run("mcopy", "-i", boot, f"::{name}", "-").stdout for name in ("Image", "initrd")}
    if kind == "truncated":
        files = {"Image": files["Image"][:len(files["Image"]) // 2]}
    else:     # its boot.scr would start nothing but what was there before
        files["initrd"] = _initrd(kind, files["initrd"], place)
        files["boot.scr"] = shipped_script(board(), place, files)
    for name, data in files.items():
        (place / "file").write_bytes(data)
        run("mcopy", "-o", "-i", boot, place / "file", f"::{name}")


def _initrd(kind, shipped, place):
    if kind == "panics":      # its init ends at once
        return _archive_of_init("#!/bin/sh\n", place)     # there is no such shell
    if kind == "hangs":
        return with_init(shipped, armed_init("while :; do sleep 60; done"), place)
    assert kind == "slow", f"there is no update called {kind}"
    return with_init(shipped, limited_init(SLOW_LIMIT_S), place)


def armed_init(then, init=None):
    """The shipped one, which does this when it has armed the watchdog."""
    return _changed(init or _shipped_init(), "\narm_watchdog\n", f"\narm_watchdog\n{then}\n")


def limited_init(limit_s):
    """The shipped one, whose watchdog gives a boot on trial this time."""
    return _changed(_shipped_init(), "readonly kTrialLimit=300 ", f"readonly kTrialLimit={limit_s} ")


def _shipped_init():
    return (ROOT / "deploy/image/initrd/init").read_text()


def _changed(text, old, new):
    assert old in text
    return text.replace(old, new)


def with_init(initrd, script, place):
    """An initrd with another init: a later archive's files replace an earlier one's."""
    return initrd + bytes(-len(initrd) % 4) + _archive_of_init(script, place)


def _archive_of_init(script, place):
    tree = place / "tree"
    tree.mkdir(exist_ok=True)
    (tree / "init").write_text(script)
    (tree / "init").chmod(0o755)
    return run("cpio", "--quiet", "-o", "-H", "newc", cwd=tree, input=b"init\n").stdout


def bundle(kind, version):
    """The update's file, made once as long as what makes it stays as it is."""
    made = IMAGE / f"{kind}-{version}-{_MAKERS}.raucb"
    if not made.exists():
        work = IMAGE / f"{kind}-{version}.{os.getpid()}"
        work.mkdir()
        try:
            _make_images(kind, version, work)
            sign(version, work, *(("--index-tool", INDEX_TOOL) if kind == "delta" else ())).rename(made)
        finally:
            shutil.rmtree(work)
    return made


def _make_images(kind, version, work):
    shutil.copy(IMAGE / "boot.vfat", work / "boot.vfat")
    slow = board() == "qemu-arm64"
    if slow:
        change_boot("slow", work / "boot.vfat")
    if kind == "zeroed":
        with open(work / "rootfs.squashfs", "wb") as file:
            file.truncate(IMAGE.joinpath("rootfs.squashfs").stat().st_size)
        return
    if kind not in ROOT_CHANGES:
        change_boot(kind, work / "boot.vfat")
    # A block that did not change is the same bytes only when it is packed as the image's were.
    make_root(ROOT_CHANGES.get(kind, "") + (SLOW_TRIAL if slow else ""), version, work,
              level=15 if kind == "delta" else 1)
