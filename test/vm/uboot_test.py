"""Our real U-Boots for QEMU (deploy/uboot): which slot they boot, what they count, what they read from the environment.

    /usr/bin/python3 -m pytest -p no:cacheprovider test/vm/uboot_test.py [-k pc | -k "not pc"]
"""
import subprocess

import pytest

from loader import MACHINES, RESETS, RETURNS, ROOT, SLOT_BYTES, Device, mark, run, shipped_script, tried
from tiny_kernel import KERNELS

FRESH = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}


def flipped(script):
    """One bit of the commands: the checksum finds it."""
    return script[:-8] + bytes([script[-8] ^ 1]) + script[-7:]


def stand_in(device, loading):
    """What deploy/sim/rules.sh, the loader of all other tests, makes of the same environment: slots tried, tries left."""
    script = """ENV_CONFIG=$1; . "$2"
boot() { tried+="$1 "; [[ $loading == *$1* ]]; }
tried= loading=$3; power_cycle boot 2>/dev/null; echo "${tried% }" """
    said = subprocess.run(["bash", "-c", script, "-", device.config, ROOT / "deploy/sim/rules.sh", loading],
                          capture_output=True, text=True, timeout=60)
    return said.stdout.strip(), device.tries()


# --- which slot, and what is counted

def test_the_first_of_the_order_boots_and_its_script_is_told_everything(device):
    device.begin(**FRESH | {"BOOT_ORDER": "B A"})
    said = device.power_cycle()
    assert mark(said) == {"slot": "B", "rauc": "boot.1", "from": "virtio:0:3", "root": "4", "env": "saved", "rescue": ""}
    assert device.tries() == "B A, 3 2"
    assert said.index("Saving Environment") < said.index("bytes read"), "the slot was touched before the save"


def test_three_boots_that_nobody_commits_lead_to_the_other_slot(device):
    device.begin(**FRESH | {"BOOT_ORDER": "B A"})
    assert [(mark(device.power_cycle())["slot"], device.tries()) for _ in range(4)] == [
        ("B", "B A, 3 2"), ("B", "B A, 3 1"), ("B", "B A, 3 0"), ("A", "B A, 2 0")]


@pytest.mark.parametrize("row", [
    "A B:3:3:AB", "B A:3:3:A", "B A:0:0:AB", "B:0:1:", "A:0:3:AB", "C x:1:1:AB", "x B:3:3:AB", "A:10:0:A", "A:zz:0:A",
    "A::0:A", ":3:3:AB", "A B:1:1:", "B B:3:3:A", "A;reset:3:3:A", 'B "$ (A:3:3:B', "-e B A:3:3:A", "A B:3:0:",
    "B:0:3:A", "A:1:3:B", "B:3:0:A", "x B x:0:2:"])
def test_the_loader_decides_as_its_stand_in_does(device, row):
    order, left_a, left_b, loading = row.split(":")
    variables = {"BOOT_ORDER": order, "BOOT_A_LEFT": left_a, "BOOT_B_LEFT": left_b, "unused": "1"}
    for slot in "AB":
        device.put(slot, RESETS if slot in loading else RETURNS)
    device.begin(**variables)
    want = stand_in(device, loading)
    device.begin(**variables)
    said = device.power_cycle()
    # What is absent the loader stores as the built-in one.
    assert (tried(said), device.tries()) == (want[0], want[1].replace("None", "A B" if not order else "3"))


@pytest.mark.parametrize("how", ["zeroed", "no boot.scr", "garbage", "cut short", "one bit", "returns"])
def test_a_slot_that_does_not_load_costs_a_try_and_the_next_boots_in_the_same_power_cycle(device, how):
    if how == "zeroed":
        device.write("A", bytes(SLOT_BYTES))
    else:
        device.put("A", RETURNS if how == "returns" else RESETS, {
            "no boot.scr": lambda script: None, "garbage": lambda script: b"reset\n" * 50,
            "cut short": lambda script: script[:80], "one bit": flipped}.get(how))
    device.begin(**FRESH)
    said = device.power_cycle()
    assert (tried(said), mark(said)["slot"], device.tries()) == ("A B", "B", "A B, 2 2")


def test_when_all_are_used_up_the_tries_come_back_and_the_order_stays(device):
    device.begin(**FRESH | {"BOOT_ORDER": "B A", "BOOT_A_LEFT": "0", "BOOT_B_LEFT": "0"})
    said = device.power_cycle()
    assert (tried(said), device.tries()) == ("", "B A, 3 3")
    assert mark(device.power_cycle())["slot"] == "B"


# --- what is read from the environment

