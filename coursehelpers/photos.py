"""A folder of anyone's photos: list it, decode whatever is in it, load it in three parts."""

import collections
import contextlib
import hashlib
import logging
import os
import re
import threading
import warnings
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from coursehelpers.data import AnyPath, DataError, Examples, Parts, Seed, generator, require_count

# A file of a few kilobytes can claim any size; decoded it takes up to four bytes per pixel, once
# per thread. Photos of phones and cameras have up to about a hundred million pixels.
MAX_PIXELS = 110_000_000
Resize = Literal["crop", "squeeze"]
RESIZES = get_args(Resize)
Part = TypeVar("Part", bound=tuple[Any, Any])

# How a part's folder may be called; upper and lower case are the same.
PART_NAMES = Parts(("train",), ("validation", "val", "valid"), ("test",))
# What operating systems leave behind in folders and archives, beside names that start with a dot.
LEFTOVERS = {"__macosx", "thumbs.db", "desktop.ini"}

_stderr_lock = threading.Lock()
_no_log = logging.NullHandler()


class ImageError(DataError):
    """A file cannot be read as an image: `path` says which one, `reason` why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}."


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    path: Path
    reason: str


# --- One photo ----------------------------------------------------------------------------------


def decode(path, image_size, resize, draft):
    """Read a photo as a square colour array, or raise an `ImageError`; see `iterate_images`."""
    from PIL import Image

    with _opened(path) as picture:
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise ImageError(
                path, f"has {width} x {height} pixels; up to {MAX_PIXELS:,} pixels are read"
            )
        scaled = picture.draft(None, (image_size, image_size)) if draft else None
        with _silent_libtiff(picture):
            picture.load()
        # The decoder rounds a halved size up, so that `ImageOps.fit` would squeeze what it fits.
        # Loading turns a TIFF upright; others are turned when they are small.
        width, height = scaled[1][2:] if scaled else picture.size
        left, top = 0, 0
        if resize == "crop":
            side = min(width, height)
            left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, width - left, height - top)
        # Without reducing_gap, whose first step darkens what is reduced a lot: white comes out grey.
        small = _plain(picture, path).resize(
            (image_size, image_size), Image.Resampling.BILINEAR, box
        )
        if small.mode == "RGBA":
            small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
        return np.array(_upright(small.convert("RGB"), picture))


@contextlib.contextmanager
def _opened(path):
    """Open an image; whatever it makes Pillow raise becomes an `ImageError` with a reason."""
    from PIL import Image, UnidentifiedImageError

    _load_formats()
    # An EPS file is a program, which Pillow would have Ghostscript run.
    formats = [name for name in Image.ID if name != "EPS"]
    try:
        with _without_warnings_of_pillow(), Image.open(path, formats=formats) as picture:
            yield picture
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


def _load_formats():
    """Import Pillow's formats: once, before the threads would all do so at the same time."""
    from PIL import Image

    Image.init()
    # Without any handler, Python prints what Pillow logs about damaged files.
    logging.getLogger("PIL").addHandler(_no_log)


def _unidentified(path):
    if path.stat().st_size == 0:
        return "is empty"
    if path.suffix.lower() in (".heic", ".heif"):
        return "is a HEIC photo, which Pillow cannot read; export it as JPEG"
    return "is not an image that Pillow can read"


@contextlib.contextmanager
def _without_warnings_of_pillow():
    """Keep what Pillow says about odd but readable files off the screen."""
    # `warnings.catch_warnings` is not for threads: whoever leaves last restores the filters that
    # another thread has set for itself. Adding and removing an entry of a list is.
    entry = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
    filters: Any = warnings.filters  # a list, though declared as any sequence
    filters.insert(0, entry)
    try:
        yield
    finally:
        # Somebody may have reset the filters in the meantime.
        with contextlib.suppress(ValueError):
            filters.remove(entry)


@contextlib.contextmanager
def _silent_libtiff(picture):
    """Keep libtiff's complaints about a damaged file off the screen; its exception says enough."""
    # They are written in C to the process's stderr, which is turned away for that long: for all
    # threads, so that one photo at a time is decoded like this.
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


