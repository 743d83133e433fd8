"""Tell whose a submission is, by the names that nbgrader, Canvas and Moodle give."""

import re
from collections import Counter
from pathlib import PurePosixPath
from typing import NamedTuple

# Only the end of such a name is the student's own choice, and it decides nothing.
_CANVAS = re.compile(r"(?P<name>[^\W_]+)_(?P<late>LATE_)?(?P<id>[0-9]+)_[0-9]+_.+", re.DOTALL)
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>[0-9]+)_assignsubmission_file(?:_.*)?", re.DOTALL)


class Student(NamedTuple):
    """Whose a submission is.

    Attributes
    ----------
    name : str
    id : str
        Canvas's number of the student, or Moodle's of the participant; else empty.
    source : str
        Where this was read: "Canvas", "Moodle", "folder" or "file name".
    late : bool
        Whether Canvas says so.
    """

    name: str
    id: str
    source: str
    late: bool = False

    @property
    def key(self):
        """What is the same in two submissions of one student."""
        return self.source, self.id or self.name


def student_of(submission):
    """Return whose a submission is.

    Parameters
    ----------
    submission : str
        The path below the folder that was graded, with ``/`` between its parts: Canvas's file
        names, Moodle's folders or files, ``submitted/<student>/<assignment>/<notebook>.ipynb`` as
        nbgrader has it, or ``<student>/<notebook>.ipynb``.

    Returns
    -------
    Student
        By the first part of the path, which the student has no hand in; the rest is not read.

    Examples
    --------
    >>> student_of("submitted/ada/regularization/regularization.ipynb").name
    'ada'
    >>> student_of("lovelaceada_LATE_12345_67890_regularization-1.ipynb")
    Student(name='lovelaceada', id='12345', source='Canvas', late=True)
    >>> student_of("Ada Lovelace_12345_assignsubmission_file_/regularization.ipynb")
    Student(name='Ada Lovelace', id='12345', source='Moodle', late=False)
    """
    parts = PurePosixPath(submission).parts or (submission,)
    if len(parts) > 1 and parts[0] == "submitted":
        parts = parts[1:]
    first, in_folder = parts[0], len(parts) > 1
    if not in_folder and (found := _CANVAS.fullmatch(first)):
        return Student(found["name"], found["id"], "Canvas", bool(found["late"]))
    if found := _MOODLE.fullmatch(first):
        return Student(found["name"], found["id"], "Moodle")
    if in_folder:
        return Student(first, "", "folder")
    return Student(PurePosixPath(first).stem, "", "file name")


def repeated(submissions):
    """Return how many submissions the student of each one has handed in.

    Examples
    --------
    >>> repeated(["ada/a.ipynb", "ada/b.ipynb", "bob/a.ipynb"])
    {'ada/a.ipynb': 2, 'ada/b.ipynb': 2, 'bob/a.ipynb': 1}
    """
    keys = {name: student_of(name).key for name in submissions}
    counts = Counter(keys.values())
    return {name: counts[key] for name, key in keys.items()}
