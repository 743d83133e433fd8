"""A folder of photos: each kind of file read or refused, many in order, listed and loaded in parts."""

import contextlib
import io
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import zlib
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from coursehelpers import photos as photos_module
from coursehelpers.data import DataError
from coursehelpers.photos import (
    ImageError,
    Skipped,
    decode,
    iterate_images,
    load_image_folder,
    scan_image_folder,
)

properties = settings(derandomize=True, deadline=None, max_examples=60)
RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
# JPEG and WebP round colours.
ROUNDING = 6
PARTS = ("train", "validation", "test")


def read(path, size, resize="crop", draft=True):
    return decode(path, size, resize, draft)


def picture(width=60, height=40, left=RED, right=BLUE):
    """A picture in two colours, which shows how it was turned and cut."""
    image = Image.new("RGB", (width, height), right)
    image.paste(left, (0, 0, width // 2, height))
    return image


def texture(width, height):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def saved(path, image, **options):
    image.save(path, **options)
    return path


def assert_sides(x, left, right, atol=ROUNDING):
    """The colours at the left and the right edge, in the middle of the height."""
    row = x[len(x) // 2].astype(int)
    np.testing.assert_allclose(row[0], left, atol=atol)
    np.testing.assert_allclose(row[-1], right, atol=atol)


# --- Every kind of picture ----------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "bmp", "gif", "tif", "ppm", "tga"])
@pytest.mark.parametrize("size", [1, 16, 100])
def test_every_format_comes_in_its_colours_and_in_one_shape(tmp_path, ending, size):
    x = read(saved(tmp_path / f"photo.{ending}", picture()), size)
    assert (x.shape, x.dtype, x.flags.writeable) == ((size, size, 3), np.uint8, True)
    if size > 1:
        assert_sides(x, RED, BLUE)


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        *((mode, ending) for mode in ("1", "L") for ending in ("png", "tif", "jpg")),
        *((mode, "png") for mode in ("LA", "P", "RGBA")),
        *((mode, "tif") for mode in ("CMYK", "RGBX", "P", "YCbCr")),
        ("CMYK", "jpg"),
        ("YCbCr", "jpg"),
    ],
)
def test_every_mode_looks_like_its_rgb(tmp_path, mode, ending):
    image = picture(left=BLACK, right=WHITE).convert(mode)
    assert_sides(read(saved(tmp_path / f"photo.{ending}", image), 20), BLACK, WHITE)


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_keep_their_range(tmp_path, ending):
    values = np.repeat(np.array([[0, 255, 256, 32768, 65535]], np.uint16), 5, axis=0)
    x = read(saved(tmp_path / f"photo.{ending}", Image.fromarray(values)), 5)
    assert x[2, :, 0].tolist() == [0, 0, 1, 128, 255]
    assert (x == x[:1, :, :1]).all()
    big_endian = Image.frombytes("I;16B", (5, 5), np.full((5, 5), 0x8001, ">u2").tobytes())
    assert (read(saved(tmp_path / "photo.tif", big_endian), 2) == 0x80).all()


def test_black_and_white_dots_average_to_grey(tmp_path):
    dots = Image.fromarray(np.indices((40, 40)).sum(axis=0) % 2 == 0)
    assert dots.mode == "1"
    x = read(saved(tmp_path / "dots.png", dots), 4)
    assert abs(x.astype(int) - 128).max() < 20


def transparent(mode):
    """Red on the left, and on the right nothing, under which blue is hidden."""
    if mode == "P":
        image = picture().quantize(2)
        image.info["transparency"] = image.getpixel((59, 0))
    elif mode == "RGB":
        image = picture()
        image.info["transparency"] = BLUE
    else:
        image = picture().convert("RGBA")
        image.paste((*BLUE, 0), (30, 0, 60, 40))
        image = image.convert(mode)
    return image


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("RGBA", "png"), ("RGBA", "webp"), ("RGBA", "tif"), ("P", "png"), ("P", "gif"), ("RGB", "png")]
    + [("LA", "png")],
)
def test_transparency_is_laid_on_white(tmp_path, mode, ending):
    image = transparent(mode)
    options = {"transparency": image.info["transparency"]} if image.info else {}
    x = read(saved(tmp_path / f"photo.{ending}", image, **options), 20)
    assert_sides(x, (76, 76, 76) if mode == "LA" else RED, WHITE)


