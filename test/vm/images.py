"""The image that the machines run, and updates of it: good ones, and ones that are broken in one thing.

An update is made from the image's own root file system and boot partition, changed where its name says, and signed by the
throw-away keys that the image was made with. It is kept beside the image.
"""
import os
import shutil
import subprocess
from pathlib import Path

from environment import run
from network import ROOT

IMAGE = Path(os.environ.get("VM_IMAGE", ROOT / "build/dev/test/vm/image"))
KEYS = IMAGE / "keys"
FROZEN = IMAGE / "frozen"      # a device that runs: machine.Machine.freeze

# What is changed in the root file system, by a shell in its directory.
ROOT_CHANGES = {
    "good": "",
    # dnsmasq that does not stay up
    "unhealthy": "printf '#!/bin/sh\\nsleep 2\\nexit 1\\n' >usr/sbin/dnsmasq",
    "false": "cp -f usr/bin/false usr/bin/atomixd",
    # It does not know what the operator has written
    # It does not know a word that the operator has written
    "refuses": "sed -i s/os_upgrade/os_upgradX/g usr/bin/atomixd",
    "fstab": "echo '/dev/disk/by-label/nothing /srv ext4 defaults,x-systemd.device-timeout=5s 0 2' >etc/fstab",
    "unit-missing": "rm -f usr/lib/systemd/system/ssh.service etc/systemd/system/*/ssh.service",
}


def change_boot(kind, boot):
    """What is changed in the boot partition, which is a file."""
    file = boot.parent / "file"
    name = "Image" if kind == "truncated" else "initrd"
    run("mcopy", "-o", "-n", "-i", boot, f"::{name}", file)
    if kind == "truncated":
        os.truncate(file, file.stat().st_size // 2)
    elif kind == "panics":      # its init ends at once
        file.write_bytes(_archive_of_init("#!/bin/sh\n", boot.parent))     # there is no such shell
    elif kind == "hangs":       # after the watchdog was armed: a later archive's files replace an earlier one's
        init = (ROOT / "deploy/image/initrd/init").read_text()
        hanging = init.replace("\narm_watchdog\n", "\narm_watchdog\nwhile :; do sleep 60; done\n")
        assert hanging != init
        shipped = file.read_bytes()
        file.write_bytes(shipped + bytes(-len(shipped) % 4) + _archive_of_init(hanging, boot.parent))
    else:
        raise AssertionError(f"there is no update called {kind}")
    run("mcopy", "-o", "-i", boot, file, f"::{name}")


def _archive_of_init(script, place):
    tree = place / "tree"
    tree.mkdir()
    (tree / "init").write_text(script)
    (tree / "init").chmod(0o755)
    return run("cpio", "--quiet", "-o", "-H", "newc", cwd=tree, input=b"init\n").stdout


def bundle(kind, version):
    """The update's file, made once."""
    made = IMAGE / f"{kind}-{version}.raucb"
    if not made.exists():
        work = IMAGE / f"{kind}-{version}.{os.getpid()}"
        work.mkdir()
        try:
            _make_images(kind, version, work)
            run(ROOT / "deploy/bundle/make-bundle", work, work / "made", "--version", version, "--compatible", "qemu-amd64",
                "--cert", KEYS / "signing.pem", "--key", KEYS / "signing.key", limit=600)
            (work / "made").rename(made)
        finally:
            shutil.rmtree(work)
    return made


def _make_images(kind, version, work):
    shutil.copy(IMAGE / "boot.vfat", work / "boot.vfat")
    if kind == "zeroed":
        with open(work / "rootfs.squashfs", "wb") as file:
            file.truncate(IMAGE.joinpath("rootfs.squashfs").stat().st_size)
        return
    if kind not in ROOT_CHANGES:
        change_boot(kind, work / "boot.vfat")
    _make_root(ROOT_CHANGES.get(kind, ""), version, work)


def _make_root(change, version, work):
    """The root's directory below an overlay that is changed; packed quickly, and so a little larger."""
    unpacked = IMAGE / "unpacked"
    if not unpacked.exists():
        run("unsquashfs", "-quiet", "-no-progress", "-d", work / "unpacked", IMAGE / "rootfs.squashfs", limit=600)
        (work / "unpacked").rename(unpacked)
    script = f"""
        mount -t tmpfs tmpfs "$1/mnt"; mkdir "$1"/mnt/upper "$1"/mnt/work "$1"/mnt/root
        mount -t overlay -o "lowerdir=$2,upperdir=$1/mnt/upper,workdir=$1/mnt/work" overlay "$1/mnt/root"
        cd "$1/mnt/root"
        sed -i 's/^VERSION_ID=.*/VERSION_ID={version}/' usr/lib/os-release
        {change}
        cd /
        mksquashfs "$1/mnt/root" "$1/rootfs.squashfs" -noappend -no-progress -quiet -b 128k -no-fragments -comp zstd \\
            -Xcompression-level 1 >/dev/null"""
    (work / "mnt").mkdir()
    run("unshare", "--mount", "--propagation", "private", "bash", "-euc", script, "-", work, unpacked, limit=600)


if __name__ == "__main__":
    import sys
    print(bundle(*sys.argv[1:]))
