"""What every test of a virtual machine has: a device of its own, and its evidence when it failed."""
import os
import shutil

import pytest

import images
import loader
import machine as machines
import network as networks
from updates import check_agreed, offer, until_committed


@pytest.fixture(params=["qemu-arm64", "qemu-amd64"], ids=["arm", "pc"])
def device(request, tmp_path):
    return loader.Device(tmp_path, request.param)


@pytest.fixture
def network(tmp_path):
    made = networks.Network(tmp_path, images.KEYS)
    yield made
    made.close()


@pytest.fixture
def machine(request, tmp_path, network):
    """A device that is off and was never on."""
    made = machines.Machine(tmp_path, network, images.IMAGE, images.board(), images.IMAGE / "key")
    yield made
    report = getattr(request.node, "call_report", None)
    passed = report is not None and report.passed
    if not passed:
        made.keep_evidence()
    made.close()
    if passed:     # what failed is looked at with ./shell -t
        made.disk.unlink()


@pytest.fixture
def running(machine):
    """A device that has booted version 1.0.0 in slot A, has the seed's settings, and is well."""
    return thawed(machine, "frozen", first_boot)


@pytest.fixture
def updated(machine):
    """A running device that was updated: 1.0.0 in slot A, and 2.0.0, which was committed, in B."""
    return thawed(machine, "frozen-updated", first_update)


def thawed(machine, name, begin):
    frozen = images.IMAGE / name
    if not frozen.exists():
        begin(machine)
        into = frozen.with_name(f"{name}.{os.getpid()}")
        machine.freeze(into)
        try:
            into.rename(frozen)
        except OSError:     # another test was first
            shutil.rmtree(into)
    machine.thaw(frozen)
    return machine


def first_boot(machine):
    machine.power_on()
    machine.wait_until_well()
    machine.poll()
    machine.run_until(lambda: machine.status()["update"]["last_poll"], 60, "an update server that answers")


def first_update(machine):
    thawed(machine, "frozen", first_boot)
    offer(machine, "good", "2.0.0")
    until_committed(machine, "2.0.0")
    check_agreed(machine, "B", "2.0.0")
    machine.wait_for_login()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when != "call":
        return
    item.call_report = report
    log = item.funcargs.get("tmp_path") and item.funcargs["tmp_path"] / "serial.log"
    if report.failed and log and log.exists():
        report.sections.append(("serial line of the last power cycle", log.read_text()))
    elif report.failed and "machine" in item.funcargs:
        report.sections.append(("evidence", str(item.funcargs["tmp_path"])))