def _upright(small, picture):
    """Turn the small copy of a photo as the photo's EXIF data say."""
    from PIL import ExifTags, Image, ImageOps

    exif = Image.Exif()
    try:
        exif[ExifTags.Base.Orientation] = picture.getexif()[ExifTags.Base.Orientation]
        small.info = {"exif": exif.tobytes()}
    except Exception:
        # Most photos say nothing, damaged EXIF data are frequent, and the photo is good without.
        return small
    return ImageOps.exif_transpose(small)


# --- Many photos --------------------------------------------------------------------------------


class ImageBatch(NamedTuple):
    """Images ``x``, the positions ``index`` of their files, and what was `skipped` between."""

    x: NDArray[np.uint8]
    index: NDArray[np.int64]  # type: ignore[assignment]  # hides a method of tuples
    skipped: tuple[Skipped, ...]


def iterate_images(
    paths: Iterable[AnyPath],
    image_size: int,
    *,
    batch_size: int = 32,
    resize: Resize = "crop",
    draft: bool = True,
    threads: int | None = None,
) -> Generator[ImageBatch, None, None]:
    """Yield photos in batches and in order, while the next ones are already being decoded.

    Whatever Pillow reads is welcome: any size, grey, with a palette, CMYK, or 16 bits per channel,
    of which the upper eight count. Transparency is laid on white, a photo is turned upright as
    its EXIF data say, and of an animation the first frame is taken. Colour profiles are ignored.

    Closing the iterator, or leaving it by an exception such as Ctrl-C, ends the threads after the
    photos they are at.

    Parameters
    ----------
    paths : iterable of path-like
    image_size : int
        Height and width of the result, in pixels.
    batch_size : int, default 32
        Photos per batch. Only the last batch may be smaller: files that cannot be read are
        replaced by those that follow, so that a compiled network sees one shape.
    resize : {"crop", "squeeze"}, default "crop"
        "crop" scales the shorter side to `image_size` and cuts the rest off on both ends;
        "squeeze" keeps everything and loses the proportions. Both average over the pixels that
        fall into one (bilinear, antialiased).
    draft : bool, default True
        Let the JPEG decoder halve a photo, up to three times, as long as at least `image_size`
        pixels are left. This is faster and changes a pixel by one to three levels on average.
    threads : int, optional
        Photos to decode at a time; by default one per processor.

    Returns
    -------
    generator of ImageBatch
        ``x``: uint8 of shape (n, image_size, image_size, 3), red, green and blue in 0..255;
        ``index``: int64 of shape (n,), positions in `paths`, ascending over all batches;
        ``skipped``: path and reason of files that cannot be opened, are no image, are damaged,
        have more than `MAX_PIXELS` pixels, or 32-bit pixels, whose range nobody knows. Every path
        is in exactly one of the two, once.

    Raises
    ------
    DataError
        At the end, if there are paths but none could be read.
    ValueError
        If `image_size`, `batch_size` or `threads` is not a positive integer, `resize` is unknown,
        or `paths` is a single path.

    Examples
    --------
    >>> from coursehelpers.data import data_folder
    >>> sheets = sorted((data_folder() / "cats-dogs").glob("*.png"))
    >>> [batch.index.tolist() for batch in iterate_images(sheets, 64, batch_size=3)]
    [[0, 1, 2], [3]]
    """
    paths = listed_paths(paths)
    threads = _processors() if threads is None else threads
    counts = {"image_size": image_size, "batch_size": batch_size, "threads": threads}
    for name, count in counts.items():
        require_count(name, count)
    if resize not in RESIZES:
        raise ValueError(f'resize must be "crop" or "squeeze", got {resize!r}.')
    _load_formats()

    def read(path):
        try:
            return decode(path, image_size, resize, draft)
        except ImageError as error:
            return error

    # The checks above are made by the call; a generator would put them off to the first batch.
    return _batches(paths, read, (batch_size, image_size, image_size, 3), threads)


