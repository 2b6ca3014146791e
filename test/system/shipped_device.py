"""A device that runs the shipped root file system in a container: slots, boot environment and /data outlive a boot, the
loader's rules pick a slot, a short initrd mounts it as the real one does, and the slot's own systemd is PID 1.

    with Device() as device:
        device.power_on()
        device.run_until(lambda: ..., 60, "what is waited for")     # a reboot is followed on the way

Run under ./isolated: names are the test's own, all files are memory, and the kernel tidies up.
"""
import http.client
import json
import os
import subprocess
import time
from pathlib import Path

import shipped_images
import units
from lan_client import WAN_HOST, Sides
from loop_device import LoopDevice
from netlab import Namespace, NetLab
from shipped_images import IMAGE, KEYS
from systemd_container import Container
from update_server import UpdateServer
from wan_servers import serve_the_wan

GW_LAN, LAN_HOST = "172.20.30.1", "172.20.30.2"
OPEN_BY_WISH = 80   # on the LAN
OPERATOR = f"""version: 1
network:
  ntp: {{servers: [{WAN_HOST}]}}
  firewall: {{inbound: {{lan: {{tcp: [{OPEN_BY_WISH}]}}}}}}
os_upgrade: {{server_url: "https://{WAN_HOST}"}}
"""
RULES = units.SOURCE / "deploy/sim/rules.sh"
_MIB = 1 << 20
_SIZES = {"boot-a": 128 * _MIB, "boot-b": 128 * _MIB, "rootfs-a": 1024 * _MIB, "rootfs-b": 1024 * _MIB, "card": 4 * _MIB}
_COPIES = (0x140000, 0x142000)   # deploy/uboot/qemu-amd64.fw_env.config

# What would show and change this machine's kernel; all else is skipped by systemd itself or does no harm.
MASKED = ("sys-kernel-debug.mount", "sys-kernel-tracing.mount")
_DROP_INS = {
    # A sandbox has a /proc of its own, without what is mounted over files of the container's.
    "atomixd.service": "[Service]\nBindReadOnlyPaths=/etc/atomix/cmdline:/proc/cmdline\n"
                       "BindReadOnlyPaths=/run/boot-id:/proc/sys/kernel/random/boot_id\n"
                       "InaccessiblePaths=-/proc/sysrq-trigger\n",
    "atomix-chronyd.service": "[Service]\nEnvironment=CHRONYD_OPTIONS=-x\n",   # the clock is this machine's
    # The rest of /proc/sys is this machine's, and read-only.
    "systemd-sysctl.service": "[Service]\nExecStart=\nExecStart=/usr/lib/systemd/systemd-sysctl --prefix=/net\n",
}


class _Lab(NetLab):
    """The update server wants the names as they are."""

    def namespace(self, role):
        made = Namespace(role)
        self.namespaces.append(made)
        return made


