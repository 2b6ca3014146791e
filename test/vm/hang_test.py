"""A device that hangs is reset by its watchdog, which the loader counts; a version on trial that hangs is left.

    ../system/isolated /usr/bin/python3 -m pytest -p no:cacheprovider hang_test.py
"""
from updates import check_agreed, offer, until_rolled_back


def test_a_kernel_that_hangs_is_reset_and_the_device_comes_back(running):
    assert running.status()["watchdog"]["armed"]
    running.ssh("sysctl -qw kernel.panic=0; (sleep 2; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &")
    running.wait_for_reset(120)
    assert running.env()["BOOT_A_LEFT"] == "3"
    running.power_on()
    running.run_until(lambda: running.env()["BOOT_A_LEFT"] == "2", 30, "a boot that is counted")
    running.wait_until_well()
    check_agreed(running, "A", "1.0.0")


def test_a_version_whose_init_hangs_is_reset_three_times_and_left(running):
    boots = running.boots
    offer(running, "hangs", "2.0.0")
    until_rolled_back(running, "2.0.0", 1800)
    assert running.boots == boots + 4
    check_agreed(running, "A", "1.0.0")