def _batches(paths, read, shape, threads):
    x, index, skipped = np.empty(shape, np.uint8), list[int](), list[Skipped]()
    with contextlib.closing(_in_parallel(read, paths, threads, 2 * len(x))) as results:
        for position, result in enumerate(results):
            if isinstance(result, ImageError):
                skipped.append(Skipped(paths[position], result.reason))
                continue
            # Handed out only when one more photo is there: otherwise unreadable files at the end
            # would need a batch without photos.
            if len(index) == len(x):
                yield ImageBatch(x, np.array(index, np.int64), tuple(skipped))
                x, index, skipped = np.empty(shape, np.uint8), [], []
            x[len(index)] = result
            index.append(position)
    if index:
        yield ImageBatch(x[: len(index)], np.array(index, np.int64), tuple(skipped))
    elif paths:
        path, reason = skipped[0]
        raise DataError(f"None of {len(paths)} files could be read as an image: {path} {reason}.")


def _in_parallel(function, items, threads, window):
    """Yield the results in the order of the items, computed at most `window` ahead."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-images")
    pending = collections.deque[Future[Any]]()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > window:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def listed_paths(paths: Iterable[AnyPath]) -> list[Path]:
    """Return paths as a list, or refuse a single one."""
    if isinstance(paths, str | os.PathLike):
        raise ValueError(
            f"paths must be a list of files, got the single path {str(paths)!r}. "
            "Put it into a list."
        )
    return [Path(path) for path in paths]


def _processors():
    """Return how many processors this process may use; a container or a batch job has fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# --- What is in a folder ------------------------------------------------------------------------


class Files(NamedTuple):
    """The files of a part: their paths, and the class numbers `y` of shape (n,)."""

    paths: tuple[Path, ...]
    y: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class _Found(Generic[Part]):
    """Something for each part of a folder of photos, and what to know about them."""

    train: Part
    validation: Part
    test: Part
    class_names: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    duplicates: tuple[tuple[Path, ...], ...]

    @property
    def parts(self) -> Parts[Part]:
        """The three parts in their order, as `Parts`."""
        return Parts(self.train, self.validation, self.test)

    @property
    def _unit(self) -> str:
        return "files"

    def __repr__(self) -> str:
        train, validation, test = (len(y) for _, y in self.parts)
        return described(
            self, f"{train} training, {validation} validation and {test} test {self._unit}"
        )


def described(found, counts):
    """Return the words for what was found in photos: classes, counts, and what was left out."""
    names = ", ".join(found.class_names[:10]) + (", ..." if len(found.class_names) > 10 else "")
    text = f"{type(found).__name__}: {len(found.class_names)} classes ({names}); {counts}"
    if found.skipped:
        text += f"; {len(found.skipped)} skipped, see .skipped"
    if found.duplicates:
        text += f"; {len(found.duplicates)} in several parts or classes, see .duplicates"
    return text


class ImageFiles(_Found[Files]):
    """What `scan_image_folder` finds: `Files` per part, and what to know about them."""


