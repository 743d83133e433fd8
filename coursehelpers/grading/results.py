"""The only module that writes: results as they come, durably, and whole files."""

import hashlib
import json
import os
import secrets
import tempfile
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from coursehelpers.grading.judge import Grade

RESULTS, SECRET = "results.jsonl", "secret"


def write(path, text):
    """Write a file at once or not at all."""
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def secret_of(folder):
    """Return the secret that seeds the random inputs; it is made once for each folder."""
    path = Path(folder) / SECRET
    if not path.exists():
        write(path, secrets.token_hex(32))
    return bytes.fromhex(path.read_text().strip())


def checks_version(source):
    """Return a hash of everything that a grade depends on besides the submission."""
    digest = hashlib.sha256(json.dumps(source, sort_keys=True).encode())
    for module in sorted(files("coursehelpers.checks").rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:16]


class Log:
    """The results of a batch, one line of JSON each, appended as they come.

    Parameters
    ----------
    folder : path-like
    version : str
        What the results depend on besides the submission; those of another version are graded
        again.
    """

    def __init__(self, folder, version):
        self._path = Path(folder) / RESULTS
        self._version = version
        self._done = {}
        for line in self._lines():
            if line.get("version") == version:
                grade = Grade(**line["grade"])
                self._done[grade.submission, grade.digest] = grade

    def find(self, name, digest):
        """Return the grade of a submission with this very content, or None."""
        return self._done.get((name, digest))

    def append(self, grade):
        """Add a result; when this returns it is on the disk."""
        line = json.dumps({"version": self._version, "grade": asdict(grade)})
        with open(self._path, "ab") as file:
            # A line that a killed run has left half written is ended here, and not read.
            broken = file.tell() and not self._path.read_bytes().endswith(b"\n")
            file.write(b"\n" * bool(broken) + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._done[grade.submission, grade.digest] = grade

    def _lines(self):
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                read = json.loads(line)
            except ValueError:
                continue
            if isinstance(read, dict) and "grade" in read:
                yield read
