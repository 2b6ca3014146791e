"""The device of a benchmark: RAUC's and ours alike, slot A with the old images and slot B spare."""
import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path

import bundles
import measure
from rauc_device import SLOTS, RaucDevice

_MIB = 1 << 20
_FRESH = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3"}
NAMES = {"boot": "boot.vfat", "rootfs": "rootfs.squashfs"}


@dataclasses.dataclass
class Installed:
    cost: measure.Cost
    slots: int                                     # bytes that reached the slots' devices, as these count
    fetched: int = 0                               # by the program's own count
    requests: list = dataclasses.field(default_factory=list)


class BenchDevice(RaucDevice):
    def __init__(self, images, server, install_once):
        self._images, self._server, self._install_once = images, server, install_once
        super().__init__(_FRESH)
        self._link = self.at / "device"
        self._link.mkdir()
        for name in SLOTS:
            (self._link / name).symlink_to(self.device(name))
        (self._link / "fw_env.config").symlink_to(self.config)
        for name in ("ca.pem", "tls-ca.pem"):
            (self._link / name).symlink_to(bundles.keys() / name)
        (self._link / "boot-files").symlink_to(images.boot_files)
        self.start_service()
        self._service = measure.Running(self.service.pid)

    def _old_bytes(self, name):
        """A slot larger than both images, all of its blocks allocated."""
        image, file = NAMES[name.split(".")[0]], self.at / name
        shutil.copyfile(self._images.of("old") / image, file)
        largest = max(self._images.size(image, version) for version in ("old", "new"))
        with open(file, "ab") as out:
            out.write(bytes(-(-largest // _MIB) * _MIB - file.stat().st_size))
        return file

    # --- the ways to install

    def by_curl_and_rauc(self, name):
        download = self.at / "download.raucb"
        self._begin()
        written = self._slot_writes()
        with self._server.requests() as requests:
            fetched, _ = measure.run("curl", "-fsS", "--cacert", bundles.keys() / "tls-ca.pem", "-o", download,
                                     self._server.url(name) + "/bundle.raucb")
        self._service.start()
        client, _ = measure.run("rauc", "install", download, environment=self._environment)
        cost = fetched + client + self._service.stop()
        download.unlink()
        return self._checked(Installed(cost, self._slot_writes() - written, download_size(requests), requests))

    def by_us(self, name):
        self._begin()
        written = self._slot_writes()
        with self._server.requests() as requests:
            cost, said = measure.run(self._install_once, self._link, self._server.url(name))
        said = json.loads(said)
        cost.peak_kib = said["peak_kib"]
        return self._checked(Installed(cost, self._slot_writes() - written, said["fetched"], requests))

    def nothing(self):
        """Our program with nothing to do."""
        cost, said = measure.run(self._install_once, self._link)
        cost.peak_kib = json.loads(said)["peak_kib"]
        return cost

    # --- before and after

    def _begin(self):
        """As a device that runs slot A and has never tried this update; the spare slot holds nothing of it."""
        shutil.rmtree(self._link / "state", ignore_errors=True)
        (self._link / "state").mkdir()
        lines = "".join(f"{key}={value}\n" for key, value in _FRESH.items()) + "ATOMIX_TRIAL=\n"
        subprocess.run(["fw_setenv", "-c", self.config, "-s", "-"], input=lines, text=True, check=True,
                       capture_output=True)
        for name in ("boot.1", "rootfs.1"):
            with open(self.device(name), "r+b") as slot:
                for at in range(0, self.files[name].stat().st_size, _MIB):
                    slot.seek(at)
                    slot.write(b"not of this update".ljust(4096, b"."))
        os.sync()

    def _checked(self, installed):
        """What was measured did its work."""
        for name in ("boot.1", "rootfs.1"):
            image = self._images.of("new") / NAMES[name.split(".")[0]]
            same = subprocess.run(["cmp", "-s", "-n", str(image.stat().st_size), image, self.device(name)])
            assert same.returncode == 0, f"{name} does not hold its image"
        assert self.env()["BOOT_ORDER"] == "B A", self.env()
        return installed

    def _slot_writes(self):
        """Bytes that the spare slot's block devices have taken."""
        total = 0
        for name in ("boot.1", "rootfs.1"):
            number = os.minor(os.stat(self.device(name)).st_rdev)
            total += int(Path(f"/sys/block/loop{number}/stat").read_text().split()[6]) * 512
        return total


def download_size(requests):
    return sum(request.sent for request in requests)