def scan_image_folder(
    path: AnyPath, *, validation: float = 0.15, test: float = 0.15, seed: Seed = 0
) -> ImageFiles:
    """List the photos of a folder, one sub-folder per class, as training, validation and test.

    The parts are the folders ``train``, ``validation`` (or ``val``, ``valid``) and ``test``, each
    with a sub-folder per class. A part that has no folder is drawn from ``train``. If the classes
    lie in `path` itself, all parts are drawn from them.

    Files in nested folders belong to the class at the top. Hidden files and what operating
    systems leave behind (``.DS_Store``, ``Thumbs.db``, ``__MACOSX``) are passed over. No photo is
    decoded yet: files with an image's ending are taken at their word, of others the first bytes
    are looked at.

    Parameters
    ----------
    path : path-like
    validation, test : float, default 0.15
        Shares of the photos of ``train``, class by class, to draw for a part that has no folder;
        rounded, but at least one photo of each class. With 0 the part is empty. Copies of a photo
        (the same bytes) within a class stay in one part and count once.
    seed : int or sequence of int, default 0
        Seed of the draw, which depends on nothing else but the files below `path`.

    Returns
    -------
    ImageFiles
        ``train``, ``validation`` and ``test``: `Files`, ``paths`` ordered by class and path, and
        ``y``, int64 of shape (n,), indices into ``class_names``, which are sorted. ``skipped``:
        path and reason of what is not in a part. ``duplicates``: groups of paths that hold the
        same bytes but are in several parts or in several classes; they are in the parts too.

    Raises
    ------
    DataError
        If `path` is missing or no folder, there are fewer than two classes, a class is empty or
        too small to be split, a part lacks a class, or two folders are the same part.
    OSError
        If a folder may not be read.
    ValueError
        If a share or the seed is impossible.

    Examples
    --------
    >>> import tempfile
    >>> from coursehelpers.data import data_folder
    >>> sheet = (data_folder() / "cats-dogs" / "test-cats.png").read_bytes()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part in ("train", "val", "test"):
    ...         for name in ("cat", "dog"):
    ...             (Path(folder) / part / name).mkdir(parents=True)
    ...             _ = (Path(folder) / part / name / "1.png").write_bytes(sheet)
    ...     files = scan_image_folder(folder)
    >>> files.train.y.tolist(), len(files.duplicates[0])
    ([0, 1], 6)
    """
    shares = {"validation": validation, "test": test}
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise ValueError(
                f"{name} is the share of the photos to draw, from 0 to below 1, got {share!r}."
            )
    rng = generator(seed)
    root = Path(path).expanduser()
    if not root.exists():
        raise DataError(f"The folder {root} is missing; the working folder is {Path.cwd()}.")
    if not root.is_dir():
        raise DataError(
            f"{root} is a file, expected a folder with a sub-folder per class. "
            "Give the folder; an archive has to be unpacked first."
        )
    skipped = list[Skipped]()
    folders = _part_folders(root, skipped) or {"train": root}
    shares = {name: share for name, share in shares.items() if name not in folders}
    if sum(shares.values()) >= 1:
        raise ValueError(
            f"{' + '.join(shares)} is {sum(shares.values()):g}, which leaves nothing to train on. "
            "Ask for smaller shares."
        )
    found = {name: _classes(folder, skipped) for name, folder in folders.items()}
    class_names = _require_same_classes(found, folders)
    keys = _content_keys(
        [path for classes in found.values() for paths in classes.values() for path in paths]
    )
    found.update({name: {} for name in shares})
    for class_name in class_names if shares else ():
        drawn = _draw(class_name, found["train"][class_name], keys, shares, rng)
        for name, paths in drawn.items():
            found[name][class_name] = paths
    parts = Parts(*(_numbered(found[name], class_names) for name in Parts._fields))
    return ImageFiles(*parts, class_names, tuple(skipped), _duplicates(parts, keys))


def _part_folders(root, skipped):
    """Return the folder of each part, or nothing if `root` holds classes instead."""
    folders, files = _visible(root)
    parts = {
        part: [folder for folder in folders if folder.name.lower() in names]
        for part, names in PART_NAMES._asdict().items()
    }
    parts = {part: found for part, found in parts.items() if found}
    others = [p for p in folders if not any(p in found for found in parts.values())]
    # A class may be called like a part (a train, a test); its folder then holds photos, and it
    # has classes beside it.
    if not parts or (others and not any(_visible(p)[0] for p in parts.get("train", []))):
        return {}
    if "train" not in parts:
        raise DataError(f"{root} has {_quoted(parts)} but no folder train. Add it.")
    for part, several in parts.items():
        if len(several) > 1:
            raise DataError(
                f"{root} has {_quoted(p.name for p in several)}, all of them the {part} part. "
                "Keep one of them."
            )
    skipped += [Skipped(path, "lies beside the folders of the parts") for path in others + files]
    return {part: found[0] for part, found in parts.items()}


def _visible(folder):
    """Return the folders and the other entries of a folder, sorted by name."""
    entries = sorted(path for path in folder.iterdir() if not _hidden(path.name))
    return [p for p in entries if p.is_dir()], [p for p in entries if not p.is_dir()]


def _hidden(name):
    return name.startswith(".") or name.lower() in LEFTOVERS


def _classes(folder, skipped):
    """Return the files of each class of a part."""
    folders, files = _visible(folder)
    skipped += [Skipped(path, "lies in no class's folder") for path in files]
    if not folders:
        raise DataError(
            f"{folder} has no sub-folders, expected one per class with its photos "
            f"(files in it: {len(files)})."
        )
    classes = {path.name: _photos(path, skipped) for path in folders}
    empty = [name for name, paths in classes.items() if not paths]
    if empty:
        raise DataError(
            f"{folder} has no photos of {_quoted(empty)}. Add photos, or remove the empty folders."
        )
    return classes


