"""Versions that are broken in one thing: each is left, with a reason, and the device serves as before."""
import pytest

from updates import check_agreed, offer, until_rolled_back

REASONS = {"unhealthy": "dnsmasq", "false": "", "refuses": "document", "unit-missing": "ssh.service"}


@pytest.mark.parametrize("kind", REASONS)
def test_a_version_that_starts_and_is_unfit_is_rolled_back_with_a_reason(running, kind):
    offer(running, kind, "2.0.0")
    assert REASONS[kind] in until_rolled_back(running, "2.0.0")
    check_agreed(running, "A", "1.0.0")
    assert "2.0.0" in running.status()["update"]["rejected"]


# One that does not load costs one power cycle, one that the loader starts and that does not come up costs three.
@pytest.mark.parametrize("kind, cycles", [("panics", 4), ("zeroed", 4), ("fstab", 4), ("truncated", 1)])
def test_a_version_that_does_not_come_up_costs_its_tries_and_the_old_one_is_back(running, kind, cycles):
    boots = running.boots
    offer(running, kind, "2.0.0")
    until_rolled_back(running, "2.0.0", 900)
    check_agreed(running, "A", "1.0.0")
    assert running.boots == boots + cycles
