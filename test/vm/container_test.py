"""Containers that the operator's document requires, on a whole device: Quadlet, podman and a version on trial with them."""
import shlex

import images
from device_containers import AS_APP_USER, UID, required_run
from updates import check_agreed, offer, outcome

DOCUMENT = """containers:
  container:
    web:
      privileged: true
      Container: {Image: "localhost/tiny:1", Pull: never, Exec: [/bin/sleep, "10000"]}
    app:
      privileged: false
      Container: {Image: "localhost/tiny:1", Pull: never, Exec: [/bin/sleep, "10000"]}
activation: {required: [web, app]}
"""
# An image of the device's own busybox, and of nothing from a network.
IMPORT = """mkdir -p /run/tiny/bin
cp "$(readlink -f "$(command -v busybox)")" /run/tiny/bin/sleep
tar -C /run/tiny -c bin >/run/tiny.tar
podman import /run/tiny.tar localhost/tiny:1"""
MODES = {"web": "rootful", "app": "rootless"}


def as_app_user(machine, *argv):
    return machine.ssh(shlex.join((*AS_APP_USER, *argv)))


def containers(machine):
    return required_run(machine.status(), MODES)


def manager(machine):
    return machine.ssh(f"systemctl show -P ActiveState user@{UID}.service").strip()


def test_a_version_is_committed_with_the_operators_required_containers_running(running):
    running.ssh(IMPORT)
    assert manager(running) == "inactive"     # for nobody's containers
    text = (images.IMAGE / "seed/atomix.yaml").read_text() + DOCUMENT
    running.ssh("cat >/data/config/atomix.yaml && systemctl restart atomixd", stdin=text)
    running.run_until(lambda: manager(running) == "active", 180, "the app user's manager")
    as_app_user(running, "podman", "import", "/run/tiny.tar", "localhost/tiny:1")
    running.run_until(lambda: containers(running), 300, "two running containers")
    running.wait_until_well()
    offer(running, "good", "2.0.0")
    at_commit = []

    def committed():
        is_committed = outcome(running, "last_commit") == "2.0.0"
        if is_committed and not at_commit:
            at_commit.append(containers(running))
        return is_committed

    running.run_until(committed, 600, "a commit of 2.0.0")
    assert at_commit == [True]
    check_agreed(running, "B", "2.0.0")
    assert "web" in running.ssh("podman ps --format '{{.Names}}'")
    assert "app" in as_app_user(running, "podman", "ps", "--format", "{{.Names}}")
