"""The first boot of an image as it was written to a disk."""
import images
from updates import check_agreed


def test_a_new_device_makes_its_partitions_takes_its_seed_and_is_well(running):
    assert running.ssh("ls /dev/atomix").split() == ["boot-a", "boot-b", "data", "disk", "rootfs-a", "rootfs-b"]
    mounts = {line.split()[1]: line.split() for line in running.ssh("cat /proc/mounts").splitlines()}
    assert (mounts["/"][2], mounts["/data"][2]) == ("overlay", "f2fs")
    assert mounts["/boot"][:3] == ["/dev/atomix/boot-a", "/boot", "vfat"]
    assert running.ssh("cat /data/config/atomix.yaml") == (images.IMAGE / "seed/atomix.yaml").read_text()
    check_agreed(running, "A", "1.0.0")
    assert running.ssh("passwd -S root").split()[1] == "L"
    assert running.ssh("systemctl --failed --no-legend --plain") == ""