def test_palette_with_an_opacity_per_colour_is_laid_on_white(tmp_path):
    image = picture().quantize(2)
    opacity = bytes([0 if image.getpixel((59, 0)) == 0 else 255, 128])
    path = saved(tmp_path / "photo.png", image, transparency=opacity)
    reference = Image.new("RGBA", image.size, "white")
    with Image.open(path) as opened:
        reference.alpha_composite(opened.convert("RGBA"))
    assert_sides(read(path, 20), *(reference.getpixel((x, 20))[:3] for x in (0, 59)), atol=1)


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_animation_gives_its_first_frame(tmp_path, ending):
    frames = [picture(), picture(left=WHITE, right=WHITE)]
    path = saved(tmp_path / f"film.{ending}", frames[0], save_all=True, append_images=frames[1:])
    assert_sides(read(path, 20), RED, BLUE)


# --- Geometry -----------------------------------------------------------------------------------


def oriented(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("resize", photos_module.RESIZES)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_is_turned_upright(tmp_path, ending, orientation, resize):
    image = texture(6, 5).resize((60, 50), Image.Resampling.NEAREST)
    path = saved(tmp_path / f"photo.{ending}", image, exif=oriented(orientation))
    with Image.open(path) as opened:
        turned = ImageOps.exif_transpose(opened)
    assert turned.size == ((60, 50) if orientation < 5 else (50, 60))
    upright = saved(tmp_path / "upright.png", turned, exif=b"")
    x, expected = (read(p, 20, resize, draft=False) for p in (path, upright))
    assert np.abs(x.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_leaves_the_photo_as_it_is(tmp_path, orientation):
    path = saved(tmp_path / "photo.png", picture(), exif=oriented(orientation))
    assert_sides(read(path, 20), RED, BLUE, atol=0)


@properties
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40))
def test_crop_fits_the_shorter_side_and_squeeze_fits_both(width, height, size):
    image, bilinear = texture(width, height), Image.Resampling.BILINEAR
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder) / "photo.png", image)
        crop, squeeze = (read(path, size, resize).astype(int) for resize in ("crop", "squeeze"))
    assert np.abs(crop - ImageOps.fit(image, (size, size), bilinear)).max() <= 1
    assert np.abs(squeeze - image.resize((size, size), bilinear)).max() <= 1
    if width == height:
        np.testing.assert_array_equal(crop, squeeze)


@pytest.mark.parametrize("size", [48, 96, 160])
def test_draft_changes_a_photo_hardly(size):
    import matplotlib as mpl

    photo = Path(mpl.get_data_path(), "sample_data", "grace_hopper.jpg")
    x, exact = read(photo, size), read(photo, size, draft=False)
    assert np.abs(x.astype(int) - exact).mean() < 3
    assert not np.array_equal(x, exact)


def test_large_white_photo_stays_white(tmp_path):
    path = saved(tmp_path / "large.png", Image.new("L", (3_000, 2_000), 255))
    assert (read(path, 4) == 255).all()


# --- Files that cannot be read ------------------------------------------------------------------

ENDINGS = ["jpg", "png", "webp", "bmp", "gif", "tif"]


def reason(path):
    with pytest.raises(ImageError) as caught:
        read(path, 8)
    assert caught.value.path == path
    assert str(caught.value) == f"{path} {caught.value.reason}."
    return caught.value.reason


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_unknown_range_are_refused(tmp_path, mode):
    says = reason(saved(tmp_path / "photo.tif", Image.new(mode, (4, 4), 1)))
    assert re.match("has 32-bit pixels.*8 or 16 bits", says)


