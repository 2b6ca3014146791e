"""The boot environment of a machine in QEMU, on an SD card of its own, read and written from outside by libubootenv's
fw_printenv and fw_setenv while the machine is off, or read while it runs."""
import subprocess

COPIES = (0x140000, 0x142000)     # deploy/uboot/qemu-*.fw_env.config
COPY_BYTES = 0x2000
CARD_BYTES = 4 << 20              # a card is a power of two


def run(*command, check=True, limit=60, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=limit, **more)
    assert not check or done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr}"
    return done


class Environment:
    def __init__(self, at):
        self.at, self.card, self.config = at, at / "environment.img", at / "fw_env.config"
        if not self.card.exists():
            self.card.write_bytes(bytes(CARD_BYTES))
        self.config.write_text("".join(f"{self.card} {start:#x} {COPY_BYTES:#x}\n" for start in COPIES))
        (at / "nothing").write_text("")

    def set(self, **variables):
        """One store of exactly these on top of what is there; an empty value removes."""
        lines = "".join(f"{name}={value}\n" for name, value in variables.items())
        run("fw_setenv", "-c", self.config, "-f", self.at / "nothing", "-s", "-", input=lines.encode())
        stored = self.env()
        assert {name: stored.get(name, "") for name in variables} == {n: str(v) for n, v in variables.items()}

    def begin(self, **variables):
        """Both copies hold these and nothing else."""
        self.card.write_bytes(bytes(CARD_BYTES))
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

    def copy(self, number):
        """Of the environment, by sectors."""
        data = self.card.read_bytes()[COPIES[number]:COPIES[number] + COPY_BYTES]
        return [data[start:start + 512] for start in range(0, COPY_BYTES, 512)]

    def flags(self):
        """The byte behind each copy's checksum: of two good copies the greater one counts, and 0 comes after 255."""
        data = self.card.read_bytes()
        return [data[start + 4] for start in COPIES]

    def set_flags(self, *flags):
        with open(self.card, "r+b") as card:
            for start, flag in zip(COPIES, flags):
                card.seek(start + 4)
                card.write(bytes([flag]))
