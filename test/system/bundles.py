"""Small bundles by the real `rauc bundle`, and the ways to spoil them. Keys and bundles are made once per process."""
import functools
import os
import random
import struct
import subprocess
import tempfile
from pathlib import Path

import lab

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 4096
ROOTFS = 3 * 1024 * 1024


@functools.cache
def _place():
    return Path(tempfile.mkdtemp(prefix="bundles."))


@functools.cache
def keys():
    lab.run(ROOT / "deploy/bundle/make-keys", _place() / "keys", lab.WAN_ADDRESS)
    return _place() / "keys"


def images(version, rootfs_size=ROOTFS):
    """Images of random bytes that begin with their version: what the harness's boot loader shows as os-release."""
    return _made_images(version, rootfs_size)


@functools.cache
def _made_images(version, rootfs_size):
    place = _place() / f"images-{version}"
    place.mkdir()
    noise = random.Random(version)
    for name, size in (("boot.vfat", 512 * 1024), ("rootfs.squashfs", rootfs_size)):
        (place / name).write_bytes(f"version={version}\n".encode().ljust(BLOCK, b".") + noise.randbytes(size - BLOCK))
    return place


@functools.cache
def bundle(version, signer="signing", compatible="atomix-sim", index=None, rootfs_size=ROOTFS):
    out = _place() / f"{version}-{signer}-{compatible}-{index}-{rootfs_size}.raucb"
    release = [] if index is None else ["--index", str(index)]
    lab.run(ROOT / "deploy/bundle/make-bundle", images(version, rootfs_size), out,
            "--version", version, "--compatible", compatible,
            "--cert", keys() / "signing.pem", "--key", keys() / "signing.key", *release)
    return out if signer == "signing" else resigned(out, signer=signer)


def parts(path):
    """(payload, hash tree offset, CMS) of a bundle: docs/bundle-format.md."""
    content = Path(path).read_bytes()
    size = struct.unpack(">Q", content[-8:])[0]
    payload, cms = content[:-8 - size], content[-8 - size:-8]
    tree_size = int(_manifest_of(cms).split("verity-size=")[1].split()[0])
    return payload, len(payload) - tree_size, cms


def resigned(path, signer="signing", change=lambda manifest: manifest):
    """The same payload under a manifest that was changed, signed by one of the keys."""
    payload, _, cms = parts(path)
    certificate = keys() / f"{signer}.pem"
    new = subprocess.run(
        ["openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-outform", "DER", "-md", "sha256",
         "-signer", certificate, "-inkey", certificate.with_suffix(".key")],
        input=change(_manifest_of(cms)).encode(), capture_output=True, check=True).stdout
    return _write(payload + new + struct.pack(">Q", len(new)))


def changed(path, change):
    """The bundle's bytes after `change(bytearray)`."""
    content = bytearray(Path(path).read_bytes())
    change(content)
    return _write(bytes(content))


def _manifest_of(cms):
    done = subprocess.run(["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-binary"], input=cms,
                          capture_output=True, check=True)
    return done.stdout.decode()


def _write(content):
    handle, name = tempfile.mkstemp(suffix=".raucb", dir=_place())
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return Path(name)