def test_only_owned_variables_are_read_from_storage(device):
    device.begin(**FRESH, bootcmd="echo HIJACKED; reset", bootdelay="-1", devnum="7", devtype="usb", bootretry="-1",
                 atomix_pause="9999", scriptaddr="0", rauc_slot="boot.9", stdout="nulldev")
    device.put("A", 'echo "STILL ${bootdelay} ${atomix_pause} ${devtype} ${bootretry}"\n' + RESETS)
    said = device.power_cycle()
    assert "HIJACKED" not in said
    assert "STILL 0 1 virtio \n" in said
    assert mark(said)["slot"] == "A"


def test_the_mark_of_a_trial_and_a_wish_for_the_disk_outlive_the_loaders_saves(device):
    device.begin(**FRESH, ATOMIX_TRIAL="A", START_UMS="1", other="goes")
    device.power_cycle()
    device.power_cycle()
    env = device.env()
    assert (env["ATOMIX_TRIAL"], env["START_UMS"], env["BOOT_A_LEFT"]) == ("A", "1", "1")
    assert "other" not in env
    device.set(ATOMIX_TRIAL="")
    device.power_cycle()
    assert "ATOMIX_TRIAL" not in device.env()


def test_the_serial_rescue_is_for_one_boot(device):
    device.begin(**FRESH, _RUT_OH_="1")
    assert mark(device.power_cycle())["rescue"] == "1"
    assert "_RUT_OH_" not in device.env()
    assert mark(device.power_cycle())["rescue"] == ""


def test_a_serial_rescue_that_is_not_asked_for_stays_off(device):
    device.begin(**FRESH, _RUT_OH_="0")
    assert mark(device.power_cycle())["rescue"] == ""
    assert device.env()["_RUT_OH_"] == "0"


# --- the two copies

@pytest.mark.parametrize("newer", [0, 1])
def test_with_the_newer_copy_damaged_the_older_one_counts_and_both_are_good_again_later(device, newer):
    device.begin(**FRESH | {"BOOT_ORDER": "B A"})
    for _ in range(newer):
        device.set(BOOT_ORDER="B A")
    device.set(BOOT_ORDER="A B")
    latest = device.flags().index(max(device.flags()))
    device.damage(latest)
    assert mark(device.power_cycle())["slot"] == "B", "the older copy says B first"
    assert device.tries() == "B A, 3 2"
    device.damage(1 - device.flags().index(max(device.flags())))   # what was damaged has been written anew
    assert device.tries() == "B A, 3 2"


def test_with_both_copies_damaged_it_begins_with_the_defaults_and_stores_them(device):
    device.begin(**FRESH | {"BOOT_ORDER": "B", "BOOT_A_LEFT": "0", "BOOT_B_LEFT": "1"})
    device.damage(0)
    device.damage(1)
    assert device.env() == {}
    assert mark(device.power_cycle())["slot"] == "A"
    assert device.tries() == "A B, 2 3"


@pytest.mark.parametrize("flags", [(254, 255), (255, 0), (0, 255)])
def test_both_programs_agree_on_the_newer_copy_when_the_count_wraps(device, flags):
    device.begin(**FRESH)
    device.set_flags(1, 0)
    device.set(BOOT_ORDER="B A")     # into the second copy
    device.set_flags(*flags)
    order = device.env()["BOOT_ORDER"]
    assert mark(device.power_cycle())["slot"] == order[0]
    assert device.tries() == f"{order}, {'2 3' if order == 'A B' else '3 2'}"


@pytest.mark.parametrize("sectors", [0, 1, 2, 4, 6, 8, 10, 12, 14, 15, 16])
def test_a_power_cut_within_the_loaders_save_leaves_the_old_count_or_the_new_one(device, sectors):
    filler = {f"filler_{number}": "x" * 780 for number in range(10)}     # not ours: the save changes each of the 16 sectors
    device.begin(**FRESH, **filler)
    device.put("A", "while true; do sleep 1; done\n")
    old = device.flags().index(max(device.flags()))
    before = [device.copy(0), device.copy(1)]

    def written():
        pairs = zip(before[1 - old], device.copy(1 - old))
        return sum(was != now for was, now in pairs)

    def in_the_save():
        return "Saving Environment" in (device.at / "serial.log").read_text(errors="replace") and written() >= sectors

    device.power_cut(in_the_save, writes_per_s=20)
    assert written() < 16 or sectors > 10, "the save was not slow enough to be cut"
    assert device.copy(old) == before[old], "the copy that counts was touched"
    assert device.tries() == ("A B, 2 3" if written() == 16 else "A B, 3 3")
    left = int(device.env()["BOOT_A_LEFT"])
    device.put("A", RESETS)
    assert mark(device.power_cycle())["slot"] == "A"
    assert device.tries() == f"A B, {left - 1} 3"


def test_without_a_device_for_the_environment_it_boots_and_says_so(device):
    device.write("A", bytes(SLOT_BYTES))
    said = device.power_cycle(card=False)
    assert "SAVE FAILED" in said
    assert (mark(said)["slot"], mark(said)["env"]) == ("B", "failed")


