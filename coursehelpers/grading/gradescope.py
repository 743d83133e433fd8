"""Grade on Gradescope: make the autograder that is uploaded there, and be what it runs.

Gradescope unpacks the autograder in ``/autograder/source``, runs its ``setup.sh`` once, and for each
submission, in a container of its own, ``run_autograder``: that reads ``/autograder/submission`` and
writes ``/autograder/results/results.json``.
"""

import json
import shlex
import shutil
import sys
import tempfile
from importlib.metadata import metadata
from pathlib import Path

from coursehelpers.grading import isolation, judge, private, results
from coursehelpers.grading.feedback import exercises_of
from coursehelpers.grading.notebook import is_hidden
from coursehelpers.grading.text import clean
from coursehelpers.lessons import notebooks

LESSON, CHECKS = "lesson", "private.py"
# Another Python than the container's, where the submission's user may read it too.
SETUP = """\
#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the container.
set -euo pipefail
cd "$(dirname "$0")"
apt-get update
apt-get install -y git python3-venv
apt-get install -y bubblewrap || true  # without it submissions are less protected, and graded
export UV_PYTHON_INSTALL_DIR=/opt/python
python3 -m venv /opt/uv
/opt/uv/bin/pip install uv
/opt/uv/bin/uv venv --python 3.12 /opt/coursehelpers
/opt/uv/bin/uv pip install --python /opt/coursehelpers/bin/python {package}
chmod -R go-rwx .  # the lesson's solutions are not for a submission, if it is another user
"""
RUN = """\
#!/usr/bin/env bash
# Runs for each submission; both variables are for trying this out on a machine of one's own.
exec "${COURSEHELPERS_PYTHON:-/opt/coursehelpers/bin/python}" -P -m coursehelpers.grading.gradescope \\
    "${AUTOGRADER:-/autograder}"
"""


def write_autograder(folder, notebook, package=None, checks=None):
    """Write the autograder of a notebook, as a folder and as the zip file to upload.

    Parameters
    ----------
    folder : path-like
        Its files are written anew, others in it stay; the zip file is put beside it.
    notebook : path-like
        The teacher's.
    package : str, optional
        What pip is to install: the path of a wheel, which is copied, or a requirement. By default
        the package's repository.
    checks : path-like, optional
        A file of private checks.

    Returns
    -------
    pathlib.Path
        The zip file.

    Raises
    ------
    SystemExit
        If there is no such notebook, or no such wheel.
    """
    folder, notebook = Path(folder).resolve(), Path(notebook)
    notebooks.read(notebook)
    shutil.rmtree(folder / LESSON, ignore_errors=True)  # there is one lesson only
    for wheel in folder.glob("*.whl"):
        wheel.unlink()
    (folder / LESSON).mkdir(parents=True)
    if package is None:
        package = f"git+{_repository()}"
    elif package.endswith(".whl"):
        wheel = Path(package)
        if not wheel.is_file():
            raise SystemExit(
                f"There is no wheel {wheel}. In a checkout of the course, "
                "`python -m pip wheel --no-deps --wheel-dir build .` makes one."
            )
        shutil.copy(wheel, folder)
        package = f"./{wheel.name}"
    shutil.copy(notebook, folder / LESSON)
    if checks:
        shutil.copy(checks, folder / LESSON / CHECKS)
    setup = SETUP.replace("{package}", shlex.quote(package))
    for name, text in (("setup.sh", setup), ("run_autograder", RUN)):
        results.write(folder / name, text)
        (folder / name).chmod(0o755)
    return Path(shutil.make_archive(str(folder), "zip", folder))


def grade_submission(root):
    """Grade the notebook in ``submission`` below a folder, and write ``results/results.json``."""
    root = Path(root)
    (lesson,) = (root / "source" / LESSON).glob("*.ipynb")
    source, isolated = notebooks.read(lesson), isolation.choose()
    checks = lesson.with_name(CHECKS)
    more = private.load(checks, lesson.stem) if checks.exists() else []
    # What is printed here is for the teacher only.
    print(f"isolation: {isolated.name}")
    try:
        path = _submitted(root / "submission", lesson.name)
    except LookupError as error:
        grade = judge.Grade("", "", isolation=isolated.name, problem=str(error))
    else:
        with tempfile.TemporaryDirectory() as folder:
            secret = results.secret_of(folder)
            grade = judge.grade(path, source, secret, isolated, private=more)
    print("\n".join([grade.problem, *grade.mentions]).strip())
    told = report(grade, sum(exercise.points for exercise in judge.exercises_of(source, more)))
    path = root / "results" / "results.json"
    results.write(path, json.dumps(told, indent=1))
    path.chmod(0o644)  # whoever collects it


def report(grade, possible):
    """Return what Gradescope shows of a grade, as its `results.json` has it.

    Parameters
    ----------
    grade : judge.Grade
    possible : int
        Points.

    Returns
    -------
    dict
        Of plain values; all texts are shown as they are, not as HTML or Markdown.
    """
    problem = grade.problem if grade.final else judge.NOT_GRADED
    mentions = [clean(text) for text in (problem, *grade.mentions) if text]
    return {
        "score": grade.earned,
        "output": "\n".join([f"{grade.earned} of {possible} points.", *mentions]),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": [_test(exercise) for exercise in exercises_of(grade)],
    }


def _test(exercise):
    hint = [f"Hint: {exercise['hint']}"] if exercise["hint"] else []
    points = f"{exercise['earned']} of {exercise['possible']} points"
    told = f"{exercise['sign']} {exercise['status']}, {points}"
    return {
        "name": f"{exercise['id']} (section {exercise['section']})",
        "name_format": "text",
        "score": exercise["earned"],
        "max_score": exercise["possible"],
        # Gradescope knows these two only.
        "status": "passed" if exercise["status"] == "passed" else "failed",
        "output": "\n".join([told, *exercise["messages"], *hint]),
        "output_format": "text",
        "visibility": "visible",
    }


def _submitted(folder, name):
    """Return the notebook that was handed in: the only one, or the only one of the lesson's name."""
    found = sorted(path for path in folder.rglob("*.ipynb") if _is_handed_in(path, folder))
    named = [path for path in found if path.name == name]
    if len(found) == 1 or len(named) == 1:
        return (named or found)[0]
    if not found:
        raise LookupError(f"There is no notebook (*.ipynb) in what you handed in; hand in {name}.")
    raise LookupError(
        f"There are {len(found)} notebooks in what you handed in; hand in one, named {name}."
    )


def _is_handed_in(path, folder):
    """Return whether this is a file that somebody wrote, and not a link to one of ours."""
    hidden = is_hidden(path.relative_to(folder))
    return not hidden and path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _repository():
    urls = metadata("coursehelpers").get_all("Project-URL", [])
    return dict(url.split(", ", 1) for url in urls)["Repository"]


if __name__ == "__main__":
    grade_submission(sys.argv[1])
