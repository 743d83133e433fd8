"""How a photo is read: every kind of file, upright, cut to a square, or refused with a reason."""

import io
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from coursehelpers.data import ImageError, decoding, iterate_images, read_images
from coursehelpers.data import read_image as read

properties = settings(derandomize=True, deadline=None, max_examples=60)
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
# JPEG and WebP round colours.
ROUNDING = 6


def picture(width=60, height=40, left=RED, right=BLUE):
    """A picture in two colours, which shows how it was turned and cut."""
    image = Image.new("RGB", (width, height), right)
    image.paste(left, (0, 0, width // 2, height))
    return image


def texture(width, height, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def saved(path, image, **options):
    image.save(path, **options)
    return path


def png_that_claims(path, width, height):
    """A PNG of a few bytes whose header tells of any size."""
    chunks = b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 10))):
        chunks += struct.pack(">I", len(data)) + name + data
        chunks += struct.pack(">I", zlib.crc32(name + data))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def corners(x):
    """The colours at the left and the right edge, in the middle of the height."""
    row = x[len(x) // 2].astype(int)
    return row[0], row[-1]


# --- Every kind of picture ----------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "bmp", "gif", "tif", "ppm", "tga"])
@pytest.mark.parametrize("size", [1, 16, 100])
def test_every_format_comes_in_its_colours_and_in_one_shape(tmp_path, ending, size):
    x = read(saved(tmp_path / f"photo.{ending}", picture()), size)
    assert (x.shape, x.dtype, x.flags.writeable) == ((size, size, 3), np.uint8, True)
    if size > 1:
        for colour, expected in zip(corners(x), (RED, BLUE), strict=True):
            np.testing.assert_allclose(colour, expected, atol=ROUNDING)


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
    black_and_white = picture(left=(0, 0, 0), right=WHITE)
    path = saved(tmp_path / f"photo.{ending}", black_and_white.convert(mode))
    for colour, expected in zip(corners(read(path, 20)), ((0, 0, 0), WHITE), strict=True):
        np.testing.assert_allclose(colour, expected, atol=ROUNDING)


@pytest.mark.parametrize("ending", ["png", "tif", "pgm"])
def test_sixteen_bits_keep_their_range(tmp_path, ending):
    values = np.repeat(np.array([[0, 255, 256, 32768, 65535]], np.uint16), 5, axis=0)
    x = read(saved(tmp_path / f"photo.{ending}", Image.fromarray(values)), 5)
    assert x[2, :, 0].tolist() == [0, 0, 1, 128, 255]
    assert (x == x[:1, :, :1]).all()


def test_sixteen_bits_of_either_byte_order(tmp_path):
    values = np.full((4, 4), 0x8001, np.uint16)
    raw = Image.frombytes("I;16B", (4, 4), values.astype(">u2").tobytes())
    assert (read(saved(tmp_path / "photo.tif", raw), 2) == 0x80).all()


def test_black_and_white_dots_average_to_grey(tmp_path):
    dots = Image.fromarray(np.indices((40, 40)).sum(axis=0) % 2 == 0)
    assert dots.mode == "1"
    x = read(saved(tmp_path / "dots.png", dots), 4)
    assert abs(x.astype(int) - 128).max() < 20


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_unknown_range_are_refused(tmp_path, mode):
    path = saved(tmp_path / "photo.tif", Image.new(mode, (4, 4), 1))
    with pytest.raises(ImageError, match=r"photo\.tif has 32-bit pixels.*8 or 16 bits"):
        read(path, 2)


def transparent(mode):
    """Red on the left, and on the right nothing, under which blue is hidden."""
    image = picture().convert("RGBA")
    image.paste((*BLUE, 0), (30, 0, 60, 40))
    if mode == "P":
        indexed = picture().quantize(2)
        indexed.info["transparency"] = indexed.getpixel((59, 0))
        return indexed
    if mode == "RGB":
        keyed = picture()
        keyed.info["transparency"] = BLUE
        return keyed
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("RGBA", "png"), ("RGBA", "webp"), ("RGBA", "tif"), ("P", "png"), ("P", "gif"), ("RGB", "png")]
    + [("LA", "png")],
)
def test_transparency_is_laid_on_white(tmp_path, mode, ending):
    image = transparent(mode)
    options = {"transparency": image.info["transparency"]} if image.info else {}
    left, right = corners(read(saved(tmp_path / f"photo.{ending}", image, **options), 20))
    np.testing.assert_allclose(left, (76, 76, 76) if mode == "LA" else RED, atol=ROUNDING)
    np.testing.assert_allclose(right, WHITE, atol=ROUNDING)


def test_palette_with_an_opacity_per_colour_is_laid_on_white(tmp_path):
    image = picture().quantize(2)
    opacity = bytes([0 if image.getpixel((59, 0)) == 0 else 255, 128])
    path = saved(tmp_path / "photo.png", image, transparency=opacity)
    x = read(path, 20)
    reference = Image.new("RGBA", image.size, "white")
    with Image.open(path) as opened:
        reference.alpha_composite(opened.convert("RGBA"))
    for colour, at in zip(corners(x), (0, 59), strict=True):
        np.testing.assert_allclose(colour, reference.getpixel((at, 20))[:3], atol=1)


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_animation_gives_its_first_frame(tmp_path, ending):
    frames = [picture(), picture(left=WHITE, right=WHITE)]
    path = saved(tmp_path / f"film.{ending}", frames[0], save_all=True, append_images=frames[1:])
    for colour, expected in zip(corners(read(path, 20)), (RED, BLUE), strict=True):
        np.testing.assert_allclose(colour, expected, atol=ROUNDING)


