"""Grade a batch of submissions: what was graded is kept, and a later run goes on from there."""

import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from coursehelpers.checks.core import EXERCISES
from coursehelpers.grading import isolation, private, reports, results
from coursehelpers.grading.judge import Running, digest_of, grade
from coursehelpers.grading.notebook import Unreadable, is_hidden
from coursehelpers.lessons import notebooks


def grade_batch(submissions, notebook, out, *, jobs=1, required=False, checks=None):
    """Grade one notebook or a folder of them, print a summary, and write the reports.

    The options are those of the command `grade`; `required` refuses less isolation than
    bubblewrap's. Returns how many could not be graded, which the next run tries again.

    Raises
    ------
    SystemExit
        If something of this cannot be used; the text says what and why.
    """
    lesson, source, more = read_lesson(notebook, checks)
    paths = submissions_in(submissions, out)
    isolated = isolation.choose(required=required)
    if isolated.name != "bubblewrap":
        print(
            f"Without bubblewrap submissions are less kept apart. {isolation.ADVICE}",
            file=sys.stderr,
        )
    if jobs > (os.cpu_count() or 1):
        print("More jobs than processors: answers may run out of time.", file=sys.stderr)
    with results.locked(out):
        secret = results.secret_of(out)
        version = results.checks_version(source, checks.read_bytes() if checks else b"")
        log = results.Log(out, version, secret)
        grades = {name: _found(log, name, path) for name, path in paths.items()}
        if required:  # what was graded with less is graded again
            enough = {n: g for n, g in grades.items() if g and g.isolation == isolated.name}
            grades = dict.fromkeys(grades) | enough
        left = [name for name, found in grades.items() if found is None]
        print(f"{len(paths)} submissions, {len(left)} to grade; isolation: {isolated.name}")
        running = Running()

        def one(name):
            return grade(paths[name], source, secret, isolated, name, more, running)

        with contextlib.closing(_as_they_come(one, left, jobs, running)) as come:
            for done in come:
                log.append(done)
                grades[done.submission] = done
        told = list(grades.values())
        written = reports.write_reports(out, told, lesson.stem)
    print(reports.summary(told), f"Written: {', '.join(map(str, written))}", sep="\n\n")
    again = sum(not grade.final for grade in told)
    if again:
        print(f"The next run tries to grade {again} again.", file=sys.stderr)
    return again


def read_lesson(given, checks=None):
    """Return the teacher's notebook's path, the notebook, and the ids of the private exercises.

    Raises
    ------
    SystemExit
        If nothing can be graded by it.
    """
    path = Path(given)
    if path.suffix != ".ipynb":
        (path,) = notebooks.find("notebooks", [given])
    source = notebooks.read(path)
    more = private.load(checks, path.stem) if checks else []
    asked = notebooks.answers(source)
    if not asked:
        raise SystemExit(f"{given} asks no exercise: it has no cell for an answer.")
    if unknown := [name for name in asked if name not in EXERCISES]:
        raise SystemExit(
            f"{given} asks exercises that have no check: {', '.join(unknown)}. "
            "Declare them in a file, and give it with --checks."
        )
    if not any("### BEGIN SOLUTION" in cell.source for cell in asked.values()):
        raise SystemExit(f"{given} is a student's copy; give the notebook with the solutions.")
    return path, source, more


def submissions_in(given, out):
    """Return the paths of the notebooks to grade by what to call them; none in the results."""
    if given.is_dir():
        folder, out = given.resolve(), out.resolve()
        names = sorted(path.relative_to(folder) for path in folder.rglob("*.ipynb"))
        names = [name for name in names if not is_hidden(name)]
        if out != folder and out.is_relative_to(folder):
            names = [name for name in names if not (folder / name).is_relative_to(out)]
        if not names:
            raise SystemExit(f"There is no notebook (*.ipynb) in {given}.")
        return {name.as_posix(): folder / name for name in names}
    if not given.exists():
        raise SystemExit(f"There is no file or folder {given}.")
    return {given.name: given.resolve()}


def _found(log, name, path):
    try:
        return log.find(name, digest_of(path))
    except Unreadable:
        return None


def _as_they_come(one, names, jobs, running):
    """Yield the grade of each, in the order in which they are done."""
    with ThreadPoolExecutor(jobs) as threads:
        try:
            done = as_completed([threads.submit(one, name) for name in names])
            for future in _Bar(done, total=len(names), disable=None):
                yield future.result()
        except BaseException:  # Ctrl-C, or a full disk: what runs ends now, the rest never starts
            running.stop()
            threads.shutdown(cancel_futures=True)
            raise


class _Bar(tqdm):
    """A bar on the terminal, with submissions per minute and the time left."""

    def __init__(self, *items, **options):
        layout = (
            "{percentage:3.0f}% |{bar}| {n} of {total}, {per_minute} per minute, {remaining} left"
        )
        super().__init__(*items, bar_format=layout, **options)

    @property
    def format_dict(self):
        """What the layout may name."""
        known = super().format_dict
        rate = known["rate"] or (known["n"] / known["elapsed"] if known["elapsed"] else 0)
        return {**known, "per_minute": f"{60 * rate:.1f}"}
