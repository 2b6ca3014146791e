"""An image to be written: a file, or one that zstd has packed. Read twice: first to know it, then to write it."""
import contextlib
import hashlib
import re
import subprocess
from pathlib import Path

import gpt
from disk import Refused

PIECE = 4 * 1024 * 1024
MIB = 1024 * 1024
_ZSTD = b"\x28\xb5\x2f\xfd"   # RFC 8878, section 3.1.1


class ImageFile:
    """size, sha256 and the partition table are those of what is unpacked."""

    def __init__(self, path, told=lambda done: None):
        self.path = path
        try:
            with open(path, "rb") as file:
                self.is_packed = file.read(4) == _ZSTD
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}") from None
        self.size, self.sha256, head = self._looked_at(told)
        self.table = _ours(path, head, self.size)

    def _looked_at(self, told):
        digest, size, head = hashlib.sha256(), 0, b""
        for piece in self.pieces(bytearray(PIECE)):
            if not head:
                head = bytes(piece[:MIB])
            digest.update(piece)
            size += len(piece)
            told(size)
        return size, digest.hexdigest(), head

    def pieces(self, buffer):
        """What it holds, in the buffer, which is full each time but the last one."""
        with self._opened() as file:
            while True:
                have = 0
                while have < len(buffer) and (got := file.readinto(memoryview(buffer)[have:])):
                    have += got
                if have:
                    yield memoryview(buffer)[:have]
                if have < len(buffer):
                    return

    @contextlib.contextmanager
    def _opened(self):
        if not self.is_packed:
            with open(self.path, "rb", buffering=0) as file:
                yield file
            return
        command = ["zstd", "-dcq", "--", self.path]
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        except FileNotFoundError:
            raise Refused(f"{self.path} is packed and zstd is missing: apt-get install zstd") from None
        with process:
            try:
                yield process.stdout
            except BaseException:
                process.kill()
                raise
            said = process.stderr.read().decode(errors="replace").strip()
        if process.returncode != 0:
            raise Refused(f"{self.path} cannot be unpacked: {said or process.returncode}")


def _ours(path, head, size):
    try:
        table = gpt.read(lambda at, n: head[at:at + n])
    except gpt.NoTable as why:
        raise Refused(f"{path} is no image of ours: {why}") from None
    if [one.label for one in table.partitions] != ["boot-a", "rootfs-a"]:
        raise Refused(f"{path} is no image of ours: its partitions are not boot-a and rootfs-a alone")
    if size % gpt.SECTOR or table.partitions[-1].end > size:
        raise Refused(f"{path} is cut short: it has {size} bytes, and rootfs-a ends at {table.partitions[-1].end}")
    return table


def added_at_first_boot():
    """What systemd-repart makes on the device: (label, least size in bytes), in its order (repart.d)."""
    for file in sorted((Path(__file__).parent / "repart.d").glob("*.conf")):
        text = file.read_text()
        label = re.search("^Label=(.*)$", text, re.M).group(1)
        number, unit = re.search(r"^SizeMinBytes=(\d+)([MG])$", text, re.M).groups()
        if not label.endswith("-a"):
            yield label, int(number) * {"M": 1, "G": 1024}[unit] * MIB
