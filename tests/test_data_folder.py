"""How a folder of photos becomes training, validation and test parts, and what is told about it."""

import os
import re
import tempfile
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from coursehelpers.data import (
    DataError,
    load_image_folder,
    scan_image_folder,
)

properties = settings(derandomize=True, deadline=None, max_examples=60)
PARTS = ("train", "validation", "test")


def files(root, *names):
    """Files with an image's ending and bytes of their own, which is all that listing asks for."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def photos(root, *names):
    """Photos in a grey of their own."""
    for grey, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 10), (grey, grey, grey)).save(path)
    return root


def three_parts(root, make=files, classes=("cat", "dog"), validation="validation"):
    folders = ("train", validation, "test")
    return make(root, *(f"{part}/{c}/{part}.png" for part in folders for c in classes))


def two_classes(root, make=files, count=20):
    return make(root, *(f"{name}/{i:02}.png" for name in ("cat", "dog") for i in range(count)))


def listed(found, root):
    """The paths of each part relative to the folder."""
    return {
        name: [path.relative_to(root).as_posix() for path in part.paths]
        for name, part in zip(PARTS, found.parts, strict=True)
    }


def skipped(found, root):
    return {path.relative_to(root).as_posix(): reason for path, reason in found.skipped}


# --- Layouts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("validation", ["validation", "val", "valid", "Val", "VALIDATION"])
def test_parts_are_the_folders(tmp_path, validation):
    root = three_parts(tmp_path, validation=validation)
    found = scan_image_folder(str(root))
    assert listed(found, root) == {
        "train": ["train/cat/train.png", "train/dog/train.png"],
        "validation": [f"{validation}/{c}/{validation}.png" for c in ("cat", "dog")],
        "test": ["test/cat/test.png", "test/dog/test.png"],
    }
    assert found.class_names == ("cat", "dog")
    assert (found.skipped, found.duplicates) == ((), ())
    for part in found.parts:
        assert (part.y.tolist(), part.y.dtype) == ([0, 1], np.int64)


def test_folder_of_classes_is_split_class_by_class_with_sorted_names(tmp_path):
    root = files(tmp_path, *(f"{c}/{i}.jpg" for c in "bAc" for i in range(20)))
    found = scan_image_folder(root, validation=0.2, test=0.1)
    assert found.class_names == ("A", "b", "c")
    assert [np.bincount(part.y).tolist() for part in found.parts] == [[14] * 3, [4] * 3, [2] * 3]
    for part in found.parts:
        assert list(part.paths) == sorted(part.paths)
        assert [path.parent.name for path in part.paths] == ["Abc"[label] for label in part.y]


@pytest.mark.parametrize("there", ["validation", "test"])
def test_part_without_a_folder_is_drawn_from_train(tmp_path, there):
    root = files(two_classes(tmp_path / "train").parent, f"{there}/cat/a.png", f"{there}/dog/b.png")
    found = scan_image_folder(root, validation=0.25, test=0.25)
    counts = {"train": 30, "validation": 10, "test": 10, there: 2}
    assert {name: len(paths) for name, paths in listed(found, root).items()} == counts
    assert listed(found, root)[there] == [f"{there}/cat/a.png", f"{there}/dog/b.png"]


def test_share_of_zero_leaves_a_part_empty(tmp_path):
    found = scan_image_folder(two_classes(tmp_path), validation=0, test=0)
    assert [len(part.y) for part in found.parts] == [40, 0, 0]
    assert found.test.paths == ()
    assert found.test.y.dtype == np.int64


def test_nested_folders_belong_to_the_class_at_the_top(tmp_path):
    root = three_parts(tmp_path)
    files(root, "train/cat/2024/summer/1.png", "train/cat/2023/1.png")
    assert listed(scan_image_folder(root), root)["train"] == [
        "train/cat/2023/1.png",
        "train/cat/2024/summer/1.png",
        "train/cat/train.png",
        "train/dog/train.png",
    ]


def test_class_may_be_called_like_a_part(tmp_path):
    root = files(tmp_path, *(f"{name}/{i}.png" for name in ("train", "car") for i in range(10)))
    assert scan_image_folder(root).class_names == ("car", "train")


def test_hidden_files_and_leftovers_are_passed_over(tmp_path):
    root = three_parts(tmp_path)
    names = (".DS_Store", "Thumbs.db", "desktop.ini", "._a.png", "__MACOSX/a.png", ".git/a.png")
    for folder in ("", "train/", "train/cat/", "test/dog/"):
        files(root, *(f"{folder}{name}" for name in names))
    found = scan_image_folder(root)
    assert [len(part.paths) for part in found.parts] == [2, 2, 2]
    assert found.skipped == ()


def test_what_is_in_no_part_is_listed_with_its_reason(tmp_path):
    root = three_parts(tmp_path)
    files(root, "README.md", "unlabelled/a.png", "train/list.csv", "train/cat/a.json", "test/dog/b")
    photos(root, "train/cat/no ending.png")
    (root / "train/cat/no ending.png").rename(root / "train/cat/no ending")
    (root / "train/cat/link.png").symlink_to(root / "nowhere.png")
    found = scan_image_folder(root)
    assert skipped(found, root) == {
        "unlabelled": "lies beside the folders of the parts",
        "README.md": "lies beside the folders of the parts",
        "train/list.csv": "lies in no class's folder",
        "train/cat/a.json": "is not an image that Pillow can read",
        "test/dog/b": "is not an image that Pillow can read",
        "train/cat/link.png": "is no file, or a link that leads nowhere",
    }
    assert "train/cat/no ending" in listed(found, root)["train"]


def test_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(three_parts(tmp_path) / "train/cat/pipe.png")
    assert skipped(scan_image_folder(tmp_path), tmp_path).keys() == {"train/cat/pipe.png"}


def test_links_to_folders_and_files_are_followed(tmp_path):
    stored, root = three_parts(tmp_path / "stored"), tmp_path / "root"
    for part in PARTS:
        (root / part).mkdir(parents=True)
        (root / part / "cat").symlink_to(stored / part / "cat")
        files(root, f"{part}/dog/{part}.png")
    (root / "train/dog/link.png").symlink_to(stored / "train/dog/train.png")
    # A link to the folder above would never end.
    (root / "train/dog/loop").symlink_to(root / "train")
    assert [len(part.paths) for part in scan_image_folder(root).parts] == [3, 2, 2]


def test_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    three_parts(tmp_path / "photos")
    assert len(scan_image_folder("~/photos").train.paths) == 2


# --- The draw -----------------------------------------------------------------------------------


@properties
@given(
    counts=st.lists(st.integers(3, 12), min_size=2, max_size=4),
    validation=st.floats(0, 0.4),
    test=st.floats(0, 0.3),
    seed=st.integers(0, 2**32 - 1),
)
def test_draw_is_disjoint_complete_stratified_and_repeats(counts, validation, test, seed):
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{c}/{i}.png" for c, count in enumerate(counts) for i in range(count)]
        root = files(Path(folder), *names)
        found, again = (
            scan_image_folder(root, validation=validation, test=test, seed=seed) for _ in range(2)
        )
        drawn = listed(found, root)
        assert sorted(chain.from_iterable(drawn.values())) == sorted(names)
        assert drawn == listed(again, root)
        for part, share in ((found.validation, validation), (found.test, test)):
            for count, taken in zip(
                counts, np.bincount(part.y, minlength=len(counts)), strict=True
            ):
                assert abs(taken - share * count) <= 0.5 or taken == 1
                assert (taken > 0) == (share > 0)
        assert (np.bincount(found.train.y, minlength=len(counts)) > 0).all()


def test_draw_differs_by_seed_and_not_by_where_the_folder_lies(tmp_path):
    one, other = two_classes(tmp_path / "one"), tmp_path / "a" / "b"
    # Made in another order, and times differ.
    for name in reversed([path.relative_to(one).as_posix() for path in one.rglob("*.png")]):
        files(other, name)
    assert listed(scan_image_folder(one), one) == listed(scan_image_folder(other), other)
    seeds = [0, 1, [0, 1], np.int64(2)]
    draws = [listed(scan_image_folder(one, seed=seed), one)["test"] for seed in seeds]
    assert len({tuple(names) for names in draws}) == len(seeds)


def test_draw_takes_every_photo_equally_often(tmp_path):
    root, draws = two_classes(tmp_path, count=6), 300
    taken = dict.fromkeys(listed(scan_image_folder(root, validation=0, test=0), root)["train"], 0)
    for seed in range(draws):
        for name in listed(scan_image_folder(root, validation=1 / 3, test=0, seed=seed), root)[
            "validation"
        ]:
            taken[name] += 1
    assert np.abs(np.array(list(taken.values())) / draws - 1 / 3).max() < 4 * np.sqrt(2 / 9 / draws)


# --- Copies -------------------------------------------------------------------------------------


def test_copies_in_several_parts_or_classes_are_listed_and_kept(tmp_path):
    root = three_parts(tmp_path)
    copies = ("train/cat/copy.png", "validation/cat/copy of copy.png", "test/cat/x.png")
    mislabelled = ("train/cat/cat or dog.png", "train/dog/cat or dog.png")
    harmless = ("train/dog/once.png", "train/dog/twice.png")
    files(root, *copies, *mislabelled, *harmless, "train/cat/as long as COPY.png")
    for group, content in ((copies, "copy"), (mislabelled, "both"), (harmless, "same")):
        for name in group:
            (root / name).write_text(content)
    found = scan_image_folder(root)
    groups = {
        tuple(path.relative_to(root).as_posix() for path in group) for group in found.duplicates
    }
    assert groups == {copies, mislabelled}
    assert sum(len(part.paths) for part in found.parts) == 6 + 8


@pytest.mark.parametrize("seed", range(5))
def test_copies_in_a_class_are_drawn_into_one_part(tmp_path, seed):
    root = two_classes(tmp_path, count=10)
    for i in range(10):
        files(root, f"cat/copy {i}.png")
        (root / f"cat/copy {i}.png").write_bytes((root / f"cat/{i:02}.png").read_bytes())
    found = scan_image_folder(root, validation=0.2, test=0.2, seed=seed)
    assert found.duplicates == ()
    assert [np.bincount(part.y).tolist() for part in found.parts] == [[12, 6], [4, 2], [4, 2]]


# --- Errors -------------------------------------------------------------------------------------


def refused(root, says, **options):
    for function in (scan_image_folder, load_image_folder):
        with pytest.raises(DataError, match=says):
            function(root, **options)


def test_missing_path_and_file_are_named(tmp_path):
    refused(tmp_path / "nothing", r"nothing is missing; the working folder is /")
    files(tmp_path, "photos.zip")
    refused(tmp_path / "photos.zip", r"photos\.zip is a file.*sub-folder per class.*unpacked")


def test_folder_without_classes_is_named(tmp_path):
    refused(tmp_path, re.escape(f"{tmp_path} has no sub-folders, expected one per class"))
    refused(files(tmp_path, "a.png", "b.png"), "has no sub-folders.*files in it: 2")


def test_single_class_is_refused_with_a_guess(tmp_path):
    two_classes(tmp_path / "photos")
    refused(
        tmp_path, r"a single class, 'photos'.*If the classes are the folders in .*/photos, give"
    )


def test_empty_classes_are_named(tmp_path):
    root = three_parts(tmp_path)
    (root / "test" / "emu").mkdir()
    files(root, "test/gnu/notes.txt")
    refused(root, r"test has no photos of 'emu', 'gnu'\. Add photos, or remove the empty folders")


def test_classes_that_parts_lack_are_named(tmp_path):
    root = files(three_parts(tmp_path), "train/emu/1.png", "test/gnu/1.png")
    refused(
        root,
        r"same classes, but .*train lacks 'gnu'; .*validation lacks 'emu', 'gnu'; .*test lacks 'emu'",
    )


def test_long_lists_are_cut(tmp_path):
    root = files(three_parts(tmp_path), *(f"train/class {i}/1.png" for i in range(7)))
    refused(root, "test lacks 'class 0', .* 'class 4' and 2 more")


def test_two_folders_for_one_part_are_refused(tmp_path):
    refused(
        files(three_parts(tmp_path), "val/cat/1.png"), "'val', 'validation', all of them the val"
    )


def test_parts_without_train_are_refused(tmp_path):
    refused(files(tmp_path, "val/cat/1.png", "test/cat/1.png"), "has .* but no folder train")


def test_flat_parts_are_not_taken_for_classes(tmp_path):
    refused(files(tmp_path, "train/cat.0.jpg", "test/1.jpg"), "train has no sub-folders")


@pytest.mark.parametrize("count", [1, 2])
def test_class_too_small_to_split_is_named(tmp_path, count):
    files(two_classes(tmp_path), *(f"emu/{i}.png" for i in range(count)))
    refused(tmp_path, f"'emu' has {count} different photos, too few to draw validation and test")


@pytest.mark.parametrize("name", ["validation", "test"])
@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan"), "0.2", None, True])
def test_bad_share_is_named(tmp_path, name, share):
    with pytest.raises(ValueError, match=f"^{name} is the share .* got {share!r}"):
        scan_image_folder(two_classes(tmp_path), **{name: share})


def test_shares_that_leave_nothing_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"validation \+ test is 1.1, .* nothing to train on"):
        scan_image_folder(two_classes(tmp_path), validation=0.6, test=0.5)


@pytest.mark.parametrize("seed", [None, -1, 1.5, "1"])
def test_bad_seed_is_named(tmp_path, seed):
    with pytest.raises(ValueError, match=r"^seed must be a non-negative integer"):
        scan_image_folder(two_classes(tmp_path), seed=seed)
