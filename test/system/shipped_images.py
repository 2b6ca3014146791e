"""Updates of the shipped image, made from its own root file system: good ones, and ones that are broken in one thing.

Each is made once and kept beside the image, under a name that says what it was made of.
"""
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = Path(os.environ.get("VM_IMAGE", ROOT / "build/dev/test/vm/image"))
KEYS = IMAGE / "keys"

# In every one of them: trials that take seconds, and no modules of a kernel that does not run here.
_ALL = r"""
sed -i 's/^  window: .*/  window: 4s\n  interval: 2s\n  grace: 2s/; s/^  limit: .*/  limit: 60s/' etc/atomix/device.yaml
grep -q 'window: 4s' etc/atomix/device.yaml
printf '[Timer]\nOnBootSec=\nOnBootSec=90s\n' >etc/systemd/system/atomix-trial-end.timer.d/50-test.conf
sed -i 's/leave-emergency 60/leave-emergency 2/' etc/systemd/system/emergency.service.d/*.conf
rm -rf usr/lib/modules
"""
_SHORT_TRIAL = "sed -i 's/limit: 60s/limit: 20s/' etc/atomix/device.yaml\n"
# By a shell in the root file system's directory, here and in test/vm.
UNFIT = {
    # dnsmasq that does not stay up
    "unhealthy": r"printf '#!/bin/sh\nsleep 2\nexit 1\n' >usr/sbin/dnsmasq",
    "false": "cp -f usr/bin/false usr/bin/atomixd",
    # It does not know a word that the operator has written.
    "refuses": "grep -q os_upgrade usr/bin/atomixd; sed -i s/os_upgrade/os_upgradX/g usr/bin/atomixd",
    "unit-missing": "rm usr/lib/systemd/system/ssh.service",
}
_CHANGES = {
    "good": "",
    "slow": "sed -i 's/window: 4s/window: 20s/' etc/atomix/device.yaml",
    "unhealthy": _SHORT_TRIAL + UNFIT["unhealthy"],
    "false": UNFIT["false"] + "\nsed -i s/90s/6s/ etc/systemd/system/atomix-trial-end.timer.d/50-test.conf",
    "refuses": _SHORT_TRIAL + UNFIT["refuses"],
    "unit-missing": _SHORT_TRIAL + UNFIT["unit-missing"],
    # Device files would be no reason to wait: there is no udev in a container.
    "fstab": "echo 'tmpfs /srv tmpfs size=nonsense 0 2' >etc/fstab",
}


def board():
    """Whose image it is."""
    return next(IMAGE.glob("atomixos-13-*.img")).stem.removeprefix("atomixos-13-")


def bundle(kind, version):
    """The update's file."""
    kept = IMAGE / "shipped"
    kept.mkdir(exist_ok=True)
    made = kept / f"{kind}-{version}-{_fingerprint(kind)}.raucb"
    if not made.exists():
        with tempfile.TemporaryDirectory(prefix="making.", dir=kept) as name:
            work = Path(name)
            _make_boot(version, work / "boot.vfat")
            make_root(_ALL + _CHANGES[kind], version, work)
            sign(version, work).rename(made)
    return made


def sign(version, work, *options):
    """A bundle of the two images in this folder, by the keys that the shipped one trusts."""
    _run(ROOT / "deploy/bundle/make-bundle", work, work / "made", "--version", version,
         "--compatible", board(), "--cert", KEYS / "signing.pem", "--key", KEYS / "signing.key", *options)
    return work / "made"


def _fingerprint(kind):
    image = (IMAGE / "rootfs.squashfs").stat()
    return hashlib.sha256(f"{_ALL}{_CHANGES[kind]}{image.st_mtime_ns} {image.st_size}".encode()).hexdigest()[:12]


def _make_boot(version, at):
    """Nothing is loaded from it; the running system finds it at /boot."""
    with tempfile.NamedTemporaryFile() as text:
        text.write(version.encode() + b"\n")
        text.flush()
        _run("mkfs.vfat", "-n", "BOOT", "-C", at, "4096")
        _run("mcopy", "-i", at, text.name, "::version.txt")


def make_root(change, version, work, level=1):
    """An overlay of the shipped one that is changed, and packed: quickly, or (15) as deploy/image/make-rootfs does."""
    (work / "mnt").mkdir()
    script = f"""
        mount -t tmpfs tmpfs "$1/mnt"; cd "$1/mnt"; mkdir lower upper work root
        mount -o ro "$2" lower
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root; cd root
        sed -i 's/^VERSION_ID=.*/VERSION_ID={version}/' usr/lib/os-release
        {change}
        cd /
        mksquashfs "$1/mnt/root" "$1/rootfs.squashfs" -noappend -no-progress -quiet -b 128k -no-fragments -comp zstd \\
            -Xcompression-level {level}"""
    _run("unshare", "--mount", "--propagation", "private", "bash", "-euc", script, "-", work, IMAGE / "rootfs.squashfs")


def _run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def copy_boot_files(partition, into):
    """What a mount of the partition would show; not every kernel has vfat."""
    _run("mcopy", "-s", "-n", "-i", partition, "::*", into)
