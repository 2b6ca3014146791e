"""The prompt of ./shell."""
import argparse
import cmd
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty
from pathlib import Path

import images
import machine as machines
import network as networks
from updates import offer

LEAVE = b"\x1d"     # Ctrl-]


class Shell(cmd.Cmd):
    intro = "The device is off: \"on\" starts it, \"help\" lists what there is, Ctrl-] leaves the serial line."
    prompt = "vm> "

    def __init__(self, machine):
        super().__init__()
        self.machine = machine

    def do_on(self, _):
        """on: a power cycle, and then the serial line"""
        self.machine.power_on()
        self.do_console("")

    def do_cut(self, _):
        """cut: a power cut"""
        self.machine.power_off()

    def do_console(self, _):
        """console: the serial line; Ctrl-] comes back here. A login needs "set _RUT_OH_=1" before "on"."""
        if self.machine.process is None:
            return print("the device is off")
        with socket.socket(socket.AF_UNIX) as line:
            while self.machine.process.poll() is None and not self.machine.console.exists():
                time.sleep(0.05)     # QEMU has just been started
            line.connect(str(self.machine.console))
            print(self.machine.serial(), end="", flush=True)
            saved = termios.tcgetattr(sys.stdin)
            tty.setraw(sys.stdin)
            try:
                _join(line)
            finally:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
        if self.machine.process.poll() is not None:
            print("\nthe device has reset itself: \"on\" is the next power cycle")

    def do_ssh(self, words):
        """ssh [COMMAND]: as root, from a host on the LAN, by the seed's key"""
        subprocess.run(self.machine.ssh_command(words or "bash -l", "-t"))

    def do_status(self, _):
        """status: what the status page says"""
        print(json.dumps(self.machine.status(), indent=1))

    def do_env(self, _):
        """env: the boot environment, read from outside"""
        for name, value in self.machine.env().items():
            if name.isupper():
                print(f"{name}={value}")

    def do_set(self, words):
        """set NAME=VALUE…: into the boot environment, while the device is off; an empty value removes"""
        if self.machine.process is not None:
            return print("cut the power first: two writers at once would spoil it")
        self.machine.set(**dict(word.split("=", 1) for word in words.split()))

    def do_offer(self, words):
        """offer KIND VERSION: an update to a running device; kinds are images.py's: good, unhealthy, panics, …"""
        kind, version = words.split()
        offer(self.machine, kind, version)

    def do_freeze(self, name):
        """freeze NAME: all of the running device, into a file of --keep's; it is off then"""
        self.machine.freeze(self.machine.at / "frozen" / name)

    def do_thaw(self, name):
        """thaw NAME: goes on where it was frozen; without a name, with the device that the tests begin with"""
        self.machine.thaw(self.machine.at / "frozen" / name if name else images.IMAGE / "frozen")

    def do_quit(self, _):
        """quit: the end"""
        return True

    do_EOF = do_quit

    def onecmd(self, line):
        try:
            return super().onecmd(line)
        except (AssertionError, ValueError, OSError, subprocess.SubprocessError) as error:
            print(error)


def _join(line):
    while True:
        ready, _, _ = select.select([line, sys.stdin], [], [])
        if line in ready:
            said = line.recv(4096)
            if not said:
                return
            os.write(1, said)
        if sys.stdin in ready:
            typed = os.read(0, 1024)
            if LEAVE in typed:
                return
            line.sendall(typed)


def main():
    parser = argparse.ArgumentParser(prog="shell", description=__doc__)
    parser.add_argument("-t", dest="test", help="a folder that a failed test left")
    parser.add_argument("--keep", type=Path, help="the device's folder")
    asked = parser.parse_args()
    if not images.IMAGE.exists():
        sys.exit(f"{images.IMAGE} is not there: ctest --test-dir build/dev -R '^vm: image$' makes it")
    at = asked.keep or Path(tempfile.mkdtemp(prefix="vm-shell."))
    at.mkdir(parents=True, exist_ok=True)
    network = networks.Network(at, images.KEYS)
    machine = machines.Machine(at, network, images.IMAGE, images.board(), images.IMAGE / "key")
    try:
        if asked.test:
            left = images.IMAGE.parent / asked.test
            for file in (machine.disk, machine.card):
                shutil.copy(left / file.name, file)
        Shell(machine).cmdloop()
    finally:
        machine.close()
        network.close()
        if not asked.keep:
            shutil.rmtree(at)


main()