@pytest.mark.parametrize("ending", ENDINGS)
def test_truncated_file_is_damaged(tmp_path, ending):
    path = saved(tmp_path / f"photo.{ending}", texture(60, 40))
    path.write_bytes(path.read_bytes()[:-2000])
    assert "damaged" in reason(path) or "not an image" in reason(path)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "jpeg"])
def test_damaged_tiff_is_silent_on_stderr(tmp_path, compression, capfd):
    # libtiff and libjpeg are written in C and could print without Python's knowing.
    path = saved(tmp_path / "photo.tif", texture(60, 40), compression=compression)
    content = bytearray(path.read_bytes())
    content[20:3000] = bytes(2980)
    path.write_bytes(content)
    reason(path)
    assert capfd.readouterr() == ("", "")


@properties
@given(st.sampled_from(ENDINGS), st.data())
def test_whatever_bytes_are_damaged_the_file_is_read_or_refused(ending, data):
    file = io.BytesIO()
    options = {"exif": b"Exif\0\0II*\0\x08\0\0\0" + bytes(range(30))} if ending == "jpg" else {}
    picture().save(file, Image.registered_extensions()[f".{ending}"], **options)
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "photo.jpg")
        path.write_bytes(content[:cut])
        # Nothing but an ImageError may be raised, and a warning is an error here.
        with contextlib.suppress(ImageError):
            assert read(path, 8).shape == (8, 8, 3)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0MM*", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\1"]
)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_damaged_exif_is_ignored_without_a_warning(tmp_path, exif, ending):
    path = saved(tmp_path / f"photo.{ending}", picture(), exif=exif)
    filters = list(warnings.filters)
    assert_sides(read(path, 20), RED, BLUE)
    assert warnings.filters == filters


def test_photo_is_turned_though_the_rest_of_its_exif_cannot_be_written(tmp_path):
    exif = oriented(3)
    exif[0x011A] = 72.0
    # A fraction where there should be integers, at which `ImageOps.exif_transpose` fails.
    damaged = exif.tobytes().replace(b"\x01\x1a\0\5", b"\x01\x41\0\5")
    assert damaged != exif.tobytes()
    assert_sides(read(saved(tmp_path / "photo.png", picture(), exif=damaged), 20), BLUE, RED)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.jpg", b"", "is empty"),
        ("notes.jpg", b"Remember the milk.", "is not an image that Pillow can read"),
        ("phone.HEIC", b"\0\0\0\x18ftypheic", "is a HEIC photo, .*export it as JPEG"),
        # Ghostscript would run what is in it.
        ("drawing.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "no"),
    ],
)
def test_file_that_is_no_image_is_refused(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    assert re.search(says, reason(tmp_path / name))


def test_missing_file_and_folder_say_what_the_system_says(tmp_path):
    assert reason(tmp_path / "nothing.jpg") == "cannot be opened: No such file or directory"
    assert reason(tmp_path) == "cannot be opened: Is a directory"


@pytest.mark.parametrize(
    ("side", "says"),
    # Pillow warns from 89 million pixels on. That the rest of the file is missing saves time.
    [(9_600, "damaged"), (10_500, "pixels"), (13_000, "pixels"), (2**31 - 1, "pixels")],
)
def test_only_large_photos_are_decoded_and_no_bombs(tmp_path, side, says):
    # A PNG of a few bytes whose header tells of any size.
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = b""
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 10))):
        chunks += struct.pack(">I", len(content)) + name + content
        chunks += struct.pack(">I", zlib.crc32(name + content))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    assert says in reason(tmp_path / "bomb.png")


def test_pillow_is_imported_by_who_reads_a_photo():
    code = "import sys, coursehelpers.photos; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- Many photos --------------------------------------------------------------------------------


