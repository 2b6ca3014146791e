"""A real systemd as PID 1 of a container: this machine's own files below, or Debian 13's (`make_debian_13_root`), the
product on top, no virtual machine.

The container's network is a namespace of the lab. Needs root and a cgroup of its own; `probe()` says whether it can.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import units
from netlab import wait_until

# What would reach beyond the container, or has nothing to do in one.
_MASKED = ("systemd-sysctl.service", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount",
           "systemd-modules-load.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "dev-hugepages.mount",
           "dev-mqueue.mount", "systemd-timesyncd.service", "systemd-remount-fs.service", "getty.target",
           "systemd-logind.service", "systemd-pcrphase-sysinit.service")

_MOUNTS = """
hostname gw
cd "$1"
mount -t proc proc proc
mount --bind proc/sys proc/sys; mount --bind proc/sys/net proc/sys/net; mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys                  # a /sys that can be written would ask for udev
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
[ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger   # it is this machine's
mount --bind etc/atomix/cmdline proc/cmdline
mkdir run/whole-proc; mount -t proc proc run/whole-proc   # the kernel lets an app user mount what it sees all of
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm dev/net
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mknod -m 666 dev/fuse c 10 229; mknod -m 666 dev/net/tun c 10 200   # rootless containers' file systems and networks
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm
"""
_INIT = """
mkdir -p old; pivot_root . old; umount -l /old
mount --make-rshared /   # as systemd does outside containers: what is mounted later shows in the sandboxes
exec env -i container=atomix PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --log-target=journal --show-status=0 --unit=multi-user.target </dev/null >/dev/null 2>&1
"""
# The boot environment is a file here, and so are the slots. The sandbox has a /proc of its own: what the container has
# mounted over parts of it is not there.
_ATOMIXD = """[Service]
ReadWritePaths=/var/lib -/slots
BindReadOnlyPaths=/etc/atomix/cmdline:/proc/cmdline
InaccessiblePaths=-/proc/sysrq-trigger
"""
# Where services.host is "children", which it is on no product with systemd: they need what atomixd itself does not.
_CHILDREN = """[Service]
CapabilityBoundingSet=~
RestrictAddressFamilies=
SystemCallFilter=
ReadWritePaths=/etc
"""
PRODUCT_UNITS = ("atomix-firewall.service", "atomix-lan.service", "atomix-lan-link.service", "atomix-dnsmasq.service",
                 "atomix-chronyd.service", "atomixd.service")
_CGROUPS = Path("/run/cgroups")
_LOG = Path("/run/journal")


def let_atomixd_have_children(root):
    (root / "etc/systemd/system/atomixd.service.d/children.conf").write_text(_CHILDREN)


def probe():
    """Nothing, or why there can be no container here."""
    _CGROUPS.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "cgroup2", "cgroup2", _CGROUPS], capture_output=True, text=True)
    if mounted.returncode != 0:
        return "no cgroup2: " + mounted.stderr.strip()
    try:
        mine = _CGROUPS / f"atomix-{os.urandom(6).hex()}"
        mine.mkdir()
        mine.rmdir()
    except OSError as error:
        return f"no cgroup of its own: {error}"
    return "" if Path("/lib/systemd/systemd").exists() else "no systemd is installed"


def make_root(atomixd, at=Path("/run/container"), lower="/"):
    """A machine on which only the product's units are enabled."""
    root = units.overlay(at, lower)
    for directory in [root / "etc/systemd/system", root / "etc/systemd/network", *root.glob("etc/rc?.d")]:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
    (root / "etc/fstab").write_text("")
    (root / "etc/machine-id").write_text("")
    units.install_files(root, atomixd)
    units.write_command_line(root)
    document = root / "etc/atomix/device.yaml"
    document.write_text(document.read_text().replace("/etc/atomix/cmdline", "/proc/cmdline"))   # mounted there
    drop_in = root / "etc/systemd/system/atomixd.service.d"
    drop_in.mkdir()
    (drop_in / "container.conf").write_text(_ATOMIXD)
    for unit in _MASKED:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    return root


def make_debian_13_root(atomixd, at=Path("/run/container")):
    """The same of Debian 13, with podman and logind. `at`/containers is what is at /data/containers: podman's overlays
    cannot stand on this one."""
    lower = subprocess.run([units.SOURCE / "deploy/lib/debian-13-root"], stdout=subprocess.PIPE, text=True, check=True)
    root = make_root(atomixd, at, lower.stdout.strip())
    (root / "etc/systemd/system/systemd-logind.service").unlink()
    _add_libraries(root)
    units.run("systemd-sysusers", "--root", root, root / "usr/lib/sysusers.d/atomix-containers.conf")
    (root / "etc/containers/containers.conf.d").mkdir(parents=True, exist_ok=True)
    # This machine hands on no pids controller.
    (root / "etc/containers/containers.conf.d/90-test.conf").write_text("[containers]\npids_limit = 0\n")
    for directory in (at / "containers", root / "data/containers"):
        directory.mkdir()
    units.run("mount", "--bind", at / "containers", root / "data/containers")
    return root


def _add_libraries(root):
    """What this program is linked with and Debian 13 does not have. Its children shall not find them."""
    program, kept = root / "usr/bin/atomixd", root / "usr/lib/atomix/of-the-build"
    kept.mkdir()
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for line in linked.splitlines():
        name, _, path = line.strip().partition(" => ")
        if path and not any((root / "usr/lib").glob(f"*/{name}")):
            shutil.copy(path.split()[0], kept / name)
    loader = re.search(r"^\s*(/\S+/ld-linux\S+)", linked, re.M).group(1)
    program.rename(kept / "atomixd")
    program.write_text(f'#!/bin/sh\nexec {loader} --library-path /{kept.relative_to(root)} '
                       f'/{kept.relative_to(root)}/atomixd "$@"\n')
    program.chmod(0o755)


def boot(container):
    """Until it runs, for all tests of a module; they may end it and switch it on again."""
    unittest.addModuleCleanup(_end, container)
    state = container.wait_until_booted()
    if state != "running":
        raise AssertionError(f"{state}: " + container.run("systemctl", "--failed", check=False) + container.journal())


def keep_log(text):
    """`main` shows it when a test has failed."""
    _LOG.write_text(text)


def _end(container):
    keep_log(container.journal())
    container.end()


def main(run=None):
    """The tests of the program that was started, or `run`, which says how it ended."""
    if why := probe():
        print("this test needs a container: " + why, file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    if run:
        sys.exit(run())
    tests = unittest.main(verbosity=2, exit=False)
    if not tests.result.wasSuccessful() and _LOG.exists():
        print(_LOG.read_text(), file=sys.stderr)
    sys.exit(0 if tests.result.wasSuccessful() else 1)


class Container:
    """`prepare`: lines of a shell, run in the root when all is mounted and nothing is started."""

    def __init__(self, root, namespace, prepare=""):
        self.root = root
        self._namespace = namespace
        self._script = _MOUNTS + prepare + _INIT
        self.power_on()

    def power_on(self):
        self._cgroup = _CGROUPS / f"atomix-{os.urandom(6).hex()}"   # one tree for the whole machine
        self._cgroup.mkdir()
        script = f'echo $$ >{self._cgroup}/cgroup.procs; exec unshare --mount --propagation private --pid --fork ' \
                 '--kill-child --uts --ipc --cgroup bash -euc "$0" boot "$1"'
        self._launcher = self._namespace.start("bash", "-euc", script, self._script, str(self.root))
        self._pid = None

    def wait_until_booted(self):
        """What `systemctl is-system-running` says in the end."""
        self.wait_for_init()
        return self.run("systemctl", "is-system-running", "--wait", check=False).strip()

    def wait_for_init(self):
        """Until commands can be run in it."""
        self._pid = wait_until(self._init)
        assert self._pid, "the container did not start"
        assert wait_until(Path(f"/proc/{self._pid}/root/run/systemd/private").is_socket, 20), "systemd did not start"

    def run(self, *argv, check=True, limit=90):
        done = subprocess.run(["nsenter", "-t", str(self._pid), "-a", "--", *argv], capture_output=True, text=True,
                              timeout=limit, env={"PATH": os.environ["PATH"]})   # TMPDIR is this side's
        assert not check or done.returncode == 0, f"{argv}: status {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def show(self, unit, what):
        return self.run("systemctl", "show", "-P", what, unit).strip()

    def journal(self):
        return self.run("journalctl", "--no-pager", "-b", "-o", "short-monotonic", check=False)

    def has_ended(self):
        """By itself: a reboot, a power-off."""
        return self._launcher.poll() is not None

    def has_rebooted(self):
        """The kernel ends pid 1 by this signal then, with SIGINT at a power-off: reboot(2)."""
        return self._launcher.poll() in (-signal.SIGHUP, 128 + signal.SIGHUP)

    def end(self):
        """A power cut."""
        self._launcher.kill()
        self._launcher.wait()
        wait_until(lambda: "populated 0" in (self._cgroup / "cgroup.events").read_text(), 10)
        for directory, _, _ in os.walk(self._cgroup, topdown=False):
            os.rmdir(directory)

    def _init(self):
        children = Path(f"/proc/{self._launcher.pid}/task/{self._launcher.pid}/children").read_text().split()
        return int(children[0]) if children else None
