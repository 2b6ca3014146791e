"""A whole device in QEMU: our U-Boot, an image of deploy/image, two interfaces, a disk, a card for the boot environment and
a watchdog. A reset of the guest's is an exit of QEMU's; the next power cycle is a new QEMU.

A machine can be frozen into files and thawed any number of times: a device that has booted is there within seconds.
"""
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from environment import Environment, run
from network import GW_LAN

DISK_BYTES = 4 << 30
MACHINES = {
    # Tables of five levels, which "max" has, cost a fifth of a boot: each miss of QEMU's own address cache walks one more.
    # And with its virtualization the kernel loads KVM.
    "qemu-amd64": ("qemu-system-x86_64", "-M", "pc", "-cpu", "max,-la57,-svm"),
    "qemu-arm64": ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53"),
}
PATIENCE = {"qemu-amd64": 1, "qemu-arm64": 4}     # times each limit of what the guest does: another processor is slower
# Addresses on the PCI bus: platform/qemu/*.link know the interfaces by them, deploy/image/boot/*.cmd the disk.
WAN, LAN, DISK, CARD, WATCHDOG = 2, 3, 4, 5, 6


class Machine(Environment):
    """`image`: a folder made by deploy/image/build. `at`: a folder for what the machine keeps, and its evidence."""

    def __init__(self, at, network, image, board, key):
        super().__init__(at)
        self.network, self.image, self.board, self.key = network, image, board, key
        self.disk, self.boots, self.process = at / "disk.qcow2", 0, None
        self.sockets = Path(tempfile.mkdtemp(prefix="vm."))     # the kernel wants short paths
        self.console = self.sockets / "console"
        if not self.disk.exists():
            run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image / f"atomixos-13-{board}.img",
                self.disk, DISK_BYTES)

    # --- power

    def power_on(self, thaw=None, clock="utc"):
        """Ends what runs, as a power cut does. `clock`: utc, or a date and time."""
        self.power_off()
        self.boots += 1
        self.log = self.at / f"serial-{self.boots}.log"
        emulator, *machine = MACHINES[self.board]
        taps = {side: self.network.tap(side) for side in ("wan", "lan")}
        command = ["setpriv", "--pdeathsig", "KILL", emulator, *machine, "-smp", "1", "-m", "1024",
                   "-bios", next(self.image.glob("u-boot.*")), "-display", "none", "-vga", "none", "-nodefaults",
                   "-no-reboot", "-rtc", f"base={clock}",
                   "-chardev", f"socket,id=serial,path={self.console},server=on,wait=off,logfile={self.log}",
                   "-serial", "chardev:serial",
                   "-monitor", f"unix:{self.sockets}/monitor,server=on,wait=off",
                   "-drive", f"file={self.disk},format=qcow2,if=none,id=disk",
                   "-device", f"virtio-blk-pci,drive=disk,addr={DISK}",
                   "-drive", f"file={self.card},format=raw,if=none,id=card",
                   "-device", f"sdhci-pci,addr={CARD}", "-device", "sd-card,drive=card",
                   "-device", f"i6300esb,addr={WATCHDOG}", "-action", "watchdog=reset"]
        for side, address in (("wan", WAN), ("lan", LAN)):
            command += ["-netdev", f"tap,id={side},fd={taps[side]}",
                        "-device", f"virtio-net-pci,netdev={side},addr={address},romfile=,mac=52:54:00:00:00:0{address}"]
        if thaw:
            command += ["-incoming", f"exec:cat {thaw}"]
        with (self.at / "qemu.log").open("ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, pass_fds=tuple(taps.values()))
        for tap in taps.values():
            os.close(tap)

    def power_off(self):
        """A power cut."""
        if self.process is not None:
            self._end_session()
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def overwrite(self, start, length):
        """A stretch of the disk, with zeros, while the power is off."""
        self._on_disk(f"write -P 0 {start} {length}")

    def is_zero(self, start, length):
        return "Pattern verification failed" not in self._on_disk(f"read -P 0 {start} {length}")

    def wait_for_reset(self, limit):
        """Until the guest has reset itself, or has been reset by the watchdog."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no reset within {limit} s; the serial line's end:\n{self.serial()[-3000:]}") from None
        assert status == 0, f"QEMU ended with {status}: {(self.at / 'qemu.log').read_text()}"
        self._end_session()
        self.process = None

    def run_until(self, condition, limit, what):
        """Power cycles whenever the guest resets itself, until the condition holds. Gives its value."""
        limit *= PATIENCE[self.board]
        end = time.monotonic() + limit
        while True:
            value = condition()
            if value:
                return value
            if self.process.poll() is not None:
                self.wait_for_reset(1)
                self.power_on()
            assert time.monotonic() < end, f"not within {limit} s: {what}; the serial line's end:\n{self.serial()[-3000:]}"
            time.sleep(0.5)

    # --- frozen devices

    def freeze(self, into):
        """All of the running machine; it ends here."""
        into.mkdir(parents=True)
        # QEMU keeps nothing of what this controller was told by PCI: it is unplugged meanwhile.
        self.ssh(f"echo 1 >/sys/bus/pci/devices/0000:00:{CARD:02x}.0/remove")
        self._end_session()
        self._monitor("stop")
        self._monitor(f"migrate -d \"exec:cat >{into}/memory\"")
        end = time.monotonic() + 120
        while "completed" not in (said := self._monitor("info migrate")):
            assert "failed" not in said and time.monotonic() < end, said
            time.sleep(0.2)
        self.power_off()
        for file in (self.disk, self.card):
            run("cp", "--sparse=always", file, into / file.name)

    def thaw(self, frozen):
        """Goes on where the other one was frozen. Both have the same image at the same place."""
        self.power_off()
        for file in (self.disk, self.card):
            run("cp", "--sparse=always", frozen / file.name, file)
        self.power_on(thaw=frozen / "memory")
        end = time.monotonic() + 60
        while "inmigrate" in (said := self._monitor("info status")):
            assert time.monotonic() < end, said
            time.sleep(0.1)
        self._monitor("cont")
        self.wait_for_login("echo 1 >/sys/bus/pci/rescan")
        self.run_until(lambda: self.ssh("fw_printenv", check=False).returncode == 0, 30, "the environment's card")

    # --- questions

    def serial(self):
        """What was on the serial line since power on."""
        said = self.log.read_bytes() if self.log.exists() else b""     # QEMU makes it when it starts
        return said.decode(errors="replace").replace("\r", "")

    def loaded(self):
        """The slots that the loader tried since power on, in their order."""
        return " ".join(re.findall(r"^loader: trying (\w)", self.serial(), re.M))

    def status(self):
        return self.network.status()

    def ssh(self, command, check=True, timeout=180, stdin=""):
        """As root, from a host on the LAN, by the seed's key; over one connection as long as it holds."""
        done = subprocess.run(self.ssh_command(command), input=stdin, capture_output=True, text=True,
                              timeout=timeout * PATIENCE[self.board])
        assert not check or done.returncode == 0, f"{command}: {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout if check else done

    def wait_for_login(self, command="true", limit=120):
        self.run_until(lambda: self.ssh(command, check=False).returncode == 0, limit, "a login by SSH")

    def is_well(self):
        """Its status, when every probe of its last round holds: the condition takes two rounds to get better, 10 min."""
        status = self.status()
        probes = status["health"]["probes"] if status else []
        return status if probes and all(probe["good"] for probe in probes if probe["required"]) else None

    def wait_until_well(self, limit=600):
        return self.run_until(self.is_well, limit, "a device that is well")

    def poll(self):
        """What the device does by itself within 5 min of a boot, and every hour."""
        self.ssh("systemctl kill --kill-whom=main -s HUP atomixd")

    def keep_evidence(self):
        """The journal of a device that still answers, beside the serial logs and the environment."""
        with contextlib.suppress(Exception):
            (self.at / "status.json").write_text(self.network.get("/api/v1/status") or "")
        with contextlib.suppress(Exception):
            (self.at / "journal").write_text(self.ssh("journalctl --no-pager -b", timeout=90))
        (self.at / "environment").write_text("".join(f"{name}={value}\n" for name, value in self.env().items()))

    def close(self):
        self.power_off()
        shutil.rmtree(self.sockets)

    # --- parts

    def ssh_command(self, command, *more):
        return ["ip", "netns", "exec", "lan", "ssh", *self._ssh_options(), *more, f"root@{GW_LAN}", command]

    def _ssh_options(self):
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR",
                   "ConnectTimeout=60", "ControlMaster=auto", f"ControlPath={self.sockets}/ssh", "ControlPersist=300",
                   "ServerAliveInterval=15", "ServerAliveCountMax=12",
                   "KexAlgorithms=curve25519-sha256")     # the default one's arithmetic takes seconds here
        return ["-F", "/dev/null", "-i", str(self.key), *(word for option in options for word in ("-o", option))]

    def _on_disk(self, command):
        done = run("qemu-io", "-f", "qcow2", "-c", command, self.disk, check=False)
        said = (done.stdout + done.stderr).decode()
        assert f"{command.split()[-1]}/{command.split()[-1]} bytes" in said or "failed" in said, said
        return said

    def _end_session(self):
        if (self.sockets / "ssh").exists():
            subprocess.run(["ssh", "-F", "/dev/null", "-o", f"ControlPath={self.sockets}/ssh", "-O", "exit", "nobody"],
                           capture_output=True, timeout=20)

    def _monitor(self, command, limit=30):
        """One command of QEMU's monitor; what it says."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(limit)
            end = time.monotonic() + 10
            while True:
                try:
                    monitor.connect(str(self.sockets / "monitor"))
                    break
                except (FileNotFoundError, ConnectionRefusedError):
                    assert time.monotonic() < end and self.process.poll() is None, (self.at / "qemu.log").read_text()
                    time.sleep(0.05)
            self._until_prompt(monitor)
            monitor.sendall(command.encode() + b"\n")
            return self._until_prompt(monitor)

    @staticmethod
    def _until_prompt(monitor):
        said = b""
        while not said.endswith(b"(qemu) "):
            piece = monitor.recv(65536)
            if not piece:
                break
            said += piece
        return said.decode(errors="replace")
