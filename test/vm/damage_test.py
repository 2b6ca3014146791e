"""A device that lost something: a slot, its tries, its data or its clock. It comes back without help and says what is missing.

    ../system/isolated /usr/bin/python3 -m pytest -p no:cacheprovider damage_test.py
"""
import time
import unittest

from network import GW_LAN
from updates import check_agreed, offer, outcome

MIB = 1 << 20
BOOT_A = 16 * MIB     # deploy/image/build


def test_with_boot_a_overwritten_the_other_slot_serves_after_one_power_cycle(updated):
    updated.power_off()
    updated.overwrite(BOOT_A, 4 * MIB)
    updated.set(BOOT_ORDER="A B")
    updated.power_on()
    updated.wait_until_well()
    assert updated.loaded() == "A B"
    status = updated.status()
    assert (status["slot"], status["version"]) == ("B", "2.0.0")


def test_with_all_tries_used_up_they_come_back_and_the_order_stays(updated):
    updated.power_off()
    boots = updated.boots
    updated.set(BOOT_A_LEFT="0", BOOT_B_LEFT="0")
    updated.power_on()
    updated.wait_for_reset(60)
    assert "every slot of the order is used up" in updated.serial()
    assert updated.tries() == "B A, 3 3"
    updated.power_on()
    updated.wait_until_well()
    check_agreed(updated, "B", "2.0.0")
    assert updated.boots == boots + 2


def test_with_data_overwritten_the_lan_is_served_by_the_default_and_nothing_is_formatted(updated):
    start = int(updated.ssh("cat /sys/class/block/$(basename $(readlink /dev/atomix/data))/start")) * 512
    updated.power_off()
    updated.overwrite(start, 4 * MIB)
    updated.power_on()
    status = updated.run_until(updated.status, 300, "a status page")
    assert (status["slot"], status["version"]) == ("B", "2.0.0")
    updated.run_until(lambda: not probe(updated, "data_writable")["good"], 120, "a probe that misses the data")
    assert any("/data" in problem for problem in updated.status()["update"]["problems"]), updated.status()["update"]
    updated.network.sides().check_dhcp_dns_ntp(unittest.TestCase(), GW_LAN)
    updated.power_off()
    assert updated.is_zero(start, 4 * MIB)


def test_with_a_clock_at_1970_the_time_comes_from_the_network_and_the_update_server_is_reached(updated):
    before = updated.status()["update"]["last_poll"]
    updated.power_on(clock="1970-01-01T00:00:00")
    updated.wait_until_well()
    updated.run_until(lambda: abs(int(updated.ssh("date +%s")) - time.time()) < 60, 120, "the time")
    offer(updated, "good", "2.0.0")     # what it has
    updated.run_until(lambda: updated.status()["update"]["last_poll"] not in (None, before), 120, "a poll")
    update = updated.status()["update"]
    assert (update["error"], outcome(updated, "last_commit")) == (None, "2.0.0")
    check_agreed(updated, "B", "2.0.0")


def probe(machine, name):
    status = machine.status() or {"health": {"probes": []}}
    return next((each for each in status["health"]["probes"] if each["probe"] == name), {"good": True})
