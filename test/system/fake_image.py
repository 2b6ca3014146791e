"""Images with the real layout and little in them: a FAT with the names of a boot partition, and a squashfs."""
import platform
import shutil
import tempfile
from pathlib import Path

import lab

MIB = 1024 * 1024
ROOT_TYPES = {"x86_64": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "aarch64": "B921B045-1DF0-41C3-AF44-4C6F280D3FAE"}
LAYOUT = """\
label: gpt
label-id: 5B0A7A4E-0F0B-4D5C-9C8C-A70318050000
unit: sectors
first-lba: 2048
start=32768, size={boot}, type=BC13C2FF-59E6-4262-A352-B275FD6F7172, uuid=5B0A7A4E-0F0B-4D5C-9C8C-A70318050001, \
name={labels[0]}
start={rootfs_at}, size={rootfs}, type={root_type}, uuid=5B0A7A4E-0F0B-4D5C-9C8C-A70318050002, name={labels[1]}
"""


def partition(image, layout):
    script = Path(tempfile.mkdtemp(prefix="layout.")) / "script"
    script.write_text(layout)
    with open(script) as file:
        lab.run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", image, stdin=file)


def make(image, boot_files, tree, boot_mib=4, rootfs_mib=8, labels=("boot-a", "rootfs-a"), root_type=None):
    """boot_files: {name: bytes}; tree: a directory. What follows the partitions is 2 MiB, as in a real one."""
    work = Path(tempfile.mkdtemp(prefix="image."))
    lab.run("mkfs.vfat", "--invariant", "-n", "BOOT", "-C", work / "boot.vfat", str(boot_mib * 1024))
    for name, content in boot_files.items():
        (work / name).write_bytes(content)
        lab.run("mcopy", "-i", work / "boot.vfat", work / name, "::")
    with open(image, "wb") as file:
        file.truncate((16 + boot_mib + rootfs_mib + 2) * MIB)
    partition(image, LAYOUT.format(boot=boot_mib * 2048, rootfs_at=(16 + boot_mib) * 2048, rootfs=rootfs_mib * 2048,
                                   labels=labels, root_type=root_type or ROOT_TYPES[platform.machine()]))
    put(image, 16 * MIB, (work / "boot.vfat").read_bytes())
    put(image, (16 + boot_mib) * MIB, squashfs(tree))
    shutil.rmtree(work)
    return image


def squashfs(tree, *options):
    packed = Path(tempfile.mkdtemp(prefix="squashfs.")) / "packed"
    lab.run("mksquashfs", tree, packed, "-quiet", "-no-progress", "-all-root", *(options or (
        "-b", "128k", "-no-fragments", "-comp", "zstd")))
    return packed.read_bytes()


def put(image, at, content):
    """Where it is zero, the file stays a hole."""
    with open(image, "r+b") as file:
        for begin in range(0, len(content), MIB):
            piece = content[begin:begin + MIB]
            if any(piece):
                file.seek(at + begin)
                file.write(piece)