def _photos(folder, skipped):
    photos = []
    for path in _files_below(folder):
        reason = _why_no_photo(path)
        if reason is None:
            photos.append(path)
        else:
            skipped.append(Skipped(path, reason))
    return photos


def _files_below(folder):
    def fail(error):
        raise error

    found = []
    # Left alone, os.walk passes over a folder that may not be read without a word.
    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not _hidden(name)]
        found += [Path(parent, name) for name in names if not _hidden(name)]
    return sorted(found)


def _why_no_photo(path):
    """Return why a file is no photo, judged by its name or else its first bytes, or None."""
    from PIL import Image

    if not path.is_file():
        # Opening a named pipe would wait for ever.
        return "is no file, or a link that leads nowhere"
    if path.suffix.lower() not in Image.registered_extensions():
        try:
            with _opened(path):
                pass
        except ImageError as error:
            return error.reason
    return None


def _require_same_classes(found, folders):
    class_names = tuple(sorted(set(chain.from_iterable(found.values()))))
    if len(class_names) == 1:
        folder = folders["train"] / class_names[0]
        raise DataError(
            f"{folders['train']} has a single class, {class_names[0]!r}, expected two or more. "
            f"If the classes are the folders in {folder}, give that one."
        )
    lacks = {name: [c for c in class_names if c not in classes] for name, classes in found.items()}
    if any(lacks.values()):
        told = "; ".join(
            f"{folders[n]} lacks {_quoted(names)}" for n, names in lacks.items() if names
        )
        raise DataError(f"All parts must have the same classes, but {told}. Add or remove folders.")
    return class_names


def _content_keys(paths):
    """Return a key for each path, the same for files that hold the same bytes."""
    sizes = {path: path.stat().st_size for path in paths}
    counts = collections.Counter(sizes.values())
    # A size of its own tells a file from all others without reading it.
    return {path: _hash(path) if counts[size] > 1 else path for path, size in sizes.items()}


def _hash(path):
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        # Reading the photo will tell why.
        return path


def _draw(class_name, paths, keys, shares, rng):
    """Split the files of a class into the parts of `shares`, and what is left into train."""
    copies = collections.defaultdict(list)
    for path in paths:
        copies[keys[path]].append(path)
    photos = list(copies.values())
    order = rng.permutation(len(photos))
    drawn, start = {}, 0
    for name, share in shares.items():
        count = max(1, round(share * len(photos))) if share else 0
        drawn[name] = order[start : start + count]
        start += count
    drawn["train"] = order[start:]
    if not len(drawn["train"]):
        raise DataError(
            f"The class {class_name!r} has {len(photos)} different photos, too few to draw "
            f"{' and '.join(shares)} from. Add photos, or ask for smaller shares."
        )
    return {
        name: sorted(chain.from_iterable(photos[i] for i in chosen))
        for name, chosen in drawn.items()
    }


def _numbered(classes, class_names):
    paths = [classes.get(name, []) for name in class_names]
    labels = np.repeat(np.arange(len(class_names)), [len(p) for p in paths])
    return Files(tuple(chain.from_iterable(paths)), labels.astype(np.int64))


def _duplicates(parts, keys):
    groups, places = collections.defaultdict(list), collections.defaultdict(set)
    for name, files in parts._asdict().items():
        for path, label in zip(files.paths, files.y.tolist(), strict=True):
            groups[keys[path]].append(path)
            places[keys[path]].add((name, label))
    return tuple(tuple(group) for key, group in groups.items() if len(places[key]) > 1)


def _quoted(names):
    names = [repr(name) for name in names]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


# --- A folder as arrays -------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class ImageFolder(_Found[Examples]):
    """What `load_image_folder` returns: ``(x, y)`` per part, and what to know about it."""

    paths: Parts[tuple[Path, ...]]

    @property
    def _unit(self) -> str:
        _, height, width, _ = self.train[0].shape
        return f"images of {height} x {width} pixels"


