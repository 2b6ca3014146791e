"""What test/bench's programs have in common: namespaces of their own, programs built as they are shipped, a place on
the storage to be measured."""
import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/system"))
sys.dont_write_bytecode = True

import bench_images   # noqa: E402
import bench_server   # noqa: E402
from bench_device import BenchDevice   # noqa: E402

_INSIDE = "ATOMIX_BENCH_INSIDE"


def common_arguments(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", metavar="DIR", type=Path, default=ROOT / "build/release",
                        help="a build of the release preset; brought up to date first (default: build/release)")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    return parser


def arguments(description):
    parser = common_arguments(description)
    parser.add_argument("--images", metavar="DIR", type=Path, help="old.squashfs and new.squashfs, as make-root-pair "
                        "makes them (and old.vfat, new.vfat); default: made of this machine's files")
    parser.add_argument("--place", metavar="DIR", type=Path, default=Path("/var/tmp"),
                        help="on the storage to be measured; needs 6 times the images (default: %(default)s)")
    return parser


def isolate():
    """Goes on as root in network, mount and pid namespaces of our own: test/system/isolated."""
    if os.environ.get(_INSIDE):
        return
    os.environ[_INSIDE] = "1"
    isolated = ROOT / "test/system/isolated"
    os.execv(isolated, [str(isolated), sys.executable, *sys.argv])


def programs(build, driver="atomix_install_once"):
    """The paths of the driver, atomix-index and atomixd, built as they are shipped. Outside the namespaces."""
    if not os.environ.get(_INSIDE):
        if not (build / "CMakeCache.txt").exists():
            _quietly("cmake", "--preset", "release", "-S", ROOT, "-B", build)
        _quietly("cmake", "--build", build, "--target", driver, "atomix-index", "atomixd")
    return build / "test/bench" / driver, build / "atomix-index", build / "atomixd"


def _quietly(*words):
    done = subprocess.run(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:])


class Lab:
    """Server, images, device. Bundles by name are made and offered by `offer`."""

    def __init__(self, options):
        self._left = contextlib.ExitStack()
        tempfile.tempdir = None
        os.environ["TMPDIR"] = self._left.enter_context(
            tempfile.TemporaryDirectory(prefix="atomix-bench.", dir=options.place))
        self.at = Path(os.environ["TMPDIR"])
        tempfile.tempdir = str(self.at)
        install_once, self._index, atomixd = programs(options.build)
        say("making images")
        self.images = bench_images.Images(self.at / "images", options.images, atomixd)
        self.server = bench_server.Server(self.at / "nginx")
        self._left.callback(self.server.close)
        self.device = BenchDevice(self.images, self.server, install_once)
        self._left.callback(self.device.close)
        self.bundles = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._left.close()

    def offer(self, name, make, *arguments):
        """`make` of bench_images, into a bundle that the server offers as `name`."""
        say(f"making the bundle {name}")
        self.bundles[name] = make(self.images, self.at / f"{name.replace('/', '-')}.raucb", *arguments)
        self.server.offer(name, self.bundles[name])

    def offer_ours(self, name, with_index):
        self.offer(name, bench_images.our_bundle, self._index if with_index else None)


def say(text):
    print(f"[{Path(sys.argv[0]).name}] {text}", file=sys.stderr, flush=True)