# --- Geometry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("resize", decoding.RESIZES)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_is_turned_upright(tmp_path, ending, orientation, resize):
    image = texture(6, 5).resize((60, 50), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"photo.{ending}", image, exif=exif)
    with Image.open(path) as opened:
        turned = ImageOps.exif_transpose(opened)
    assert turned.size == ((60, 50) if orientation < 5 else (50, 60))
    upright = saved(tmp_path / "upright.png", turned, exif=b"")
    x, expected = (read(p, 20, resize=resize, draft=False) for p in (path, upright))
    assert np.abs(x.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_leaves_the_photo_as_it_is(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    left, _ = corners(read(saved(tmp_path / "photo.png", picture(), exif=exif), 20))
    np.testing.assert_array_equal(left, RED)


@properties
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40))
def test_crop_fits_the_shorter_side_and_squeeze_fits_both(width, height, size):
    image, file = texture(width, height), io.BytesIO()
    image.save(file, "PNG")
    crop, squeeze = (
        np.array(decoding.decode(file, size, resize, True), int) for resize in ("crop", "squeeze")
    )
    bilinear = Image.Resampling.BILINEAR
    expected = np.array(ImageOps.fit(image, (size, size), bilinear), int)
    assert np.abs(crop - expected).max() <= 1
    expected = np.array(image.resize((size, size), bilinear), int)
    assert np.abs(squeeze - expected).max() <= 1
    if width == height:
        np.testing.assert_array_equal(crop, squeeze)


@pytest.mark.parametrize("size", [48, 96, 160])
def test_draft_changes_a_photo_hardly(size):
    import matplotlib as mpl

    photo = f"{mpl.get_data_path()}/sample_data/grace_hopper.jpg"
    x, exact = read(photo, size), read(photo, size, draft=False)
    assert np.abs(x.astype(int) - exact).mean() < 3
    assert not np.array_equal(x, exact)


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "5", None])
def test_bad_size_and_counts_are_named(value):
    with pytest.raises(ValueError, match=f"^image_size must be an integer .*{value!r}"):
        read("photo.jpg", value)
    for name in ("image_size", "batch_size", "threads", "ahead"):
        if (name, value) != ("threads", None):
            # At once, not with the first batch.
            with pytest.raises(ValueError, match=f"^{name} must be an integer .*{value!r}"):
                iterate_images(["photo.jpg"], **{"image_size": 8, name: value})


def test_unknown_way_to_resize_is_named():
    path = "photo.jpg"
    for function in (read, read_images, iterate_images):
        with pytest.raises(ValueError, match='"crop" or "squeeze", got \'pad\''):
            function(path if function is read else [path], 8, resize="pad")


# --- Files that cannot be read ------------------------------------------------------------------

ENDINGS = ["jpg", "png", "webp", "bmp", "gif", "tif"]


def reason(path):
    with pytest.raises(ImageError) as caught:
        read(path, 8)
    assert caught.value.path == path
    assert str(caught.value) == f"{path} {caught.value.reason}."
    return caught.value.reason


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
    try:
        x = decoding.decode(_InMemory(content[:cut]), 8, "crop", True)
    except ImageError:
        # Nothing else may be raised, and a warning is an error here.
        return
    assert x.shape == (8, 8, 3)


class _InMemory(io.BytesIO):
    """A file that has what is asked of a path when Pillow cannot tell the format."""

    suffix = ".jpg"

    def stat(self):
        return self

    @property
    def st_size(self):
        return len(self.getvalue())


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0MM*", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\1"]
)
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_damaged_exif_is_ignored_without_a_warning(tmp_path, exif, ending):
    path = saved(tmp_path / f"photo.{ending}", picture(), exif=exif)
    filters = list(warnings.filters)
    left, _ = corners(read(path, 20))
    np.testing.assert_allclose(left, RED, atol=ROUNDING)
    assert warnings.filters == filters


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
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImageError, match=says):
        read(path, 8)


def test_missing_file_and_folder_say_what_the_system_says(tmp_path):
    assert reason(tmp_path / "nothing.jpg") == "cannot be opened: No such file or directory"
    assert reason(tmp_path) == "cannot be opened: Is a directory"


@pytest.mark.parametrize("side", [10_500, 13_000, 60_000, 2**31 - 1])
def test_bomb_is_refused_before_it_is_decoded(tmp_path, side):
    path = png_that_claims(tmp_path / "bomb.png", side, side)
    assert "pixels" in reason(path)


def test_large_photo_is_read_without_pillows_warning(tmp_path):
    # Pillow warns from 89 million pixels on. That the rest of the file is missing saves time.
    assert "damaged" in reason(png_that_claims(tmp_path / "large.png", 9_600, 9_600))


def test_large_white_photo_stays_white(tmp_path):
    path = saved(tmp_path / "large.png", Image.new("L", (3_000, 2_000), 255))
    assert (read(path, 4) == 255).all()


def test_pillow_is_imported_by_who_reads_a_photo():
    code = "import sys, coursehelpers.data; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
