"""Good updates of a whole device: the true boot loader, the shipped image, verity bundles over HTTPS."""
from updates import check_agreed, offer, until_committed


def test_an_update_is_committed_in_b_and_the_next_one_in_a(running):
    running.ssh("echo kept >/data/mine; sync")
    machine_id = running.ssh("cat /etc/machine-id")
    boots = running.boots
    offer(running, "good", "2.0.0")
    running.run_until(lambda: running.boots == boots + 1, 300, "a reboot into the new version")
    running.run_until(lambda: running.loaded() == "B", 60, "slot B being loaded")
    until_committed(running, "2.0.0")
    check_agreed(running, "B", "2.0.0")
    offer(running, "good", "3.0.0")
    until_committed(running, "3.0.0")
    check_agreed(running, "A", "3.0.0")
    assert running.boots == boots + 2
    assert running.ssh("cat /data/mine /etc/machine-id") == "kept\n" + machine_id
