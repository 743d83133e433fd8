"""Read a photo of any kind as an array."""

import contextlib
import logging
import os
import re
import threading
import warnings
from pathlib import Path

import numpy as np

from coursehelpers.data.files import DataError
from coursehelpers.data.sampling import _require_count

# A file of a few kilobytes can claim any size; decoded it takes up to four bytes per pixel, once
# per thread. Photos of phones and cameras have up to about a hundred million pixels.
MAX_PIXELS = 110_000_000

RESIZES = ("crop", "squeeze")

_stderr_lock = threading.Lock()
_no_log = logging.NullHandler()


class ImageError(DataError):
    """A file cannot be read as an image: `path` says which one, `reason` why."""

    def __init__(self, path, reason):
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self):
        return f"{self.path} {self.reason}."


def read_image(path, image_size, *, resize="crop", draft=True):
    """Read a photo as a square colour image.

    Whatever Pillow reads is welcome: any size, grey, with a palette, CMYK, or 16 bits per channel,
    of which the upper eight count. Transparency is laid on white, a photo is turned upright as
    its EXIF data say, and of an animation the first frame is taken. Colour profiles are ignored.

    Parameters
    ----------
    path : path-like
    image_size : int
        Height and width of the result, in pixels.
    resize : {"crop", "squeeze"}, default "crop"
        "crop" scales the shorter side to `image_size` and cuts the rest off on both ends;
        "squeeze" keeps everything and loses the proportions. Both average over the pixels that
        fall into one (bilinear, antialiased).
    draft : bool, default True
        Let the JPEG decoder halve a photo, up to three times, as long as at least `image_size`
        pixels are left. This is faster and changes a pixel by one to three levels on average.

    Returns
    -------
    ndarray of uint8, shape (image_size, image_size, 3)
        Red, green and blue in 0..255.

    Raises
    ------
    ImageError
        If the file cannot be opened, is no image, is damaged, has more than `MAX_PIXELS` pixels,
        or has 32-bit pixels, whose range nobody knows.
    ValueError
        If `image_size` is not a positive integer or `resize` is none of the two.

    Examples
    --------
    >>> from coursehelpers.data import data_folder
    >>> read_image(data_folder() / "cats-dogs" / "test-cats.png", 64).shape
    (64, 64, 3)
    """
    require_options(image_size, resize)
    load_plugins()
    return decode(Path(path), image_size, resize, draft)


def why_no_image(path):
    """Return why a file is no image, judged by its first bytes, or None if it looks like one."""
    load_plugins()
    try:
        with _errors_named(path), _open(path):
            return None
    except ImageError as error:
        return error.reason


def decode(path, size, resize, draft):
    with _errors_named(path), _open(path) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise ImageError(
                path, f"has {width} x {height} pixels; up to {MAX_PIXELS:,} pixels are read"
            )
        scaled = picture.draft(None, (size, size)) if draft else None
        with _silent_libtiff(picture):
            picture.load()
        # The decoder rounds a halved size up; loading turns a TIFF upright.
        width, height = scaled[1][2:] if scaled else picture.size
        # A photo is turned when it is small: both ways to resize are the same for every side.
        square = _square(_plain(picture, path), width, height, size, resize)
        turn = _turn(picture)
        return np.array(square if turn is None else square.transpose(turn))


def _open(path):
    from PIL import Image

    # An EPS file is a program, which Pillow would have Ghostscript run.
    return Image.open(path, formats=[name for name in Image.ID if name != "EPS"])


def load_plugins():
    """Import Pillow's formats before the threads do, each at the same time as the others."""
    from PIL import Image

    Image.init()
    # Without any handler, Python prints what Pillow logs about damaged files.
    logging.getLogger("PIL").addHandler(_no_log)


@contextlib.contextmanager
def _errors_named(path):
    """Raise whatever a file makes Pillow raise as an `ImageError` with a reason."""
    from PIL import Image, UnidentifiedImageError

    try:
        with _without_warnings_of_pillow():
            yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(path, _unidentified(path)) from None
    except Image.DecompressionBombError:
        raise ImageError(
            path, f"claims more than the {MAX_PIXELS:,} pixels that are read"
        ) from None
    except OSError as error:
        # Errors of the file system have a number, Pillow's own have none.
        if error.errno:
            raise ImageError(path, f"cannot be opened: {error.strerror}") from None
        raise ImageError(path, f"is damaged: {error}") from None
    except Exception as error:
        # Damaged bytes make the decoders raise almost anything, from SyntaxError to struct.error.
        raise ImageError(path, f"is damaged: {error or type(error).__name__}") from None


def _unidentified(path):
    if path.stat().st_size == 0:
        return "is empty"
    if path.suffix.lower() in (".heic", ".heif"):
        return "is a HEIC photo, which Pillow cannot read; export it as JPEG"
    return "is not an image that Pillow can read"


@contextlib.contextmanager
def _without_warnings_of_pillow():
    """Keep what Pillow says about odd but readable files off the screen.

    `warnings.catch_warnings` is not for threads: whoever leaves last restores the filters that
    another thread has set for itself. Adding and removing an entry of a list is.
    """
    entry = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
    filters = warnings.filters
    filters.insert(0, entry)
    try:
        yield
    finally:
        # Somebody may have reset the filters in the meantime.
        with contextlib.suppress(ValueError):
            filters.remove(entry)


@contextlib.contextmanager
def _silent_libtiff(picture):
    """Keep libtiff's complaints about a damaged file off the screen; its exception says enough.

    They are written in C to the process's stderr, which is turned away for that long: for all
    threads, so that one photo at a time is decoded like this.
    """
    if not any(tile[0] == "libtiff" for tile in picture.tile):
        yield
        return
    with _stderr_lock, open(os.devnull, "wb") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _plain(picture, path):
    """Return the picture in grey, RGB or RGBA with 8 bits, which can be averaged."""
    from PIL import Image

    mode = picture.mode
    # PGM, and PNG in some versions of Pillow, come with their 16 bits as "I".
    if mode.startswith("I;16") or (mode == "I" and picture.format in ("PNG", "PPM")):
        # Pillow's own conversion cuts off at 255.
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        raise ImageError(
            path, "has 32-bit pixels, whose range is unknown; save it with 8 or 16 bits"
        )
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture if mode in ("L", "RGB") else picture.convert("RGB")


def _square(picture, width, height, size, resize):
    """Resize to a square and lay transparency on white."""
    from PIL import Image

    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (0, 0, width, height) if resize == "squeeze" else (left, top, left + side, top + side)
    # Without reducing_gap, whose first step darkens what is reduced a lot: white comes out grey.
    square = picture.resize((size, size), Image.Resampling.BILINEAR, box)
    if square.mode == "RGBA":
        square = Image.alpha_composite(Image.new("RGBA", square.size, "white"), square)
    return square.convert("RGB")


def _turn(picture):
    """Return how to turn a photo upright, or None; `ImageOps.exif_transpose` for small copies."""
    from PIL import ExifTags, Image

    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        # Damaged EXIF data are frequent, and the photo is good without them.
        return None
    turns = Image.Transpose
    return {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }.get(orientation)


def require_options(image_size, resize):
    _require_count("image_size", image_size)
    if resize not in RESIZES:
        raise ValueError(f'resize must be "crop" or "squeeze", got {resize!r}.')
