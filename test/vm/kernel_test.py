"""Debian's own kernel, started by our U-Boot and boot.scr on QEMU's PC, with the initrd of an image. There is no system
behind it: the initrd looks for one on the disk that the loader named, says that there is none, and reboots.

    /usr/bin/python3 -m pytest -p no:cacheprovider test/vm/kernel_test.py       (root: deploy/image/base-root needs it)
"""
import random
import struct
import subprocess
from pathlib import Path

import pytest

from loader import ROOT, Device, run, shipped_script, tried

LIMIT_S = 180     # some 15 s on an idle machine, by emulation
KERNEL_BYTES, INITRD_BYTES = 40_000_000, 64_000_000     # what the addresses in deploy/image/boot/qemu-amd64.cmd leave room for


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Kernel and initrd as an image of this board has them."""
    made = subprocess.run([ROOT / "deploy/image/base-root", "amd64"], stdout=subprocess.PIPE, text=True, timeout=1500)
    assert made.returncode == 0, "deploy/image/base-root amd64 failed"
    base = Path(made.stdout.strip())
    initrd = tmp_path_factory.mktemp("shipped") / "initrd"
    run(ROOT / "deploy/image/make-initrd", base, ROOT / "platform/qemu/modules", initrd, limit=300)
    return (base / "vmlinuz").read_bytes(), initrd.read_bytes()


def grown_kernel(kernel):
    """The same with a tail that nobody reads, but that its header counts: syssize, in units of 16 bytes, at 0x1f4."""
    setup = (kernel[0x1F1] + 1) * 512
    grown = bytearray(kernel) + random.Random(1).randbytes(KERNEL_BYTES - len(kernel))
    struct.pack_into("<I", grown, 0x1F4, (KERNEL_BYTES - setup) // 16)
    return bytes(grown)


def grown_initrd(initrd):
    """An archive with one great file in front of it: the kernel unpacks one after the other, each from a multiple of 4 on."""
    def entry(name, data):
        numbers = (1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = ("070701" + "".join(f"{number:08X}" for number in numbers) + name).encode() + b"\0"
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    filler = random.Random(2).randbytes(INITRD_BYTES - len(initrd) - 4096)
    archive = entry("filler", filler) + entry("TRAILER!!!", b"")
    return archive + bytes((INITRD_BYTES - len(initrd) - len(archive)) // 4 * 4) + initrd


@pytest.mark.parametrize("size", ["as shipped", "as big as may be"])
def test_debians_kernel_comes_up_and_its_initrd_finds_the_disk_that_the_loader_named(tmp_path, shipped, size):
    kernel, initrd = shipped if size == "as shipped" else (grown_kernel(shipped[0]), grown_initrd(shipped[1]))
    pc = Device(tmp_path, "qemu-amd64", boot_bytes=128 << 20)
    files = {"Image": kernel, "initrd": initrd}
    pc.put_files("A", {"boot.scr": shipped_script(pc.board, pc.at, files)} | files)
    pc.begin(BOOT_ORDER="A B", BOOT_A_LEFT="3", BOOT_B_LEFT="3")
    said = pc.power_cycle(limit=LIMIT_S)
    assert (tried(said), pc.tries()) == ("A", "A B, 2 3")
    assert "initrd: rootfs-a does not mount; rebooting" in said     # on the disk at atomix.disk, or it would not get there