def grey_photos(folder, count):
    paths = [folder / f"{i:03}.png" for i in range(count)]
    for i, path in enumerate(paths):
        Image.new("RGB", (9, 7), (i, 0, 0)).save(path)
    return paths


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-images")]


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    assert readers() == []


@contextlib.contextmanager
def decoder(function):
    """Replace the decoder by ``function(number of the path)``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photos_module, "decode", lambda path, *_: function(int(path.stem)))
        yield


def numbered(number):
    return np.full((2, 2, 3), number, np.uint8)


def names(count):
    return [f"{i}.jpg" for i in range(count)]


def test_photos_are_read_like_one_by_one(tmp_path):
    paths = grey_photos(tmp_path, 20)
    (images,) = iterate_images(map(str, paths), 5, threads=3)
    assert (images.x.dtype, images.index.dtype, images.skipped) == (np.uint8, np.int64, ())
    np.testing.assert_array_equal(images.x, [read(path, 5) for path in paths])
    np.testing.assert_array_equal(images.index, np.arange(20))


def test_options_reach_the_decoder(tmp_path):
    path = saved(tmp_path / "0.jpg", Image.linear_gradient("L").resize((300, 900)))
    for options in ({}, {"resize": "squeeze"}, {"draft": False}):
        (images,) = iterate_images([path], 9, **options)
        np.testing.assert_array_equal(images.x[0], read(path, 9, **options))


def test_unreadable_files_are_skipped_with_their_reasons(tmp_path):
    assert list(iterate_images([], 8)) == []
    paths = grey_photos(tmp_path, 6)
    paths[0].write_bytes(b"")
    paths[3].write_text("no photo")
    paths[5].unlink()
    (images,) = iterate_images(paths, 8)
    assert images.index.tolist() == images.x[:, 0, 0, 0].tolist() == [1, 2, 4]
    assert images.skipped == (
        Skipped(paths[0], "is empty"),
        Skipped(paths[3], "is not an image that Pillow can read"),
        Skipped(paths[5], "cannot be opened: No such file or directory"),
    )


def test_nothing_but_unreadable_files_is_an_error_that_names_one(tmp_path):
    paths = [tmp_path / "one.jpg", tmp_path / "two.jpg"]
    with pytest.raises(DataError, match=r"None of 2 files .*one\.jpg cannot be opened"):
        list(iterate_images(paths, 8))


def test_other_errors_are_not_taken_for_damage():
    def fail(number):
        raise RuntimeError(f"a mistake at {number}")

    with decoder(fail), pytest.raises(RuntimeError, match="a mistake at 0"):
        list(iterate_images(names(3), 2))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        *(
            ({name: value}, f"^{name} must be an integer of at least 1, got {value!r}")
            for name in ("image_size", "batch_size", "threads")
            for value in (0, -1, 2.0, True, "5")
        ),
        ({"image_size": None}, "^image_size must be .* None"),
        ({"resize": "pad"}, '"crop" or "squeeze", got \'pad\''),
        ({"paths": "photo.jpg"}, r"a list of files, .*photo\.jpg'.*Put it into a list"),
        ({"paths": Path("photo.jpg")}, r"a list of files, .*photo\.jpg'"),
    ],
)
def test_bad_options_are_named_at_once_and_not_with_the_first_batch(options, says):
    with pytest.raises(ValueError, match=says):
        iterate_images(**{"paths": ["photo.jpg"], "image_size": 8, **options})


@properties
@given(st.data())
def test_batches_are_full_in_order_and_complete(data):
    count = data.draw(st.integers(1, 40))
    bad = data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    batch_size, threads = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    pause = random.Random(0)

    def read(number):
        time.sleep(pause.choice((0, 0, 0.0005)))
        if number in bad:
            raise ImageError(f"{number}.jpg", "is bad")
        return numbered(number)

    with decoder(read):
        batches = list(iterate_images(names(count), 2, batch_size=batch_size, threads=threads))
    index = [int(i) for batch in batches for i in batch.index]
    assert index == [i for i in range(count) if i not in bad]
    assert [int(x[0, 0, 0]) for batch in batches for x in batch.x] == index
    assert [int(s.path.stem) for batch in batches for s in batch.skipped] == sorted(bad)
    assert {len(batch.x) for batch in batches[:-1]} <= {batch_size}
    assert 1 <= len(batches[-1].x) <= batch_size
    for batch in batches:
        assert len(batch.x) == len(batch.index)


def test_batches_are_the_callers_to_keep_and_change():
    with decoder(numbered):
        batches = list(iterate_images(names(6), 2, batch_size=2))
    batches[0].x[:] = 99
    assert [batch.x[0, 0, 0, 0] for batch in batches] == [99, 2, 4]


def test_decoding_runs_ahead_of_the_consumer_but_not_further():
    started = []

    def read(number):
        started.append(number)
        return numbered(number)

    with decoder(read):
        batches = iterate_images(names(200), 2, batch_size=4, threads=2)
        assert started == []
        for position, _ in enumerate(batches, start=1):
            # Two batches ahead, and one photo more, which shows that this batch was full.
            most = min(200, (position + 2) * 4 + 1)
            deadline = time.monotonic() + 60
            while len(started) < most and time.monotonic() < deadline:
                time.sleep(0.001)
            assert len(started) == most


def test_several_photos_are_decoded_at_a_time():
    # Every one waits for two others, which only works if three are at it.
    meeting = threading.Barrier(3, timeout=60)

    def read(number):
        meeting.wait()
        return numbered(number)

    with decoder(read):
        assert sum(len(batch.x) for batch in iterate_images(names(9), 2, threads=3)) == 9


def test_closing_the_iterator_ends_the_threads_and_the_rest():
    done = []

    def read(number):
        time.sleep(0.002)
        done.append(number)
        return numbered(number)

    with decoder(read):
        batches = iterate_images(names(500), 2, batch_size=4, threads=2)
        next(batches)
        assert readers()
        batches.close()
        assert readers() == []
        count = len(done)
        time.sleep(0.01)
    assert len(done) == count < 30


@pytest.mark.parametrize("at", [0, 5, 90])
def test_interrupt_while_waiting_ends_the_threads_at_once(at):
    def read(number):
        if number == at:
            # What Ctrl-C does: a signal to the process, which its main thread gets.
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.005)
        return numbered(number)

    start = time.monotonic()
    with decoder(read), pytest.raises(KeyboardInterrupt):
        list(iterate_images(names(10_000), 2, threads=2))
    # A thread that was just being started when the signal came may end a moment later.
    while readers():
        assert time.monotonic() - start < 5
        time.sleep(0.001)


def test_files_are_closed_and_unchanged(tmp_path):
    paths = grey_photos(tmp_path, 8)
    paths[3].write_bytes(paths[3].read_bytes()[:50])
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    opened = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    (images,) = iterate_images(paths, 8)
    assert images.skipped[0].path == paths[3]
    if opened is not None:
        assert len(os.listdir("/proc/self/fd")) == opened
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths] == before


# --- Listing a folder ---------------------------------------------------------------------------


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


@pytest.mark.parametrize("validation", ["validation", "val", "valid", "VALIDATION"])
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
    left = (".DS_Store", "Thumbs.db", "desktop.ini", "._a.png", "__MACOSX/a.png", ".git/a.png")
    for folder in ("", "train/", "train/cat/", "test/dog/"):
        files(root, *(f"{folder}{name}" for name in left))
    found = scan_image_folder(root)
    assert [len(part.paths) for part in found.parts] == [2, 2, 2]
    assert found.skipped == ()


def test_what_is_in_no_part_is_listed_with_its_reason(tmp_path):
    root = three_parts(tmp_path)
    files(root, "README.md", "unlabelled/a.png", "train/list.csv", "train/cat/a.json", "test/dog/b")
    photos(root, "train/cat/no ending.png")
    (root / "train/cat/no ending.png").rename(root / "train/cat/no ending")
    (root / "train/cat/link.png").symlink_to(root / "nowhere.png")
    os.mkfifo(root / "train/cat/pipe.png")  # which is not waited for
    found = scan_image_folder(root)
    assert skipped(found, root) == {
        "unlabelled": "lies beside the folders of the parts",
        "README.md": "lies beside the folders of the parts",
        "train/list.csv": "lies in no class's folder",
        "train/cat/a.json": "is not an image that Pillow can read",
        "test/dog/b": "is not an image that Pillow can read",
        "train/cat/link.png": "is no file, or a link that leads nowhere",
        "train/cat/pipe.png": "is no file, or a link that leads nowhere",
    }
    assert "train/cat/no ending" in listed(found, root)["train"]


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


# --- The draw and copies ------------------------------------------------------------------------


@properties
@given(
    counts=st.lists(st.integers(3, 12), min_size=2, max_size=4),
    validation=st.just(0) | st.floats(0, 0.4),
    test=st.just(0) | st.floats(0, 0.3),
    seed=st.integers(0, 2**32 - 1),
)
def test_draw_is_disjoint_complete_stratified_and_repeats(counts, validation, test, seed):
    with tempfile.TemporaryDirectory() as folder:
        every = [f"{c}/{i}.png" for c, count in enumerate(counts) for i in range(count)]
        root = files(Path(folder), *every)
        found, again = (
            scan_image_folder(root, validation=validation, test=test, seed=seed) for _ in range(2)
        )
        drawn = listed(found, root)
        assert sorted(chain.from_iterable(drawn.values())) == sorted(every)
        assert drawn == listed(again, root)
        for part, share in ((found.validation, validation), (found.test, test)):
            assert part.y.dtype == np.int64
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
    assert len({tuple(drawn) for drawn in draws}) == len(seeds)


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
        (root / f"cat/copy {i}.png").write_bytes((root / f"cat/{i:02}.png").read_bytes())
    found = scan_image_folder(root, validation=0.2, test=0.2, seed=seed)
    assert found.duplicates == ()
    assert [np.bincount(part.y).tolist() for part in found.parts] == [[12, 6], [4, 2], [4, 2]]


# --- Folders that are refused -------------------------------------------------------------------


def refused(root, says):
    for function in (scan_image_folder, load_image_folder):
        with pytest.raises(DataError, match=says):
            function(root)


def test_missing_path_and_file_are_named(tmp_path):
    refused(tmp_path / "nothing", r"nothing is missing; the working folder is /")
    files(tmp_path, "photos.zip")
    refused(tmp_path / "photos.zip", r"photos\.zip is a file.*sub-folder per class.*unpacked")


def test_empty_classes_are_named(tmp_path):
    root = files(three_parts(tmp_path), "test/gnu/notes.txt")
    (root / "test" / "emu").mkdir()
    refused(root, r"test has no photos of 'emu', 'gnu'\. Add photos, or remove the empty folders")


EMU, GNU = "train/emu/1.png", "test/gnu/1.png"


@pytest.mark.parametrize(
    ("make", "added", "says"),
    [
        (None, (), "has no sub-folders, expected one per class"),
        (None, ("a.png", "b.png"), r"has no sub-folders.*files in it: 2"),
        (None, ("val/cat/1.png", "test/cat/1.png"), "has .* but no folder train"),
        # Parts without classes are not taken for classes.
        (None, ("train/cat.0.jpg", "test/1.jpg"), "train has no sub-folders"),
        (None, ("photos/cat/1.png", "photos/dog/1.png"), "a single class, 'photos'.*/photos, give"),
        (three_parts, ("val/cat/1.png",), "'val', 'validation', all of them the val"),
        (three_parts, (EMU, GNU), "same classes, but .*train lacks 'gnu'; .*test lacks 'emu'"),
        (three_parts, (EMU, GNU), "validation lacks 'emu', 'gnu'"),
        (
            three_parts,
            [f"train/class {i}/1.png" for i in range(7)],
            "test lacks 'class 0', .* 'class 4' and 2 more",
        ),
        (two_classes, ("emu/0.png",), "'emu' has 1 different photos, too few to draw valid"),
        (two_classes, ("emu/0.png", "emu/1.png"), "'emu' has 2 .* draw validation and test from"),
    ],
)
def test_folder_of_another_layout_is_refused(tmp_path, make, added, says):
    files(make(tmp_path) if make else tmp_path, *added)
    refused(tmp_path, says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        *(
            ({name: share}, f"^{name} is the share .* got {share!r}")
            for name in ("validation", "test")
            for share in (-0.1, 1, 1.5, float("nan"), "0.2", None, True)
        ),
        ({"validation": 0.6, "test": 0.5}, r"validation \+ test is 1.1, .* nothing to train on"),
        *(({"seed": seed}, "^seed must be a non-negative integer") for seed in (None, -1, 1.5)),
    ],
)
def test_bad_shares_and_seeds_are_named(tmp_path, options, says):
    with pytest.raises(ValueError, match=says):
        scan_image_folder(two_classes(tmp_path), **options)


# --- Loading a folder ---------------------------------------------------------------------------


def test_images_labels_and_paths_belong_together(tmp_path, bars):
    root = two_classes(tmp_path, photos)
    folder = load_image_folder(root, 8, validation=0.2, test=0.1)
    found = scan_image_folder(root, validation=0.2, test=0.1)
    assert folder.class_names == ("cat", "dog")
    for (x, y), paths, part, n in zip(
        folder.parts, folder.paths, found.parts, (28, 8, 4), strict=True
    ):
        assert (x.shape, x.dtype, y.shape, y.dtype) == ((n, 8, 8, 3), np.uint8, (n,), np.int64)
        assert paths == part.paths
        np.testing.assert_array_equal(y, part.y)
        np.testing.assert_array_equal(x, [read(path, 8) for path in paths])
        assert x.flags.writeable
    (bar,) = bars
    assert (bar.n, bar.total, bar.closed) == (40, 40, True)


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


def test_unreadable_photos_are_in_no_part_but_listed(tmp_path, bars):
    root = three_parts(tmp_path, photos)
    photos(root, "train/cat/a.png", "test/dog/a.png")
    damaged = [root / "train/cat/a.png", root / "test/dog/a.png", root / "train/cat/notes.txt"]
    for path in damaged:
        path.write_bytes(b"no photo")
    folder = load_image_folder(root, 8)
    assert [len(y) for _, y in folder.parts] == [2, 2, 2]
    assert [paths[0].name for paths in folder.paths] == ["train.png", "validation.png", "test.png"]
    assert {path for path, _ in folder.skipped} == set(damaged)
    # The two have the same bytes, but no image leaks.
    assert folder.duplicates == ()
    (bar,) = bars
    assert (bar.n, bar.total, bar.closed) == (8, 8, True)


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


def test_interrupt_closes_the_bar(tmp_path, bars):
    root = two_classes(tmp_path)

    def interrupt(number):
        raise KeyboardInterrupt

    with decoder(interrupt), pytest.raises(KeyboardInterrupt):
        load_image_folder(root, 2)
    assert bars[0].closed


# --- What is shown ------------------------------------------------------------------------------


def test_reprs_are_one_short_line(tmp_path):
    root = three_parts(tmp_path, photos)
    counts = "2 classes (cat, dog); 2 training, 2 validation and 2 test"
    assert repr(scan_image_folder(root)) == f"ImageFiles: {counts} files"
    assert repr(load_image_folder(root, 8)) == f"ImageFolder: {counts} images of 8 x 8 pixels"
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
