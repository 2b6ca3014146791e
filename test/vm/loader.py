"""A device that ends at its boot loader: our real U-Boot in QEMU, its environment on an SD card, two slots on a disk.

A slot's boot.scr is the test's own: it says what it was given and resets, or returns. No kernel is needed, so a power
cycle takes a few seconds. The environment is read and written from outside, by libubootenv's fw_printenv and fw_setenv.
"""
import functools
import re
import subprocess
import time
from pathlib import Path

from environment import Environment, run

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60     # of one power cycle that ends in the loader; 1 to 3 s on an idle machine
SLOT_BYTES = 2 << 20     # of a boot partition

SAYS = ('echo "MARK slot=${atomix_slot} rauc=${rauc_slot} from=${devtype}:${devnum}:${distro_bootpart} '
        'root=${distro_rootpart} env=${atomix_env} rescue=${atomix_rescue}"\n')
RESETS = SAYS + "reset\n"
RETURNS = SAYS

MACHINES = {
    "qemu-arm64": ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-m", "256"),
    "qemu-amd64": ("qemu-system-x86_64", "-M", "pc", "-cpu", "max,-la57", "-m", "1024"),
}
CONSOLES = {"qemu-arm64": "ttyAMA0", "qemu-amd64": "ttyS0"}


@functools.cache
def binary(board):
    """Of the cache, or built now, which takes minutes (ctest's fixture has done it)."""
    built = subprocess.run([ROOT / "deploy/uboot/build", board], stdout=subprocess.PIPE, text=True, timeout=1500)
    assert built.returncode == 0, f"deploy/uboot/build {board} failed"
    return next(file for file in Path(built.stdout.strip()).glob("u-boot.*"))


class Device(Environment):
    """boot_bytes: the size of each of its four partitions; boot-a is the first, boot-b the third."""

    def __init__(self, at, board, boot_bytes=SLOT_BYTES, parts=()):
        super().__init__(at)
        self.parts = parts     # more arguments of QEMU's
        self.board, self.boot_bytes, self.console = board, boot_bytes, CONSOLES[board]
        step = boot_bytes + (1 << 20)
        self.start = {"A": 1 << 20, "B": (1 << 20) + 2 * step}
        self.disk = at / "disk.img"
        with open(self.disk, "wb") as image:
            image.truncate((2 << 20) + 4 * step)
        table = "label: gpt\n" + "".join(
            f"start={((1 << 20) + number * step) // 512}, size={boot_bytes // 512}, name={name}\n"
            for number, name in enumerate(("boot-a", "rootfs-a", "boot-b", "rootfs-b")))
        run("/sbin/sfdisk", "--quiet", self.disk, input=table.encode())
        self.put("A", RESETS)
        self.put("B", RESETS)

    def put(self, slot, commands, spoil=None):
        """A boot partition whose boot.scr runs these commands; `spoil` changes that file's bytes."""
        script = self.script(commands)
        if spoil:
            script = spoil(script)
        self.put_files(slot, {} if script is None else {"boot.scr": script})

    def put_files(self, slot, files):
        """A boot partition with these, {name: bytes}."""
        partition, file = self.at / "boot.vfat", self.at / "file"
        with open(partition, "wb") as image:
            image.truncate(self.boot_bytes)
        run("/sbin/mkfs.vfat", "--invariant", "-i", "41746f6d", partition)
        for name, data in files.items():
            file.write_bytes(data)
            run("mcopy", "-o", "-i", partition, file, f"::{name}")
        self.write(slot, partition.read_bytes())

    def script(self, commands):
        text, image = self.at / "boot.cmd", self.at / "boot.scr"
        text.write_text(commands)
        run("mkimage", "-A", "arm64", "-T", "script", "-d", text, image)
        return image.read_bytes()

    def write(self, slot, data):
        """These bytes where the slot's boot partition begins."""
        with open(self.disk, "r+b") as disk:
            disk.seek(self.start[slot])
            disk.write(data)

    def command(self, card=True, card_options=""):
        emulator, *machine = MACHINES[self.board]
        command = ["setpriv", "--pdeathsig", "KILL", emulator, *machine, "-bios", binary(self.board),
                   "-display", "none", "-vga", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-nic", "none",
                   "-drive", f"file={self.disk},format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk,addr=4", *self.parts]
        if card:
            command += ["-drive", f"file={self.card},format=raw,if=none,id=card{card_options}",
                        "-device", "sdhci-pci,addr=5", "-device", "sd-card,drive=card"]
        return [str(word) for word in command]

    def power_cycle(self, card=True, typed=b"", limit=LIMIT_S):
        """From power on until the machine resets itself: what was on the serial line."""
        try:
            done = subprocess.run(self.command(card), input=typed, capture_output=True, timeout=limit)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"no reset within {limit} s:\n{(late.stdout or b'').decode(errors='replace')}") from late
        said = done.stdout.decode(errors="replace").replace("\r", "")
        (self.at / "serial.log").write_text(said)
        assert done.returncode == 0, f"QEMU: {done.stderr.decode(errors='replace')}"
        return said

    def power_cut(self, when, writes_per_s):
        """From power on until when() is true, and off at once; each sector written to the card takes a while."""
        with (open(self.at / "serial.log", "wb") as log,
              subprocess.Popen(self.command(card_options=f",throttling.iops-write={writes_per_s}"),
                               stdin=subprocess.DEVNULL, stdout=log) as emulator):
            over = time.monotonic() + LIMIT_S
            try:
                while not when():
                    assert emulator.poll() is None, "the machine was reset before its power was cut"
                    assert time.monotonic() < over, f"not within {LIMIT_S} s"
                    time.sleep(0.002)
            finally:
                emulator.kill()


def shipped_script(board, at, files):
    """The boot.scr of a slot as an image with these, {name: bytes}, has it."""
    slot = at / "shipped"
    slot.mkdir(exist_ok=True)
    for name, data in files.items():
        (slot / name).write_bytes(data)
    run(ROOT / "deploy/image/make-boot-script", board, slot / "boot.scr", slot)
    return (slot / "boot.scr").read_bytes()


def tried(said):
    """The slots the loader tried, in their order."""
    return " ".join(re.findall(r"^loader: trying (\w)", said, re.M))


def mark(said):
    """What the last boot.scr that ran had been given."""
    marks = re.findall(r"^MARK (.*)$", said, re.M)
    return dict(word.split("=", 1) for word in marks[-1].split()) if marks else {}
