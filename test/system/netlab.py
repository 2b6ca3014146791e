"""Network namespaces of a test's own, joined by veth pairs; all of it is gone when the test ends, however it ends.

    with NetLab() as lab:
        gateway, lan = lab.namespace("gw"), lab.namespace("lan")
        lab.veth(gateway, "eth1", lan, "lan0")
        lan.run("ip", "link", "set", "lan0", "up")
        lan.start("busybox", "udhcpc", ...)
        with lan.socket() as s: ...          # a socket of that namespace, in this process

Needs root. Names carry the process id, so that two tests can run at once.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "setns: " + os.strerror(error))


def _interrupt(number, _):
    raise KeyboardInterrupt(f"signal {number}")


class Namespace:
    def __init__(self, name):
        self.name = name
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
        if made.returncode != 0:
            sys.exit("this test needs network namespaces of its own, run it as root: " + made.stderr.strip())
        self.processes = []
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *argv, check=True, timeout=30):
        """Runs a program to its end; gives its standard output."""
        done = subprocess.run(["ip", "netns", "exec", self.name, *argv], capture_output=True, text=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)}: status {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def start(self, *argv, **options):
        """Starts a program (`ip netns exec` becomes it, so the pid is its own); the lab ends it."""
        process = subprocess.Popen(["ip", "netns", "exec", self.name, *argv], **options)
        self.processes.append(process)
        return process

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace meanwhile: sockets made then stay there."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name}", "rb") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        with self.inside():
            return socket.socket(family, kind, protocol)

    def end_processes(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        # What those left behind in this namespace of ours, such as a daemon that outlived its parent.
        left = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True).stdout.split()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


class NetLab:
    _count = 0
    _lock = threading.Lock()

    def __init__(self):
        with NetLab._lock:
            NetLab._count += 1
            self.prefix = f"atx{os.getpid()}-{NetLab._count}-"
        self.namespaces = []
        self.directory = None
        self._handlers = {}

    def __enter__(self):
        # SIGTERM becomes an exception, so that everything is left in order: the one that unittest lets through.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                self._handlers[number] = signal.signal(number, _interrupt)
        self.directory = Path(tempfile.mkdtemp(prefix="atomix-lab."))
        return self

    def __exit__(self, *_):
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)   # the cleaning itself is not to be interrupted
        for namespace in reversed(self.namespaces):
            namespace.end_processes()
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "del", namespace.name], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def namespace(self, role):
        made = Namespace(self.prefix + role)
        self.namespaces.append(made)
        return made

    def veth(self, left, left_name, right, right_name):
        """Both ends are made where they belong: no name is ever in the host's own namespace."""
        subprocess.run(["ip", "link", "add", left_name, "netns", left.name, "type", "veth", "peer", "name",
                        right_name, "netns", right.name], check=True)


def wait_until(is_so, limit=10.0, step=0.02):
    """The first true value of is_so(), or its last false one after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = is_so()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)
