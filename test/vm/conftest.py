"""What every test of a virtual machine has: a device of its own, and its serial log when it failed."""
import pytest

import loader


@pytest.fixture(params=["qemu-arm64", "qemu-amd64"], ids=["arm", "pc"])
def device(request, tmp_path):
    return loader.Device(tmp_path, request.param)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    log = item.funcargs.get("tmp_path") and item.funcargs["tmp_path"] / "serial.log"
    if report.when == "call" and report.failed and log and log.exists():
        report.sections.append(("serial line of the last power cycle", log.read_text()))
