"""Make every data file again from its package source, and fail on another hash.

Usage: python data/build.py [--source FOLDER]

Without --source the Debian package is fetched with `apt-get download`; with it, a folder that
holds the .deb is used and nothing is downloaded.
"""

import argparse
import hashlib
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from coursehelpers.data import recorded_hashes

HERE = Path(__file__).resolve().parent
PACKAGE = "dataset-fashion-mnist"

# Debian's reproducible builds strip the name and the time from a gzip header and keep the
# compressed body. These are the published times (seconds since 1970); with them and the name the
# files are again what was published, down to the MD5 in the package's own README.
PUBLISHED_TIME = {
    "train-images-idx3-ubyte": 1504176606,
    "train-labels-idx1-ubyte": 1504176606,
    "t10k-images-idx3-ubyte": 1504176627,
    "t10k-labels-idx1-ubyte": 1504176627,
}
GZIP_HEADER_BYTES = 10


def with_published_header(stripped, name):
    """Return a gzip file with its published header in place of the stripped one."""
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", PUBLISHED_TIME[name]) + b"\x00\x03"
    return header + name.encode() + b"\x00" + stripped[GZIP_HEADER_BYTES:]


def fetch_package(folder):
    """Download the Debian package into a folder and return its path."""
    try:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(
            f"Cannot download {PACKAGE} ({error}). On Debian run `apt-get update` first; elsewhere "
            "fetch the .deb by hand and name its folder with --source."
        )
    return find_package(folder)


def find_package(folder):
    """Return the path of the .deb in a folder."""
    packages = sorted(Path(folder).glob(f"{PACKAGE}_*.deb"))
    if not packages:
        sys.exit(f"No {PACKAGE}_*.deb in {folder}.")
    return packages[-1]


def build_fashion_mnist(package):
    """Compare the four files of Fashion-MNIST with their recorded hashes, then write them all."""
    built = {}
    with tempfile.TemporaryDirectory() as unpacked:
        try:
            subprocess.run(["dpkg-deb", "-x", str(package), unpacked], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"Cannot unpack {package} ({error}). Nothing written.")
        source = Path(unpacked, "usr/share/datasets/fashion-mnist")
        for name in PUBLISHED_TIME:
            content = with_published_header((source / f"{name}.gz").read_bytes(), name)
            target = f"fashion-mnist/{name}.gz"
            actual, expected = hashlib.sha256(content).hexdigest(), recorded_hashes(HERE)[target]
            if actual != expected:
                sys.exit(f"{target}: built SHA-256 {actual}, recorded {expected}. Nothing written.")
            built[target] = content
    for target, content in built.items():
        (HERE / target).parent.mkdir(exist_ok=True)
        (HERE / target).write_bytes(content)
        print(f"{target}: {len(content):,} bytes, as published")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, help="folder that holds the Debian package")
    source = parser.parse_args().source
    with tempfile.TemporaryDirectory() as folder:
        build_fashion_mnist(find_package(source) if source else fetch_package(folder))


if __name__ == "__main__":
    main()
