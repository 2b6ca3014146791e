"""A container that the operator's document requires, on a whole device: Quadlet, podman and a version on trial with it."""
import images
from updates import check_agreed, offer, outcome

DOCUMENT = """containers:
  container:
    web:
      privileged: true
      Container: {Image: "localhost/tiny:1", Pull: never, Exec: [/bin/sleep, "10000"]}
activation: {required: [web]}
"""
# An image of the device's own busybox, and of nothing from a network.
IMPORT = """mkdir -p /run/tiny/bin
cp "$(readlink -f "$(command -v busybox)")" /run/tiny/bin/sleep
tar -C /run/tiny -c bin | podman import - localhost/tiny:1"""


def container(machine):
    known = (machine.status() or {}).get("containers", {}).get("known", {}).get("web", {})
    return {"unit": "active", "state": "running", "mode": "rootful", "required": True}.items() <= known.items()


def test_a_version_is_committed_with_the_operators_required_container_running(running):
    running.ssh(IMPORT)
    text = (images.IMAGE / "seed/atomix.yaml").read_text() + DOCUMENT
    running.ssh("cat >/data/config/atomix.yaml && systemctl restart atomixd", stdin=text)
    running.run_until(lambda: container(running), 180, "a running container")
    running.wait_until_well()
    offer(running, "good", "2.0.0")
    at_commit = []

    def committed():
        is_committed = outcome(running, "last_commit") == "2.0.0"
        if is_committed and not at_commit:
            at_commit.append(container(running))
        return is_committed

    running.run_until(committed, 600, "a commit of 2.0.0")
    assert at_commit == [True]
    check_agreed(running, "B", "2.0.0")
    assert "web" in running.ssh("podman ps --format '{{.Names}}'")
