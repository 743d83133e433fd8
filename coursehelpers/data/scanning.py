"""List a folder of anyone's photos, one sub-folder per class, as training, validation and test."""

import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from coursehelpers.data.decoding import why_no_image
from coursehelpers.data.files import DataError
from coursehelpers.data.images import Skipped
from coursehelpers.data.sampling import _generator

# How a part's folder may be called; upper and lower case are the same.
PART_NAMES = {
    "train": ("train",),
    "validation": ("validation", "val", "valid"),
    "test": ("test",),
}

# What operating systems leave behind in folders and archives, beside names that start with a dot.
LEFTOVERS = {"__macosx", "thumbs.db", "desktop.ini"}


class Files(NamedTuple):
    """The files of a part: their paths, and the class numbers `y` of shape (n,)."""

    paths: tuple[Path, ...]
    y: np.ndarray


class Parts(NamedTuple):
    """Something for each of the three parts."""

    train: object
    validation: object
    test: object


@dataclass(frozen=True, eq=False, repr=False)
class ImageFiles:
    """What `scan_image_folder` finds: `Files` per part, and what to know about them."""

    train: Files
    validation: Files
    test: Files
    class_names: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    duplicates: tuple[tuple[Path, ...], ...]

    @property
    def parts(self):
        """The three parts in their order, as `Parts`."""
        return Parts(self.train, self.validation, self.test)

    def __repr__(self):
        counts = Parts(*(len(files.y) for files in self.parts))
        return described("ImageFiles", self, counts, "files")


def scan_image_folder(path, *, validation=0.15, test=0.15, seed=0):
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
    _require_shares(shares)
    rng = _generator(seed)
    root = Path(path).expanduser()
    _require_folder(root)
    skipped = []
    folders = _part_folders(root, skipped) or {"train": root}
    shares = {name: share for name, share in shares.items() if name not in folders}
    if sum(shares.values()) >= 1:
        raise ValueError(
            f"{' + '.join(shares)} is {sum(shares.values()):g}, which leaves nothing to train on. "
            "Ask for smaller shares."
        )
    found = {name: _classes(folder, skipped) for name, folder in folders.items()}
    class_names = _require_same_classes(found, folders)
    prints = _fingerprints(
        path for classes in found.values() for paths in classes.values() for path in paths
    )
    found.update({name: {} for name in shares})
    for class_name in class_names if shares else ():
        drawn = _draw(class_name, found["train"][class_name], prints, shares, rng)
        for name, paths in drawn.items():
            found[name][class_name] = paths
    parts = Parts(*(_numbered(found[name], class_names) for name in Parts._fields))
    return ImageFiles(*parts, class_names, tuple(skipped), _duplicates(parts, prints))


def described(kind, found, counts, what):
    names = ", ".join(found.class_names[:10]) + (", ..." if len(found.class_names) > 10 else "")
    text = (
        f"{kind}: {len(found.class_names)} classes ({names}); {counts.train} training, "
        f"{counts.validation} validation and {counts.test} test {what}"
    )
    if found.skipped:
        text += f"; {len(found.skipped)} skipped, see .skipped"
    if found.duplicates:
        text += f"; {len(found.duplicates)} in several parts or classes, see .duplicates"
    return text


def _require_folder(root):
    if not root.exists():
        raise DataError(f"The folder {root} is missing; the working folder is {Path.cwd()}.")
    if not root.is_dir():
        raise DataError(
            f"{root} is a file, expected a folder with a sub-folder per class. "
            "Give the folder; an archive has to be unpacked first."
        )


def _require_shares(shares):
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise ValueError(
                f"{name} is the share of the photos to draw, from 0 to below 1, got {share!r}."
            )


def _visible(folder):
    """Return the folders and the other entries of a folder, sorted by name."""
    entries = sorted(path for path in folder.iterdir() if not _hidden(path.name))
    return [p for p in entries if p.is_dir()], [p for p in entries if not p.is_dir()]


