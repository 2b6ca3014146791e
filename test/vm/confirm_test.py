"""What a version on trial is committed by: everything required, for a whole window, and nothing else."""
from updates import check_agreed, offer, outcome, until_rolled_back

WINDOW_S = 20     # times.sh


def begin_trial(machine, kind="good"):
    offer(machine, kind, "2.0.0")
    machine.run_until(lambda: (machine.status() or {}).get("slot") == "B", 300, "slot B's atomixd")


def test_a_version_is_committed_only_after_a_window_in_which_all_holds(running):
    begin_trial(running)
    assert outcome(running, "last_commit") is None
    assert running.env()["ATOMIX_TRIAL"] == "B"
    ages = []

    def committed():
        update = (running.status() or {}).get("update") or {}
        ages.append(update.get("trial_s") or 0)
        return update.get("last_commit")

    running.run_until(committed, 300, "a commit")
    assert max(ages) >= WINDOW_S - 5, ages     # the last look at it was at most a round before its end
    check_agreed(running, "B", "2.0.0")


def test_a_service_that_ends_within_the_window_takes_the_version_back(running):
    begin_trial(running, "brief")
    running.wait_for_login()
    running.ssh("systemctl stop atomix-dnsmasq.service; systemctl mask --runtime atomix-dnsmasq.service")
    assert until_rolled_back(running, "2.0.0").startswith("dns")     # the probe or the service, whichever is told first
    check_agreed(running, "A", "1.0.0")


def test_a_spoiled_record_of_the_trial_leaves_a_good_slot_and_no_trial(running):
    begin_trial(running)
    running.wait_for_login()
    running.ssh("echo '{' >/data/state/update.json; sync; systemctl kill -s KILL atomixd")
    running.run_until(lambda: "ATOMIX_TRIAL" not in running.env() and running.is_well(), 600, "a device out of its trial")
    status = running.status()
    check_agreed(running, status["slot"], status["version"])
    assert status["update"]["problems"] or status["slot"] == "A"
