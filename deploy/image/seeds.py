"""What an operator lays on the boot partition for a device's first boot: atomix.yaml and authorized_keys, below seed/.

initrd/init takes them to /data when it has just made that, and on no other boot. Written by mtools, nothing is mounted.
"""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from disk import Refused, is_block_device

_NAMES = ("atomix.yaml", "authorized_keys")
_LONGEST = 256 * 1024   # bytes; atomixd reads no longer document
_CLUSTER = 64 * 1024    # bytes; no FAT of ours has larger ones


class NotPut(Exception):
    """The partition may be changed; no seed is in it. Its text is a sentence."""


def load(directory):
    """{name: bytes} of what is there, checked. Raises Refused."""
    at = Path(directory)
    if not at.is_dir():
        raise Refused(f"{directory} is no directory")
    seed = {name: _read(at / name) for name in _NAMES if (at / name).exists()}
    if not seed:
        raise Refused(f"{directory} holds neither atomix.yaml nor authorized_keys")
    for name in sorted(os.listdir(at)):
        if name not in _NAMES:
            print(f"seed: {directory}/{name} is left out")
    if "authorized_keys" in seed:
        _check_keys(seed["authorized_keys"], at / "authorized_keys")
    if "atomix.yaml" in seed:
        _check_document(seed["atomix.yaml"], at / "atomix.yaml")
    return seed


def _read(path):
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    if len(content) > _LONGEST:
        raise Refused(f"{path} is too long: {len(content)} bytes, at most {_LONGEST}")
    if b"PRIVATE KEY" in content or b"PuTTY-User-Key-File" in content:
        raise Refused(f"{path} holds a private key, which must not leave its owner")
    return content


def _check_keys(content, path):
    """Each line is a key, as sshd has them: one that is not would be passed over there without a word."""
    lines = [(number, line) for number, line in enumerate(content.decode(errors="replace").splitlines(), 1)
             if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise Refused(f"{path} holds no key")
    for number, line in lines:
        try:
            done = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=line + "\n", capture_output=True, text=True)
        except FileNotFoundError:
            raise Refused("ssh-keygen is missing, which checks keys: apt-get install openssh-client") from None
        if done.returncode != 0:
            raise Refused(f"{path}:{number}: this is no SSH public key")


def _checker():
    """$ATOMIXD when it is set, else what is installed, else what this checkout has built."""
    built = Path(__file__).resolve().parents[2] / "build/dev/atomixd"
    for found in [os.environ["ATOMIXD"]] if "ATOMIXD" in os.environ else (shutil.which("atomixd"), built):
        if found and os.access(found, os.X_OK):
            return str(found)
    return None


def _check_document(content, path):
    if not (atomixd := _checker()):
        print(f"seed: {path} was NOT CHECKED, since there is no atomixd here, neither in PATH nor in build/dev; a device "
              "refuses a document with a mistake, and serves its LAN by the built-in default")
        return
    with tempfile.TemporaryDirectory(prefix="seed.") as work:
        (Path(work) / "atomix.yaml").write_bytes(content)
        done = subprocess.run([atomixd, "--check", "atomix.yaml"], cwd=work, capture_output=True, text=True)
    said = (done.stdout + done.stderr).strip()
    if said:
        print(said)
    if done.returncode != 0:
        raise Refused(f"atomixd --check refuses {path}, for what is said above")


def put(target, table, seed):
    """Makes this the seed of boot-a, instead of what was there. Raises Refused when nothing was changed, else NotPut."""
    if table["boot-a"] is None or table["rootfs-a"] is None:
        raise Refused(f"{target} is none of ours: it has no partitions boot-a and rootfs-a")
    if table["data"] is not None:
        raise Refused(f"{target} was booted already (it has a partition data) and takes no seed any more: flash it "
                      "again, with --seed")
    drive = f"{target}@@{table['boot-a'].start}"
    there = _names(drive)
    if not there >= {"Image", "initrd"}:
        raise Refused(f"{target} is none of ours: its boot-a holds no Image and initrd")
    needed = sum(-len(content) // _CLUSTER * -_CLUSTER for content in seed.values()) + _CLUSTER
    if (free := _free(drive)) < needed:
        raise Refused(f"boot-a of {target} is full: {free} bytes are free, {needed} are wanted")
    try:
        if "seed" in there:
            _mtools("mdeltree", "-i", drive, "::seed")
        _copy(drive, seed)
        _on_the_medium(target)
        for name, content in seed.items():
            if _mtools("mcopy", "-i", drive, f"::seed/{name}", "-") != content:
                raise NotPut(f"{target} gives back another {name} than was written")
    except (Refused, OSError) as why:
        raise NotPut(str(why)) from None


def _copy(drive, seed):
    with tempfile.TemporaryDirectory(prefix="seed.") as work:
        at = Path(work) / "seed"
        at.mkdir()
        for name, content in seed.items():
            (at / name).write_bytes(content)
        _mtools("mcopy", "-s", "-i", drive, at, "::")


def _on_the_medium(target):
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    if is_block_device(target):
        subprocess.run(["blockdev", "--flushbufs", target], check=True)


def _names(drive):
    said = _mtools("mdir", "-b", "-i", drive, "::").decode(errors="replace")
    return {line.removeprefix("::/").rstrip("/") for line in said.splitlines()}


def _free(drive):
    found = re.search(rb"([\d ]+) bytes free", _mtools("mdir", "-i", drive, "::"))
    return int(found.group(1).replace(b" ", b"")) if found else 0


def _mtools(*command):
    """Its output. Raises Refused in mtools' words."""
    environment = os.environ | {"LC_ALL": "C", "MTOOLSRC": os.devnull}
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is missing: apt-get install mtools") from None
    if done.returncode != 0:
        raise Refused(f"{command[0]}: {done.stderr.decode(errors='replace').strip() or done.returncode}")
    return done.stdout
