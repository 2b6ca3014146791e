"""Power cuts while an update is on its way: each time a good slot boots, and the device ends on the new version.

    VM_CUTS=20 ../system/isolated /usr/bin/python3 -m pytest -p no:cacheprovider power_test.py     # more of them
"""
import os
import time

import pytest

import images
from updates import check_agreed, offer, outcome, until_committed

VERSION = "2.0.0"
CUTS = int(os.environ.get("VM_CUTS", "3"))


def phase(machine):
    return ((machine.status() or {}).get("update") or {}).get("phase")


def share_done(machine):
    update = (machine.status() or {}).get("update") or {}
    return update.get("done_bytes", 0) / (update.get("total_bytes") or 1)


# An update from its offer on: what is waited for, with a limit.
def until_downloading(machine, share):
    machine.run_until(lambda: share_done(machine) >= share or machine.boots > machine.began, 300, f"{share:.0%} of the update")


def until_reset(machine):
    machine.wait_for_reset(300)
    machine.power_on()


def until_seconds_into_the_first_boot(machine, seconds):
    until_reset(machine)
    time.sleep(seconds)


def until_trial(machine, seconds):
    until_reset(machine)
    machine.run_until(lambda: (machine.status() or {}).get("slot") == "B", 300, "slot B's atomixd")
    time.sleep(seconds)


def points(count):
    """Spread over install, activation, first boot and trial."""
    stages = [lambda machine, at: until_downloading(machine, at),
              lambda machine, at: until_seconds_into_the_first_boot(machine, at * 60),
              lambda machine, at: until_trial(machine, at * 30)]
    names = ["install", "first boot", "trial"]
    for number in range(count):
        stage, place = number % len(stages), (number // len(stages) + 0.5) / -(-count // len(stages))
        yield pytest.param(stages[stage], place, id=f"{names[stage]} {place:.0%}")


@pytest.mark.parametrize("until, at", points(CUTS))
def test_after_a_power_cut_the_device_ends_on_the_new_version(running, until, at):
    running.began = running.boots
    offer(running, "good", VERSION)
    until(running, at)
    running.power_on()
    running.run_until(lambda: running.is_well(), 400, "a device that is well after the cut")
    if outcome(running, "last_commit") != VERSION and running.status()["slot"] == "A":
        running.poll()
    until_committed(running, VERSION)
    check_agreed(running, "B", VERSION)
    assert running.ssh("cat /data/config/atomix.yaml") == (images.IMAGE / "seed/atomix.yaml").read_text()
