"""The page that a student gets: what came of each exercise, and where to go on."""

import functools
import hashlib
import re
import unicodedata
from base64 import b64encode
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from coursehelpers.checks import display
from coursehelpers.checks.core import EXERCISES
from coursehelpers.grading import results
from coursehelpers.grading.judge import NOT_GRADED
from coursehelpers.grading.students import student_of
from coursehelpers.grading.text import clean

FOLDER = "feedback"
_KINDS = {"passed": "passed", "partial": "partial", "not attempted": "open"}


def page_name(submission):
    """Return the name of a submission's page: safe in every file system, and of this one only.

    Examples
    --------
    >>> page_name("../Zoë/regularization.ipynb")
    'Zoe-regularization-6520890b0c245844.html'
    """
    text = unicodedata.normalize("NFKD", submission.removesuffix(".ipynb"))
    text = "".join(c for c in text if not unicodedata.combining(c))
    told = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:80]
    # The first part is for people; the second tells apart what looks alike in it.
    mark = hashlib.sha256(submission.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{told or 'submission'}-{mark}.html"


def exercises_of(grade):
    """Return what a student is told of each exercise: the outcome, its section and a hint.

    Parameters
    ----------
    grade : judge.Grade

    Returns
    -------
    list of dict
        Those of `Outcome`, and ``section``, ``hint`` (the first one, empty where all is well) and
        ``sign``. Text is one line each, without control characters.
    """
    told = []
    for outcome in grade.outcomes:
        exercise, status = EXERCISES.get(outcome["id"]), outcome["status"]
        hints = exercise.hints if exercise and status != "passed" else ()
        told.append(
            outcome
            | {
                "messages": [clean(message) for message in outcome["messages"]],
                "section": exercise.section if exercise else "",
                "hint": hints[0] if hints else "",
                "sign": display.SIGNS[status][0],
            }
        )
    return told


def page(grade, lesson):
    """Return the page of a submission, complete in itself.

    Parameters
    ----------
    grade : judge.Grade
    lesson : str
        The notebook's name.

    Returns
    -------
    str
        HTML without scripts; nothing in it is loaded from elsewhere.
    """
    exercises = [
        exercise
        | {
            "kind": _KINDS.get(exercise["status"], "failed"),
            "told": bool(exercise["messages"] or exercise["hint"]),
        }
        for exercise in exercises_of(grade)
    ]
    template, css = _template()
    # The template escapes whatever it is given.
    return template.render(
        lesson=lesson.replace("_", " "),
        earned=grade.earned,
        possible=grade.possible,
        student=clean(student_of(grade.submission).name),
        file=clean(grade.submission),
        # Each exercise would say it again.
        exercises=[e | {"told": False} for e in exercises] if grade.problem else exercises,
        problem=clean(grade.problem) if grade.final else NOT_GRADED,
        mentions=[clean(mention) for mention in grade.mentions],
        css=css,
        hash=b64encode(hashlib.sha256(css.encode()).digest()).decode(),
    )


def write_pages(folder, grades, lesson):
    """Write the pages that are new or have changed.

    Parameters
    ----------
    folder : path-like
        Of the results; the pages go into ``feedback`` there.
    grades : iterable of judge.Grade
    lesson : str
        The notebook's name.

    Returns
    -------
    pathlib.Path
        The folder of the pages.
    """
    folder = Path(folder) / FOLDER
    folder.mkdir(exist_ok=True)
    pages = {folder / page_name(grade.submission): page(grade, lesson) for grade in grades}
    for path in folder.glob(f"*-{'[0-9a-f]' * 16}.html"):
        if path not in pages:  # of a submission that is there no more
            path.unlink()
    for path, text in pages.items():
        if not (path.is_file() and path.read_bytes() == text.encode()):
            results.write(path, text)
    return folder


@functools.cache
def _template():
    """Return the template, and the style, which is the only thing that it does not escape."""
    home = files("coursehelpers.grading")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((home / "feedback.html").read_text(encoding="utf-8"))
    return template, (home / "feedback.css").read_text(encoding="utf-8")
