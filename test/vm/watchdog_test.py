"""A version on trial whose kernel or init hangs is reset by the watchdog, which the loader counts, until the other slot boots.

Debian's own kernel and the shipped initrd on QEMU's arm64, started by our U-Boot and boot.scr. Its init is the shipped one up
to where it has armed the watchdog (i6300esb), which gives it seconds instead of minutes; there is no system behind it. What
it does on a whole device is in hang_test.py, on a PC.

    /usr/bin/python3 -m pytest -p no:cacheprovider test/vm/watchdog_test.py     (root: deploy/image/base-root needs it)
"""
import subprocess
from pathlib import Path

import pytest

from images import armed_init, limited_init, with_init
from loader import ROOT, Device, run, shipped_script, tried
from tiny_kernel import KERNELS

LIMIT_S = 240     # of a boot that hangs; some 15 s on an idle machine
TRIAL_S = 5       # what the watchdog gives: init itself needs a second of it
HANGS = {
    "kernel": "echo 'going to hang' >/dev/kmsg; echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger",
    "init": "echo 'going to hang' >/dev/kmsg; while :; do sleep 60; done",
}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Kernel and initrd as an image of this board has them."""
    made = subprocess.run([ROOT / "deploy/image/base-root", "--boot", "arm64"], stdout=subprocess.PIPE, text=True, timeout=900)
    assert made.returncode == 0, "deploy/image/base-root --boot arm64 failed"
    base = Path(made.stdout.strip())
    initrd = tmp_path_factory.mktemp("shipped") / "initrd"
    run(ROOT / "deploy/image/make-initrd", base, ROOT / "platform/qemu/modules", initrd, limit=300)
    return next(base.glob("boot/vmlinuz-*")).read_bytes(), initrd.read_bytes()


@pytest.mark.parametrize("what", HANGS)
def test_a_version_on_trial_that_hangs_is_reset_until_its_tries_are_used_up_and_left(tmp_path, shipped, what):
    arm = Device(tmp_path, "qemu-arm64", boot_bytes=64 << 20, parts=("-device", "i6300esb", "-action", "watchdog=reset"))
    kernel, initrd = shipped
    init = armed_init(HANGS[what], limited_init(TRIAL_S))
    slots = {"A": {"Image": KERNELS[arm.board], "initrd": b"none"},
             "B": {"Image": kernel, "initrd": with_init(initrd, init, tmp_path)}}
    for slot, files in slots.items():
        arm.put_files(slot, {"boot.scr": shipped_script(arm.board, tmp_path, files)} | files)
    arm.begin(BOOT_ORDER="B A", BOOT_A_LEFT="3", BOOT_B_LEFT="3", ATOMIX_TRIAL="B")
    for left in (2, 1, 0):
        said = arm.power_cycle(limit=LIMIT_S)
        assert (tried(said), arm.tries(), arm.env()["ATOMIX_TRIAL"]) == ("B", f"B A, 3 {left}", "B")
        assert f"initrd: a trial: the watchdog gives it {TRIAL_S} s" in said
        assert "going to hang" in said
        assert ("sysrq triggered crash" in said, "rebooting" in said.lower()) == (what == "kernel", False)
    said = arm.power_cycle()
    assert (tried(said), arm.tries()) == ("A", "B A, 2 0")
    assert "STARTED" in said
