"""What loading a folder of photos returns."""

import dataclasses

import numpy as np
import pytest

from coursehelpers.data import DataError, load_image_folder, read_image, scan_image_folder
from tests.test_data_folder import PARTS, files, photos, three_parts, two_classes

# --- Loading ------------------------------------------------------------------------------------


def test_images_labels_and_paths_belong_together(tmp_path):
    root = two_classes(tmp_path, photos)
    folder = load_image_folder(root, 8, validation=0.2, test=0.1)
    found = scan_image_folder(root, validation=0.2, test=0.1)
    assert folder.class_names == ("cat", "dog")
    pairs = (folder.train, folder.validation, folder.test)
    for (x, y), paths, part, n in zip(pairs, folder.paths, found.parts, (28, 8, 4), strict=True):
        assert (x.shape, x.dtype, y.shape, y.dtype) == ((n, 8, 8, 3), np.uint8, (n,), np.int64)
        assert paths == part.paths
        np.testing.assert_array_equal(y, part.y)
        np.testing.assert_array_equal(x, [read_image(path, 8) for path in paths])
        assert x.flags.writeable


def test_size_and_ways_to_read_are_passed_on(tmp_path):
    root = three_parts(tmp_path, photos)
    assert load_image_folder(root).train[0].shape == (2, 160, 160, 3)
    assert load_image_folder(root, 24, threads=1).train[0].shape == (2, 24, 24, 3)
    for wrong in ({"image_size": 0}, {"resize": "pad"}, {"threads": 0}, {"seed": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            load_image_folder(root, **wrong)


def test_empty_part_has_its_shape(tmp_path):
    folder = load_image_folder(two_classes(tmp_path, photos, count=3), 8, validation=0, test=0)
    assert folder.train[0].shape == (6, 8, 8, 3)
    for x, y in (folder.validation, folder.test):
        assert (x.shape, y.shape) == ((0, 8, 8, 3), (0,))


def test_unreadable_photos_are_in_no_part_but_listed(tmp_path):
    root = three_parts(tmp_path, photos)
    photos(root, "train/cat/a.png", "test/dog/a.png")
    damaged = [root / "train/cat/a.png", root / "test/dog/a.png", root / "train/cat/notes.txt"]
    for path in damaged:
        path.write_bytes(b"no photo")
    folder = load_image_folder(root, 8)
    assert [len(y) for _, y in (folder.train, folder.validation, folder.test)] == [2, 2, 2]
    assert [paths[0].name for paths in folder.paths] == ["train.png", "validation.png", "test.png"]
    assert {path for path, _ in folder.skipped} == set(damaged)
    # The two have the same bytes, but no image leaks.
    assert folder.duplicates == ()


def test_leak_is_listed_and_kept(tmp_path):
    root = three_parts(tmp_path, photos)
    copy = root / "test/cat/copy.png"
    copy.write_bytes((root / "train/cat/train.png").read_bytes())
    folder = load_image_folder(root, 8)
    assert folder.duplicates == ((root / "train/cat/train.png", copy),)
    assert len(folder.test[1]) == 3


def test_class_without_a_readable_photo_is_named_with_the_reason(tmp_path):
    root = three_parts(tmp_path, photos)
    (root / "validation/dog/validation.png").write_bytes(b"")
    says = r"No photo of 'dog' in the validation part .*\(1 tried\): .*validation\.png is empty"
    with pytest.raises(DataError, match=says):
        load_image_folder(root, 8)


def test_folder_without_a_readable_photo_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"None of 6 files could be read.*not an image"):
        load_image_folder(three_parts(tmp_path, files), 8)


# --- What is shown ------------------------------------------------------------------------------


def test_reprs_are_one_short_line(tmp_path):
    root = three_parts(tmp_path, photos)
    assert repr(scan_image_folder(root)) == (
        "ImageFiles: 2 classes (cat, dog); 2 training, 2 validation and 2 test files"
    )
    assert repr(load_image_folder(root, 8)) == (
        "ImageFolder: 2 classes (cat, dog); 2 training, 2 validation and 2 test images of "
        "8 x 8 pixels"
    )
    files(root, "notes.txt")
    (root / "test/cat/copy.png").write_bytes((root / "train/cat/train.png").read_bytes())
    assert repr(load_image_folder(root, 8)).endswith(
        "8 x 8 pixels; 1 skipped, see .skipped; 1 in several parts or classes, see .duplicates"
    )


def test_repr_of_many_classes_stays_short(tmp_path):
    root = files(tmp_path, *(f"train/class {i}/1.png" for i in range(50)))
    shown = repr(scan_image_folder(root, validation=0, test=0))
    assert shown.startswith("ImageFiles: 50 classes (class 0, class 1, class 10, ")
    assert "class 17, ...); 50 training" in shown


@pytest.mark.parametrize("function", [scan_image_folder, load_image_folder])
def test_results_cannot_be_changed_by_accident(tmp_path, function):
    result = function(three_parts(tmp_path, photos))
    for name in (*PARTS, "class_names", "skipped", "duplicates"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(result, name, ())
