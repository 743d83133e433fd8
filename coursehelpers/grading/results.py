"""The only module that writes: results as they come, durably, and files as a whole."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from coursehelpers.grading.judge import Grade

RESULTS, SECRET, LOCK = "results.jsonl", "secret", ".lock"


@contextlib.contextmanager
def locked(folder):
    """Make a folder for results, and keep it for this process until the block ends.

    Raises
    ------
    SystemExit
        If it cannot be made or written to, or if another process has it. One that is killed keeps
        nothing.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        file = open(Path(folder) / LOCK, "ab")  # noqa: SIM115
    except OSError as error:
        raise SystemExit(f"No results can be written to {folder}: {error.strerror}.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                f"Another run writes to {folder}. Wait until it has ended, or choose another --out."
            ) from None
        yield


def write(path, text):
    """Write a file at once or not at all; only its owner may read it."""
    path = Path(path)
    # Always the same name, so that what a killed run leaves behind is written over.
    new = path.with_name(f".{path.name}.new")
    try:
        with open(_opened(new, os.O_TRUNC), "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _opened(path, flag=0):
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flag, 0o600)


def _sync_folder(folder):
    """Make the names in a folder as durable as the files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def secret_of(folder):
    """Return the secret that seeds the random inputs; it is made once for each folder.

    Raises
    ------
    SystemExit
        If the file holds something else.
    """
    path = Path(folder) / SECRET
    if not path.exists():
        write(path, secrets.token_hex(32))
    path.chmod(0o600)
    try:
        return bytes.fromhex(path.read_text())
    except ValueError:
        raise SystemExit(f"{path} holds no secret; remove it, and a new one is made.") from None


def checks_version(source, private=b""):
    """Return a hash of what a grade depends on besides the submission: lesson, checks, grader.

    Parameters
    ----------
    source : nbformat.NotebookNode
        The teacher's notebook.
    private : bytes, default b""
        The file of the private checks.
    """
    digest = hashlib.sha256(json.dumps(source, sort_keys=True).encode())
    for package in ("coursehelpers.checks", "coursehelpers.grading"):
        for module in sorted(Path(str(files(package))).rglob("*.py")):
            digest.update(module.read_bytes())
    digest.update(private)
    return digest.hexdigest()[:16]


class Log:
    """The results of a batch, one line of JSON each, appended as they come.

    Parameters
    ----------
    folder : path-like
    version : str
        What the results depend on besides the submission; those of another version are graded
        again.
    secret : bytes, default b""
        What seeded the inputs; a hash of it goes into the lines, with the same effect.
    """

    def __init__(self, folder, version, secret=b""):
        self._path = Path(folder) / RESULTS
        self._facts = {"version": version, "seed": hashlib.sha256(secret).hexdigest()[:16]}
        self._done = {}
        for line in self._lines():
            with contextlib.suppress(TypeError, KeyError, AttributeError):  # of another release
                grade = Grade(**line["grade"])
                if grade.final and {key: line[key] for key in self._facts} == self._facts:
                    self._done[grade.submission, grade.digest] = grade

    def find(self, name, digest):
        """Return the final grade of a submission with this very content, or None."""
        return self._done.get((name, digest))

    def append(self, grade):
        """Add a result; when this returns it is on the disk."""
        line = json.dumps({**self._facts, "grade": asdict(grade)}).encode() + b"\n"
        new = not self._path.exists()
        handle = _opened(self._path, os.O_APPEND)
        try:
            size = os.fstat(handle).st_size
            # A line that a killed run has left half written is ended here, and not read.
            broken = size and os.pread(handle, 1, size - 1) != b"\n"
            try:
                _write_all(handle, b"\n" * bool(broken) + line)
                os.fsync(handle)
            except OSError:  # such as a full disk: nothing rather than a half
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        if new:
            _sync_folder(self._path.parent)
        if grade.final:
            self._done[grade.submission, grade.digest] = grade

    def _lines(self):
        if not self._path.exists():
            return
        with open(self._path, "rb") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    yield json.loads(line)


def _write_all(handle, data):
    while data:
        data = data[os.write(handle, data) :]