def load_image_folder(
    path: AnyPath,
    image_size: int = 160,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    seed: Seed = 0,
    resize: Resize = "crop",
    draft: bool = True,
    threads: int | None = None,
) -> ImageFolder:
    """Load a folder of photos, one sub-folder per class, as training, validation and test images.

    `scan_image_folder` says where the parts come from, `iterate_images` how photos are read. All
    images are held in memory: a thousand take 77 MB with 160 pixels and 151 MB with 224. Those two
    functions together do without.

    Parameters
    ----------
    path : path-like
        Holds ``train/<class>/`` and, if they exist, ``validation/<class>/`` and ``test/<class>/``,
        or else just ``<class>/``.
    image_size : int, default 160
        Height and width of all images, in pixels.
    validation, test, seed
        Shares and seed of the parts that have no folder of their own, see `scan_image_folder`.
    resize, draft, threads
        See `iterate_images`.

    Returns
    -------
    ImageFolder
        ``train``, ``validation`` and ``test``: pairs ``(x, y)``, images ``uint8`` of shape
        (n, image_size, image_size, 3) in 0..255 and labels ``int64`` of shape (n,), indices into
        ``class_names``; ordered by class and path. ``paths``: of each part's images, in the same
        order. ``skipped``: path and reason of every file that is in no part. ``duplicates``: as of
        `scan_image_folder`, of photos that could be read.

    Raises
    ------
    DataError
        As `scan_image_folder`, or if of some class no photo of a part can be read.
    ValueError
        If an option is impossible, as `scan_image_folder` and `iterate_images`.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, colour in (("sea", "blue"), ("wood", "green")):
    ...         (Path(folder) / name).mkdir()
    ...         for width in range(20, 30):
    ...             Image.new("RGB", (width, 20), colour).save(f"{folder}/{name}/{width}.png")
    ...     load_image_folder(folder, 16, validation=0.2, test=0.2)
    ImageFolder: 2 classes (sea, wood); 12 training, 4 validation and 4 test images of 16 x 16 pixels
    """
    from coursehelpers.progress import progress_bar

    files = scan_image_folder(path, validation=validation, test=test, seed=seed)
    paths = [path for part in files.parts for path in part.paths]
    batches = iterate_images(paths, image_size, resize=resize, draft=draft, threads=threads)
    # Filled in place: to put batches together at the end would take twice the memory.
    x = np.empty((len(paths), image_size, image_size, 3), np.uint8)
    index, skipped = list[int](), list[Skipped]()
    with contextlib.closing(batches), progress_bar(len(paths), "reading photos") as bar:
        for batch in batches:
            x[len(index) : len(index) + len(batch.x)] = batch.x
            index.extend(batch.index)
            skipped.extend(batch.skipped)
            bar.update(len(batch.x) + len(batch.skipped))
    y = np.concatenate([part.y for part in files.parts])[index]
    # The parts follow each other, so that each is a slice: nothing is copied.
    edges = np.searchsorted(index, np.cumsum([0, *(len(part.y) for part in files.parts)]))
    slices = [slice(start, end) for start, end in pairwise(edges)]
    for name, part, where in zip(Parts._fields, files.parts, slices, strict=True):
        require_readable(name, part, y[where], files.class_names, skipped)
    unread = {path for path, _ in skipped}
    parts = Parts(*((x[where], y[where]) for where in slices))
    return ImageFolder(
        *parts,
        class_names=files.class_names,
        paths=Parts(*(tuple(paths[i] for i in index[where]) for where in slices)),
        skipped=(*files.skipped, *skipped),
        duplicates=tuple(group for group in files.duplicates if unread.isdisjoint(group)),
    )


def require_readable(name, files, y, class_names, skipped):
    """Raise a DataError if a class of the `Files` of a part is not among the labels that were read."""
    for label in sorted(set(files.y.tolist()) - set(y.tolist())):
        mine = {path for path, number in zip(files.paths, files.y, strict=True) if number == label}
        path, reason = next(entry for entry in skipped if entry.path in mine)
        raise DataError(
            f"No photo of {class_names[label]!r} in the {name} part could be read ({len(mine)} "
            f"tried): {path} {reason}. Add photos that open elsewhere."
        )
