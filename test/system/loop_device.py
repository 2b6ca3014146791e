"""Block devices over files that the kernel gives back by itself, however this process ends."""
import contextlib
import ctypes
import errno
import fcntl
import os
import struct
import subprocess

_ADD = 0x4C80             # LOOP_CTL_… on /dev/loop-control
_REMOVE = 0x4C81
_GET_FREE = 0x4C82
_CONFIGURE = 0x4C0A       # LOOP_CONFIGURE: struct loop_config of linux/loop.h
READ_ONLY = 1             # LO_FLAGS_…
_AUTOCLEAR = 4            # free when the last descriptor is closed
PARTITIONS = 8            # it has partitions
_MAJOR = 7


class LoopDevice:
    """`node` is a device file of our own beside `file`: a /dev that was made by hand lacks most of them."""

    def __init__(self, file, flags=0, sector=0):
        self.file, self._flags, self._sector = file, flags, sector
        self.node = file.with_name(file.name + ".device")
        self._device = self._configure()

    def close(self):
        os.close(self._device)
        self.node.unlink()

    def _configure(self):
        backing = os.open(self.file, os.O_RDWR)
        try:
            while True:
                device = self._open_free()
                try:
                    fcntl.ioctl(device, _CONFIGURE, self._configuration(backing))
                    return device
                except OSError as error:
                    os.close(device)
                    self.node.unlink()
                    if error.errno != errno.EBUSY:   # somebody else took it meanwhile
                        raise
        finally:
            os.close(backing)

    def _open_free(self):
        with open("/dev/loop-control", "rb") as control:
            number = fcntl.ioctl(control, _GET_FREE)
        os.mknod(self.node, 0o600 | 0o060000, os.makedev(_MAJOR, number))
        return os.open(self.node, os.O_RDWR)

    def sync(self):
        """What was written to the device is in the file."""
        os.fsync(self._device)

    def partition(self, number, start, size):
        """A device file of a partition, in bytes; the kernel is told of it, as not every one reads tables of its own.
        It goes with the device if that has PARTITIONS."""
        subprocess.run(["addpart", self.node, str(number), str(start // 512), str(size // 512)], check=True)
        disk = os.path.realpath(f"/sys/dev/block/{_MAJOR}:{os.minor(os.fstat(self._device).st_rdev)}")
        with open(f"{disk}/{os.path.basename(disk)}p{number}/dev") as file:
            major, minor = map(int, file.read().split(":"))
        node = self.file.with_name(f"{self.file.name}.device{number}")
        os.mknod(node, 0o600 | 0o060000, os.makedev(major, minor))
        return node

    def _configuration(self, backing):
        flags = _AUTOCLEAR | self._flags
        info = struct.pack("=5Q4I64s64s32s2Q", 0, 0, 0, 0, 0, 0, 0, 0, flags, b"", b"", b"", 0, 0)
        return ctypes.create_string_buffer(struct.pack("=2I", backing, self._sector) + info + bytes(64), 304)


@contextlib.contextmanager
def without_a_medium(node):
    """A device file of a loop device that has no file."""
    with open("/dev/loop-control", "rb") as control:
        number = fcntl.ioctl(control, _ADD, 1000 + os.stat("/proc/self/ns/pid").st_ino % 100_000)
        try:
            os.mknod(node, 0o600 | 0o060000, os.makedev(_MAJOR, number))
            yield
        finally:
            fcntl.ioctl(control, _REMOVE, number)
