"""A disk as the kernel describes it (sysfs, mountinfo, swaps), and why it must not be written to.

Everything goes by device number and not by name, so any device file will do.
"""
import fcntl
import mmap
import os
import re
import stat
import struct
from pathlib import Path

import gpt

_BLKGETSIZE64 = 0x80081272   # linux/fs.h
_BLKSSZGET = 0x1268


class Refused(Exception):
    """Nothing was written. Its text is a sentence for whoever typed the command."""


class Disk:
    """Open for this process alone: as long as it lives, nobody can mount it or one of its partitions."""

    def __init__(self, path):
        self.path = path
        self.number = _number(path)
        self.at = Path(f"/sys/dev/block/{self.number}").resolve()
        self._refuse_what_is_no_disk()
        self.partitions = sorted((one.parent for one in self.at.glob("*/partition")),
                                 key=lambda one: int(_text(one / "start")))
        self._refuse_what_is_used()
        self.fd = self._open()
        try:
            self.size = struct.unpack("Q", fcntl.ioctl(self.fd, _BLKGETSIZE64, bytes(8)))[0]
            self._refuse_what_does_not_fit()
        except BaseException:
            self.close()
            raise

    def close(self):
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def described(self):
        """Its make, size, serial number and what is on it now: lines for a person to know it by."""
        model = " ".join(filter(None, (_text(self.at / "device" / name) for name in ("vendor", "model", "name"))))
        serial = next(filter(None, (_text(self.at / f"device/{name}") for name in ("serial", "wwid", "cid"))), "")
        model, serial = self._udev("ID_MODEL") or model, self._udev("ID_SERIAL_SHORT") or serial
        yield f"{self.path} ({self.at.name}): {model or 'no model name'}, {size_text(self.size)}, " \
              f"serial number {serial or 'unknown'}"
        try:
            for one in gpt.read(self.read).partitions:
                yield f"  {one.label or 'a partition without a name'}  {size_text(one.size)}"
        except gpt.NoTable:
            yield from (f"  {one.name}  {size_text(int(_text(one / 'size')) * 512)}" for one in self.partitions)
            yield "  no GPT partition table"

    def read(self, at, size):
        buffer = mmap.mmap(-1, size)   # direct I/O wants whole pages
        return buffer[:os.preadv(self.fd, [buffer], at)]

    def _udev(self, key):
        found = re.search(f"^E:{key}=(.*)$", _text(Path(f"/run/udev/data/b{self.number}")), re.M)
        return found.group(1).replace("_", " ").strip() if found else ""

    def _refuse_what_is_no_disk(self):
        if (self.at / "partition").exists():
            raise Refused(f"{self.path} is a partition; the whole disk is wanted, {self.at.parent.name}")

    def _refuse_what_is_used(self):
        numbers = {self.number: self.at.name} | {_text(one / "dev"): one.name for one in self.partitions}
        for mounted, number in _mounts():
            if number in numbers:
                what = "the running system's root file system" if mounted == "/" else f"what is mounted at {mounted}"
                raise Refused(f"{self.path} holds {what} ({numbers[number]})")
        for line in _text(Path("/proc/swaps")).splitlines()[1:]:
            number = _number_of_source(line.split()[0])
            if number in numbers:
                raise Refused(f"{self.path} is used as swap ({numbers[number]})")
        for one in (self.at, *self.partitions):
            for holder in sorted(Path(one / "holders").glob("*")):
                raise Refused(f"{self.path} is a part of {holder.name} ({one.name})")

    def _open(self):
        if _text(self.at / "size") == "0":
            raise Refused(f"there is no medium in {self.path}")
        if _text(self.at / "ro") != "0":
            raise Refused(f"{self.path} is read-only (a card's lock, perhaps)")
        try:
            return os.open(self.path, os.O_RDWR | os.O_EXCL | os.O_DIRECT | os.O_CLOEXEC)
        except OSError as error:
            why = {16: "it is in use, by a mount in another namespace perhaps", 13: "only root may"}
            raise Refused(f"{self.path} cannot be opened: {why.get(error.errno, error.strerror)}") from None

    def _refuse_what_does_not_fit(self):
        sector = struct.unpack("I", fcntl.ioctl(self.fd, _BLKSSZGET, bytes(4)))[0]
        if sector != 512:
            raise Refused(f"{self.path} has sectors of {sector} bytes; an image's partition table is for 512")


def size_text(size):
    """As it is printed on media: decimal."""
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def is_block_device(path):
    return stat.S_ISBLK(os.stat(path).st_mode)


def _number(path):
    try:
        if is_block_device(path):
            found = os.stat(path).st_rdev
            return f"{os.major(found)}:{os.minor(found)}"
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    raise Refused(f"{path} is no block device")


def _number_of_source(path):
    """Of a mount or a swap, "" when it is no block device."""
    try:
        return _number(_unescaped(path))
    except Refused:
        return ""


def _mounts():
    """(mount point, device number); btrfs' is only known by its source."""
    for line in _text(Path("/proc/self/mountinfo")).splitlines():
        fields = line.split()
        source = fields[fields.index("-") + 2]
        yield _unescaped(fields[4]), fields[2]
        if source.startswith("/"):
            yield _unescaped(fields[4]), _number_of_source(source)


def _unescaped(path):
    return re.sub(r"\\([0-7]{3})", lambda one: chr(int(one.group(1), 8)), path)


def _text(path):
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
