"""Good updates of a whole device: the true boot loader, the shipped image, verity bundles over HTTPS."""
import images
from updates import check_agreed, offer, outcome, until_committed


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


def test_an_update_fetches_only_what_changed_between_two_images(running):
    offer(running, "delta", "2.0.0")
    seen = []

    def committed():
        update = (running.status() or {}).get("update") or {}
        seen.append((update.get("done_bytes") or 0, update.get("fetched_bytes") or 0))
        return outcome(running, "last_commit") == "2.0.0"

    running.run_until(committed, 600, "a commit of 2.0.0")
    check_agreed(running, "B", "2.0.0")
    done, fetched = max(seen)
    assert done > images.IMAGE.joinpath("rootfs.squashfs").stat().st_size / 2, "the installation was not seen near its end"
    assert fetched < done / 10, (fetched, done)