class Device:
    def __enter__(self):
        self.lab = _Lab().__enter__()
        self.at = Path("/run/device")
        for name in ("data", "mnt"):
            (self.at / name).mkdir(parents=True)
        self.boots, self.slot, self.container = 0, None, None
        self.sides = Sides(self.lab, wan_is_dhcp=True)
        self.sides.lan.run("ip", "address", "add", f"{LAN_HOST}/24", "dev", "lan0")
        self.server = UpdateServer(KEYS / "server.pem", KEYS / "server.key")
        serve_the_wan(self.sides.wan, "wan0", self.at)
        self._parts = {name: self._make_part(name, size) for name, size in _SIZES.items()}
        self._make_environment()
        self._write_what_the_operator_stored()
        return self

    def __exit__(self, *_):
        self.power_off()
        self.server.stop()
        for part in self._parts.values():
            part.close()
        self.lab.__exit__()

    # --- power

    def power_on(self):
        """Until systemd runs, which may take power cycles more."""
        self._reset_network()
        for _ in range(8):
            self.slot = self._load()
            self.boots += 1
            if self._mount():
                break
        self._write_what_a_boot_finds()
        self.container = Container(self._root, self.sides.gw, self._prepare())
        self.container.wait_for_init()

    def power_off(self):
        """As a power cut does."""
        if self.container:
            self.container.end()
            self.container = None
            for name in ("root/boot", "root/data", "root", "memory", "lower"):
                subprocess.run(["umount", "-l", self._mounts / name], check=False, stderr=subprocess.DEVNULL)

    def run_until(self, is_so, limit, what):
        """Starts it again when it reboots. Its first true value."""
        end = time.monotonic() + limit
        while True:
            if self.container.has_ended():
                assert self.container.has_rebooted(), f"the system ended, and not by a reboot, before {what}"
                self.power_off()
                self.power_on()
            if value := is_so():
                return value
            assert time.monotonic() < end, f"not within {limit} s: {what}\n{self.evidence()}"
            time.sleep(0.1)

    # --- questions

    def env(self):
        """The boot variables, or nothing when no copy is good."""
        done = subprocess.run(["fw_printenv", "-c", self._env_config, "-f", "/nonexistent"], capture_output=True, text=True,
                              timeout=20)
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line) if done.returncode == 0 else {}

    def status(self):
        """What a host on the LAN is told, or nothing while it is not."""
        with self.sides.lan.inside():
            connection = http.client.HTTPConnection(GW_LAN, 8080, timeout=5)
            try:
                connection.request("GET", "/api/v1/status")
                answer = connection.getresponse()
                return json.loads(answer.read()) if answer.status == 200 else None
            except (OSError, http.client.HTTPException):
                return None
            finally:
                connection.close()

    def update(self):
        return (self.status() or {}).get("update", {})

    def run(self, *argv, check=True):
        return self.container.run(*argv, check=check)

    def poll(self):
        self.run("systemctl", "kill", "--signal=HUP", "--kill-whom=main", "atomixd.service")

    def journal(self, boot=None):
        """Of any boot: it is kept here, as nothing of it outlives one on the device."""
        return subprocess.run(["journalctl", "--no-pager", "-o", "short-monotonic", "-D", self._journal(boot or self.boots)],
                              capture_output=True, text=True).stdout

    def evidence(self, lines=80):
        return f"boot {self.boots}, slot {self.slot}, environment {self.env()}\nstatus {self.update()}\n" + \
            "\n".join(self.journal().splitlines()[-lines:]) + "\n"

    # --- the parts of a device

    def _make_part(self, name, size):
        shipped = {"boot-a": "boot.vfat", "rootfs-a": "rootfs.squashfs"}.get(name)
        if shipped:
            units.run("cp", "--sparse=always", IMAGE / shipped, self.at / name)
        with open(self.at / name, "ab") as file:
            file.truncate(size)
        return LoopDevice(self.at / name)

    def _node(self, name):
        return self._parts[name].node

    def _make_environment(self):
        self._env_config = self.at / "fw_env.config"
        self._env_config.write_text("".join(f"{self._node('card')} {start:#x} 0x2000\n" for start in _COPIES))
        (self.at / "nothing").write_text("")
        for _ in _COPIES:
            subprocess.run(["fw_setenv", "-c", self._env_config, "-f", self.at / "nothing", "-s", "-"], text=True, check=True,
                           input="BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n", capture_output=True)

    def _write_what_the_operator_stored(self):
        config = self.at / "data/config"
        (config / "ssh-authorized-keys").mkdir(parents=True)
        (config / "ssh-authorized-keys/root").write_bytes((IMAGE / "seed/authorized_keys").read_bytes())
        (config / "atomix.yaml").write_text(OPERATOR)

    # --- a boot

    def _reset_network(self):
        """A reboot leaves nothing of the old system in the kernel."""
        gw = self.sides.gw
        gw.run("nft", "flush", "ruleset")
        for link in ("eth0", "eth1"):
            gw.run("ip", "address", "flush", "dev", link)
            gw.run("ip", "link", "set", link, "down")
        gw.run("ip", "rule", "flush", "priority", "1000")

    def _load(self):
        """The slot that the loader's rules pick, after they saved what they count."""
        script = """ENV_CONFIG=$1; . "$2"; device=$3
            boot() { ! cmp -s -n 512 "$device/boot-${1,,}.device" /dev/zero && echo "$1"; }
            power_cycle boot || power_cycle boot"""
        done = subprocess.run(["bash", "-c", script, "loader", self._env_config, RULES, self.at], capture_output=True,
                              text=True)
        assert done.stdout.strip() in ("A", "B"), "no slot loads: " + done.stderr
        return done.stdout.strip()

    def _mount(self):
        """The initrd's part; false where that would reboot."""
        label = self.slot.lower()
        self._mounts = self.at / f"mnt/{self.boots}"
        for name in ("lower", "memory", "root"):
            (self._mounts / name).mkdir(parents=True)
        self._root = root = self._mounts / "root"
        if subprocess.run(["mount", "-t", "squashfs", "-o", "ro", self._node("rootfs-" + label), self._mounts / "lower"],
                          capture_output=True).returncode != 0:
            return False
        units.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self._mounts / "memory")
        for name in ("upper", "work"):
            (self._mounts / "memory" / name).mkdir()
        units.run("mount", "-t", "overlay", "-o", f"lowerdir={self._mounts}/lower,upperdir={self._mounts}/memory/upper,"
                  f"workdir={self._mounts}/memory/work", "overlay", root)
        units.run("mount", "--bind", self.at / "data", root / "data")
        units.run("mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", root / "boot")
        shipped_images.copy_boot_files(self._node("boot-" + label), root / "boot")
        return True

    def _write_what_a_boot_finds(self):
        kept = self.at / "data/state/machine-id"
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            kept.write_text(os.urandom(16).hex() + "\n")
        (self._root / "etc/machine-id").write_text(kept.read_text())
        trial = self.env().get("ATOMIX_TRIAL")
        (self._root / "etc/atomix/cmdline").write_text(
            f"rauc.slot={self.slot}" + (f" atomix.trial={trial}" if trial else "") + " panic=10\n")
        self._journal(self.boots).mkdir(parents=True)

    def _journal(self, boot):
        return self.at / f"journal/{boot}"

    def _prepare(self):
        lines = ["cat /proc/sys/kernel/random/uuid >run/boot-id",
                 "mount --bind run/boot-id proc/sys/kernel/random/boot_id",
                 f"mkdir -p run/log/journal; mount --bind {self._journal(self.boots)} run/log/journal",
                 ": >run/atomix-initrd; mkdir -p run/systemd/system dev/atomix"]
        # This machine hands on no pids controller.
        lines.append("printf '[containers]\\npids_limit = 0\\n' >etc/containers/containers.conf.d/90-test.conf")
        for name in _SIZES:
            number = os.stat(self._node(name)).st_rdev
            node = "mmcblk0" if name == "card" else "atomix/" + name
            lines.append(f"mknod -m 600 dev/{node} b {os.major(number)} {os.minor(number)}")
        for unit in MASKED:
            lines.append(f"ln -s /dev/null run/systemd/system/{unit}")
        for unit, text in _DROP_INS.items():
            lines.append(f"mkdir run/systemd/system/{unit}.d; cat >run/systemd/system/{unit}.d/container.conf <<'EOF'\n"
                         f"{text}EOF")
        return "\n".join(lines)
