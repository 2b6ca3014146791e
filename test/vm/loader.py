"""A device that ends at its boot loader: our real U-Boot in QEMU, its environment on an SD card, two slots on a disk.

A slot's boot.scr is the test's own: it says what it was given and resets, or returns. No kernel is needed, so a power
cycle takes a few seconds. The environment is read and written from outside, by libubootenv's fw_printenv and fw_setenv.
"""
import functools
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60     # of one power cycle that ends in the loader; 1 to 3 s on an idle machine
COPIES = (0x140000, 0x142000)
COPY_BYTES = 0x2000
SLOT_BYTES = 2 << 20     # of a boot partition

SAYS = ('echo "MARK slot=${atomix_slot} rauc=${rauc_slot} from=${devtype}:${devnum}:${distro_bootpart} '
        'root=${distro_rootpart} env=${atomix_env} rescue=${atomix_rescue}"\n')
RESETS = SAYS + "reset\n"
RETURNS = SAYS

MACHINES = {
    "qemu-arm64": ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-m", "256"),
    "qemu-amd64": ("qemu-system-x86_64", "-M", "pc", "-cpu", "max", "-m", "1024"),
}
CONSOLES = {"qemu-arm64": "ttyAMA0", "qemu-amd64": "ttyS0"}


def run(*command, check=True, limit=60, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=limit, **more)
    assert not check or done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr}"
    return done


@functools.cache
def binary(board):
    """Of the cache, or built now, which takes minutes (ctest's fixture has done it)."""
    built = subprocess.run([ROOT / "deploy/uboot/build", board], stdout=subprocess.PIPE, text=True, timeout=1500)
    assert built.returncode == 0, f"deploy/uboot/build {board} failed"
    return next(file for file in Path(built.stdout.strip()).glob("u-boot.*"))


class Device:
    """boot_bytes: the size of each of its four partitions; boot-a is the first, boot-b the third."""

    def __init__(self, at, board, boot_bytes=SLOT_BYTES):
        self.at, self.board, self.boot_bytes, self.console = at, board, boot_bytes, CONSOLES[board]
        step = boot_bytes + (1 << 20)
        self.start = {"A": 1 << 20, "B": (1 << 20) + 2 * step}
        self.card, self.disk, self.config = at / "environment.img", at / "disk.img", at / "fw_env.config"
        for file, size in ((self.card, 4 << 20), (self.disk, (2 << 20) + 4 * step)):     # an SD card is a power of two
            with open(file, "wb") as image:
                image.truncate(size)
        self.config.write_text("".join(f"{self.card} {start:#x} {COPY_BYTES:#x}\n" for start in COPIES))
        (at / "nothing").write_text("")
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

    def set(self, **variables):
        """One store of exactly these on top of what is there; an empty value removes."""
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        run("fw_setenv", "-c", self.config, "-f", self.at / "nothing", "-s", "-", input=lines.encode())
        stored = self.env()
        assert {name: stored.get(name, "") for name in variables} == {n: str(v) for n, v in variables.items()}

    def begin(self, **variables):
        """Both copies hold these and nothing else."""
        self.card.write_bytes(bytes(4 << 20))
        self.set(**variables)
        self.set(**variables)

    def env(self):
        """What libubootenv makes of it; empty when no copy is good."""
        said = run("fw_printenv", "-c", self.config, "-f", "/nonexistent", check=False)
        if said.returncode != 0:
            return {}
        return dict(line.split("=", 1) for line in said.stdout.decode(errors="replace").splitlines() if "=" in line)

    def tries(self):
        """Order and counters, as one line."""
        env = self.env()
        return f"{env.get('BOOT_ORDER')}, {env.get('BOOT_A_LEFT')} {env.get('BOOT_B_LEFT')}"

    def damage(self, copy):
        with open(self.card, "r+b") as card:
            card.seek(COPIES[copy] + 16)
            inverted = bytes(byte ^ 0xFF for byte in card.read(64))
            card.seek(COPIES[copy] + 16)
            card.write(inverted)

    def flags(self):
        """The byte behind each copy's checksum: of two good copies the greater one counts, and 0 comes after 255."""
        data = self.card.read_bytes()
        return [data[start + 4] for start in COPIES]

    def set_flags(self, *flags):
        with open(self.card, "r+b") as card:
            for start, flag in zip(COPIES, flags):
                card.seek(start + 4)
                card.write(bytes([flag]))

    def power_cycle(self, card=True, typed=b"", limit=LIMIT_S):
        """From power on until the machine resets itself: what was on the serial line."""
        emulator, *machine = MACHINES[self.board]
        command = ["setpriv", "--pdeathsig", "KILL", emulator, *machine, "-bios", binary(self.board),
                   "-display", "none", "-vga", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-nic", "none",
                   "-drive", f"file={self.disk},format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk,addr=4"]
        if card:
            command += ["-drive", f"file={self.card},format=raw,if=none,id=card",
                        "-device", "sdhci-pci,addr=5", "-device", "sd-card,drive=card"]
        try:
            done = subprocess.run([str(word) for word in command], input=typed, capture_output=True, timeout=limit)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"no reset within {limit} s:\n{(late.stdout or b'').decode(errors='replace')}") from late
        said = done.stdout.decode(errors="replace").replace("\r", "")
        (self.at / "serial.log").write_text(said)
        assert done.returncode == 0, f"{emulator}: {done.stderr.decode(errors='replace')}"
        return said


def shipped_script(board, at):
    """The boot.scr of a slot as an image has it."""
    run(ROOT / "deploy/image/make-boot-script", board, at / "shipped.scr")
    return (at / "shipped.scr").read_bytes()


def tried(said):
    """The slots the loader tried, in their order."""
    return " ".join(re.findall(r"^loader: trying (\w)", said, re.M))


def mark(said):
    """What the last boot.scr that ran had been given."""
    marks = re.findall(r"^MARK (.*)$", said, re.M)
    return dict(word.split("=", 1) for word in marks[-1].split()) if marks else {}