def _hidden(name):
    return name.startswith(".") or name.lower() in LEFTOVERS


def _part_folders(root, skipped):
    """Return the folder of each part, or nothing if `root` holds classes instead."""
    folders, files = _visible(root)
    parts, others = {}, []
    for folder in folders:
        name = next((n for n, names in PART_NAMES.items() if folder.name.lower() in names), None)
        if name is None:
            others.append(folder)
        else:
            parts.setdefault(name, []).append(folder)
    # A class may be called like a part (a train, a test); its folder then holds photos, and it
    # has classes beside it.
    if not parts or (others and not any(_visible(p)[0] for p in parts.get("train", []))):
        return {}
    if "train" not in parts:
        raise DataError(f"{root} has {_listed(parts)} but no folder train. Add it.")
    for name, several in parts.items():
        if len(several) > 1:
            raise DataError(
                f"{root} has {_listed(p.name for p in several)}, all of them the {name} part. "
                "Keep one of them."
            )
    skipped += [Skipped(path, "lies beside the folders of the parts") for path in others + files]
    # In the order of the parts, which is that of what is told about them.
    return {name: parts[name][0] for name in PART_NAMES if name in parts}


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
            f"{folder} has no photos of {_listed(empty)}. Add photos, or remove the empty folders."
        )
    return classes


def _photos(folder, skipped):
    from PIL import Image

    endings = Image.registered_extensions()
    photos = []
    for path in _files_below(folder):
        reason = None
        if not path.is_file():
            # Opening a named pipe would wait for ever.
            reason = "is no file, or a link that leads nowhere"
        elif path.suffix.lower() not in endings:
            reason = why_no_image(path)
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
            f"{folders[n]} lacks {_listed(names)}" for n, names in lacks.items() if names
        )
        raise DataError(f"All parts must have the same classes, but {told}. Add or remove folders.")
    return class_names


def _fingerprints(paths):
    """Return a key for each path; paths have the same key if their files hold the same bytes."""
    by_size = defaultdict(list)
    for path in paths:
        by_size[path.stat().st_size].append(path)
    prints = {}
    for same in by_size.values():
        # A size of its own tells a file from all others without reading it.
        prints.update({path: _hash(path) if len(same) > 1 else path for path in same})
    return prints


def _hash(path):
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        # Reading the photo will tell why.
        return path


def _draw(class_name, paths, prints, shares, rng):
    """Split the files of a class into the parts of `shares`, and what is left into train."""
    copies = defaultdict(list)
    for path in paths:
        copies[prints[path]].append(path)
    photos = list(copies.values())
    order = rng.permutation(len(photos))
    drawn, start = {}, 0
    for name, share in (*shares.items(), ("train", None)):
        count = len(photos) if share is None else max(1, round(share * len(photos))) if share else 0
        chosen = order[start : start + count]
        drawn[name] = sorted(chain.from_iterable(photos[i] for i in chosen))
        start += count
    if not drawn["train"]:
        raise DataError(
            f"The class {class_name!r} has {len(photos)} different photos, too few to draw "
            f"{' and '.join(shares)} from. Add photos, or ask for smaller shares."
        )
    return drawn


def _numbered(classes, class_names):
    paths = [classes.get(name, []) for name in class_names]
    labels = np.repeat(np.arange(len(class_names)), [len(p) for p in paths])
    return Files(tuple(chain.from_iterable(paths)), labels.astype(np.int64))


def _duplicates(parts, prints):
    groups, places = defaultdict(list), defaultdict(set)
    for name, files in zip(Parts._fields, parts, strict=True):
        for path, label in zip(files.paths, files.y.tolist(), strict=True):
            groups[prints[path]].append(path)
            places[prints[path]].add((name, label))
    return tuple(tuple(group) for key, group in groups.items() if len(places[key]) > 1)


def _listed(names):
    names = [repr(name) for name in names]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
