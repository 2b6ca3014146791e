#!/usr/bin/env python3
"""The behaviour of both service hosts (service_host_test.cpp), inside a container whose PID 1 is a real systemd.

    isolated python3 service_host_test.py      $ATOMIXD and $SERVICE_HOST_TEST are the built programs
"""

import os
import sys

import systemd_container
import units
from netlab import NetLab


def main():
    with NetLab() as lab:
        root = systemd_container.make_root(os.environ["ATOMIXD"])
        units.run("cp", os.environ["SERVICE_HOST_TEST"], root / "usr/bin/service_host_test")
        container = systemd_container.Container(root, lab.namespace("gw"))
        try:
            assert container.wait_until_booted() == "running", container.journal()
            said = container.run("systemd-run", "--quiet", "--wait", "--pipe", "--collect",
                                 "/usr/bin/service_host_test", *sys.argv[1:], check=False, limit=240)
            print(said)
            passed = "Status: SUCCESS!" in said and "test cases:  0" not in said
            if not passed:
                print(container.journal(), file=sys.stderr)
            return 0 if passed else 1
        finally:
            container.end()


if __name__ == "__main__":
    systemd_container.main(main)
