"""The data files, how they are read, and how they are made again."""

import gzip
import hashlib
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from coursehelpers import data
from coursehelpers.data import (
    FASHION_MNIST_CLASSES,
    DataError,
    data_folder,
    load_fashion_mnist,
    recorded_hashes,
)

DATA = Path(__file__).resolve().parents[1] / "data"
FILES = [
    f"fashion-mnist/{part}-{kind}-ubyte.gz"
    for part in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
]


@pytest.fixture(scope="module")
def fashion_mnist():
    return load_fashion_mnist()


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of the data folder, from which the loaders read."""
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    monkeypatch.setattr(data, "data_folder", lambda: folder)
    return folder


def flip_a_byte(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


# --- Data files ---------------------------------------------------------------------------------


def test_fashion_mnist_has_the_published_shapes_and_ten_balanced_classes(fashion_mnist):
    assert len(FASHION_MNIST_CLASSES) == len(set(FASHION_MNIST_CLASSES)) == 10
    for (x, y), per_class in zip(fashion_mnist, (6_000, 1_000), strict=True):
        assert x.shape == (10 * per_class, 28, 28)
        assert y.shape == (10 * per_class,)
        assert x.dtype == y.dtype == np.uint8
        assert (x.min(), x.max()) == (0, 255)
        assert np.bincount(y).tolist() == [per_class] * 10


def test_fashion_mnist_is_the_callers_to_change(fashion_mnist):
    for pair in fashion_mnist:
        for array in pair:
            assert array.flags.writeable
            assert array.flags.owndata


def test_fashion_mnist_images_look_like_their_labels(fashion_mnist):
    # A wrong offset or order of the axes would move the photos away from their labels. The
    # nearest class mean is right for two photos in three; by chance it would be one in ten.
    (x, y), (x_test, y_test) = fashion_mnist
    means = np.stack([x[y == label].mean(axis=0).ravel() for label in range(10)])
    photos = x_test[:1000].reshape(1000, -1).astype(float)
    distances = (means**2).sum(axis=1) - 2 * photos @ means.T
    assert (distances.argmin(axis=1) == y_test[:1000]).mean() > 0.6
    # Swapped axes would lay the trousers on their side: they reach over more rows than columns.
    trouser = means[FASHION_MNIST_CLASSES.index("Trouser")].reshape(28, 28) > 64
    assert trouser.any(axis=1).sum() > 1.5 * trouser.any(axis=0).sum()


def test_data_folder_is_the_one_of_the_checkout():
    assert data_folder() == DATA


def test_data_folder_nowhere_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "__file__", str(tmp_path / "coursehelpers" / "data.py"))
    with pytest.raises(DataError, match=r"No data folder beside .*Reinstall.*clone"):
        data_folder()


def test_table_lists_every_file_with_its_size_and_hash():
    hashes = recorded_hashes()
    assert hashes == recorded_hashes(DATA) == recorded_hashes(str(DATA))
    files = {p.relative_to(DATA).as_posix() for p in DATA.rglob("*") if p.is_file()}
    assert set(hashes) == files - {"README.md", "build.py"} == set(FILES)

    rows = re.findall(r"^\| `([^`]+)` \| ([0-9,]+) \|", (DATA / "README.md").read_text(), re.M)
    sizes = {name: int(size.replace(",", "")) for name, size in rows}
    for name, expected in hashes.items():
        content = (DATA / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == expected
        assert sizes[name] == len(content)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_an_error_that_names_it_and_the_remedy(copied_data, name):
    (copied_data / name).unlink()
    with pytest.raises(DataError) as caught:
        load_fashion_mnist()
    message = str(caught.value)
    assert str(copied_data / name) in message
    assert "missing" in message
    assert "git checkout -- data" in message
    assert "python data/build.py" in message


@pytest.mark.parametrize("name", FILES)
def test_damaged_file_is_an_error_that_names_it_both_hashes_and_the_remedy(copied_data, name):
    flip_a_byte(copied_data / name, position=-1)
    with pytest.raises(DataError) as caught:
        load_fashion_mnist()
    message = str(caught.value)
    assert str(copied_data / name) in message
    assert recorded_hashes(DATA)[name] in message
    assert hashlib.sha256((copied_data / name).read_bytes()).hexdigest() in message
    assert "git checkout -- data" in message
    assert "python data/build.py" in message


# --- data/build.py ------------------------------------------------------------------------------


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
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("*.gz"))
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
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.gz"))


def assert_all_identical(folder):
    assert written(folder) == sorted(FILES)
    for name in FILES:
        assert (folder / name).read_bytes() == (DATA / name).read_bytes()


def test_build_makes_identical_files_from_the_package(empty_data, debian_package):
    # One file is there already and damaged: it is written anew.
    damaged = empty_data / FILES[-1]
    damaged.write_bytes(b"damaged")
    result = build(empty_data, "--source", debian_package.parent)
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

    result = build(empty_data, "--source", tmp_path)
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
    result = build(empty_data, PATH=f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    assert result.returncode == 0, result.stderr
    assert_all_identical(empty_data)


def test_build_says_what_to_do_without_a_download(empty_data, tmp_path):
    result = build(empty_data, PATH=str(tmp_path))
    assert result.returncode != 0
    assert result.stderr.startswith("Cannot download dataset-fashion-mnist")
    assert "--source" in result.stderr
    assert written(empty_data) == []


def test_build_names_a_source_without_a_package(empty_data, tmp_path):
    result = build(empty_data, "--source", tmp_path / "nowhere")
    assert result.returncode != 0
    assert result.stderr == f"No dataset-fashion-mnist_*.deb in {tmp_path / 'nowhere'}.\n"


def test_build_names_a_package_that_does_not_unpack(empty_data, tmp_path):
    package = tmp_path / "dataset-fashion-mnist_0_all.deb"
    package.write_bytes(b"no archive")
    result = build(empty_data, "--source", tmp_path)
    assert result.returncode != 0
    assert f"Cannot unpack {package}" in result.stderr
    assert "Traceback" not in result.stderr
    assert written(empty_data) == []
