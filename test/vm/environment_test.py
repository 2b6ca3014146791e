"""The boot environment between Linux and the loader: each variable that the loader may read, stored from within the device.

    ../system/isolated /usr/bin/python3 -m pytest -p no:cacheprovider environment_test.py
"""


def test_what_linux_stores_for_the_loader_counts_at_the_next_boot_and_nothing_else_does(running):
    stored = {"BOOT_ORDER": "B A", "BOOT_A_LEFT": "2", "BOOT_B_LEFT": "1", "ATOMIX_TRIAL": "B", "START_UMS": "0", "_RUT_OH_": "1",
              "bootcmd": "echo HIJACKED; reset"}
    # One store for all of them, and no atomixd that would refill a counter.
    running.ssh("systemctl stop atomixd && fw_setenv -s -", stdin="".join(f"{name}={value}\n" for name, value in stored.items()))
    assert stored.items() <= running.env().items()
    running.ssh("systemctl reboot", check=False)
    running.wait_for_reset(120)
    running.power_on()
    # B is empty: the first boot of a device has made its partition.
    running.run_until(lambda: "loader: trying A, 1 left, save saved" in running.serial(), 60, "the loader trying A")
    assert "loader: trying B, 0 left, save saved" in running.serial()
    assert "HIJACKED" not in running.serial()
    env = running.env()
    assert {name: env.get(name) for name in stored} == stored | {
        "BOOT_A_LEFT": "1", "BOOT_B_LEFT": "0", "_RUT_OH_": None, "bootcmd": env["bootcmd"]}
    assert env["bootcmd"].startswith("run atomix_board")
    running.wait_for_login(limit=240)
    words = running.ssh("cat /proc/cmdline").split()
    assert {"rauc.slot=A", "systemd.debug_shell=ttyS0", "atomix.env=saved"} <= set(words)
    assert "atomix.trial=A" not in words
    running.run_until(lambda: running.env()["BOOT_A_LEFT"] == "3", 180, "atomixd refilling the counter")
    assert "ATOMIX_TRIAL" not in running.env()