# --- nobody is waited for

def test_keys_on_the_serial_line_stop_nothing(device):
    device.begin(**FRESH)
    assert mark(device.power_cycle(typed=b"\r\n \x1b[Ax\r\nreset\r\n" * 20))["slot"] == "A"


# --- the slot's own boot.scr (deploy/image/boot.cmd)

GARBAGE = bytes(range(256)) * 16
SHOWS = 'echo "ARGS ${bootargs}"\n' + RESETS     # of the slot after it: what the first one would have started with
CHANGES = {     # each but the last leaves a kernel that would start
    "cut short": lambda data: data[:-100], "one bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "longer": lambda data: data + b"\0", "empty": lambda data: b""}


def kernel_and_initrd(board):
    return {"Image": KERNELS[board] + GARBAGE, "initrd": GARBAGE}


def words_of_failed_start(device, said):
    assert (tried(said), device.tries()) == ("A B", "A B, 2 2")
    return next(line for line in said.splitlines() if line.startswith("ARGS ")).split()[1:]


@pytest.mark.parametrize("files", [{}, {"Image": GARBAGE}, {"Image": GARBAGE, "initrd": GARBAGE}], ids=", ".join)
def test_a_kernel_or_initrd_that_does_not_load_leads_to_the_other_slot(device, files):
    script = shipped_script(device.board, device.at, {"Image": GARBAGE, "initrd": GARBAGE})
    device.put_files("A", {"boot.scr": script} | files)
    device.put("B", SHOWS)
    device.begin(**FRESH)
    said = device.power_cycle()
    words = words_of_failed_start(device, said)
    assert {"rauc.slot=A", "atomix.disk=0000:00:04.0", "atomix.env=saved", "panic=10", f"console={device.console}"} <= set(words)
    assert not [word for word in words if "debug_shell" in word]
    # Whole garbage is found by its lack of a kernel's header.
    assert ("is not what was installed" in said) == (len(files) < 2)


def test_a_kernel_and_an_initrd_that_are_whole_are_started(device):
    files = kernel_and_initrd(device.board)
    device.put_files("A", {"boot.scr": shipped_script(device.board, device.at, files)} | files)
    device.begin(**FRESH)
    said = device.power_cycle()
    assert "STARTED" in said
    assert (tried(said), device.tries()) == ("A", "A B, 2 3")


@pytest.mark.parametrize("file", ["Image", "initrd"])
@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_is_not_what_was_installed_is_not_started_and_leads_to_the_other_slot(device, file, how):
    files = kernel_and_initrd(device.board)
    script = shipped_script(device.board, device.at, files)
    device.put_files("A", {"boot.scr": script} | files | {file: CHANGES[how](files[file])})
    device.begin(**FRESH)
    said = device.power_cycle()
    assert (tried(said), mark(said)["slot"], device.tries()) == ("A B", "B", "A B, 2 2")
    assert f"boot.scr: {file} is not what was installed" in said
    assert "STARTED" not in said


@pytest.mark.parametrize("how", ["whole", *CHANGES])
def test_the_rock64_starts_with_a_whole_device_tree_only(tmp_path, how):
    """Its boot.scr, by the loader that runs here: two addresses are changed to where this machine has memory."""
    arm = Device(tmp_path, "qemu-arm64")
    run(MACHINES[arm.board][0], "-M", f"virt,dumpdtb={tmp_path / 'board.dtb'}", "-cpu", "cortex-a53")
    files = kernel_and_initrd(arm.board) | {"board.dtb": (tmp_path / "board.dtb").read_bytes()}
    commands = shipped_script("rock64", tmp_path, files)[72:].decode()
    assert "ramdisk_addr_r 0x08000000" in commands
    commands = "setenv fdt_addr_r 0x47000000\n" + commands.replace("0x08000000", "0x48000000")
    if how != "whole":
        files["board.dtb"] = CHANGES[how](files["board.dtb"])
    arm.put_files("A", {"boot.scr": arm.script(commands)} | files)
    arm.begin(**FRESH)
    said = arm.power_cycle()
    assert ("STARTED" in said) == (how == "whole")
    assert ("boot.scr: board.dtb is not what was installed" in said) == (how != "whole")
    assert tried(said) == ("A" if how == "whole" else "A B")


def test_the_serial_rescue_is_a_shell_of_systemds_on_the_console(device):
    device.put_files("A", {"boot.scr": shipped_script(device.board, device.at, kernel_and_initrd(device.board))})
    device.put("B", SHOWS)
    device.begin(**FRESH, _RUT_OH_="1")
    assert {f"systemd.debug_shell={device.console}", f"systemd.mask=serial-getty@{device.console}.service"} <= set(
        words_of_failed_start(device, device.power_cycle()))
