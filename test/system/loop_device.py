"""Block devices over files that the kernel gives back by itself, however this process ends."""
import ctypes
import errno
import fcntl
import os
import struct

_GET_FREE = 0x4C82        # LOOP_CTL_GET_FREE on /dev/loop-control
_CONFIGURE = 0x4C0A       # LOOP_CONFIGURE: struct loop_config of linux/loop.h
_AUTOCLEAR = 4            # LO_FLAGS_AUTOCLEAR: free when the last descriptor is closed
_MAJOR = 7


class LoopDevice:
    """`node` is a device file of our own beside `file`: a /dev that was made by hand lacks most of them."""

    def __init__(self, file):
        self.file = file
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
                    fcntl.ioctl(device, _CONFIGURE, _configuration(backing))
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


def _configuration(backing):
    info = struct.pack("=5Q4I64s64s32s2Q", 0, 0, 0, 0, 0, 0, 0, 0, _AUTOCLEAR, b"", b"", b"", 0, 0)
    return ctypes.create_string_buffer(struct.pack("=2I", backing, 0) + info + bytes(64), 304)
