"""Command line: grade submitted notebooks."""

import argparse
import contextlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from coursehelpers.checks.core import EXERCISES
from coursehelpers.execution import notebooks
from coursehelpers.grading import isolation, private, reports, results
from coursehelpers.grading.judge import Running, digest_of
from coursehelpers.grading.judge import grade as grade_one
from coursehelpers.grading.notebook import Unreadable, is_hidden

EXIT_CODES = """\
exit codes: 0 all are graded, also those that earn nothing; 1 some could not be graded, which the
next run tries again; 2 wrong usage; 130 interrupted: the same command goes on from there"""


def grade(options):
    """Grade one notebook or a folder of them; return the exit code."""
    lesson = _lesson(options.notebook)
    source = notebooks.read(lesson)
    more = private.load(options.checks, lesson.stem) if options.checks else []
    checks = options.checks.read_bytes() if options.checks else b""
    _refuse_useless(source, options.notebook)
    paths = _submissions(options.submissions, options.out)
    isolated = isolation.choose(required=options.isolation == "required")
    if isolated.name != "bubblewrap":
        print(
            f"Without bubblewrap submissions are less kept apart. {isolation.ADVICE}",
            file=sys.stderr,
        )
    if options.jobs > (os.cpu_count() or 1):
        print("More jobs than processors: answers may run out of time.", file=sys.stderr)
    with results.locked(options.out):
        secret = results.secret_of(options.out)
        log = results.Log(options.out, results.checks_version(source, checks), secret)
        grades = {name: _found(log, name, path) for name, path in paths.items()}
        if options.isolation == "required":  # what was graded with less is graded again
            enough = {n: g for n, g in grades.items() if g and g.isolation == isolated.name}
            grades = dict.fromkeys(grades) | enough
        left = [name for name, found in grades.items() if found is None]
        print(f"{len(paths)} submissions, {len(left)} to grade; isolation: {isolated.name}")
        running = Running()

        def one(name):
            return grade_one(paths[name], source, secret, isolated, name, more, running)

        with contextlib.closing(_as_they_come(one, left, options.jobs, running)) as come:
            for done in come:
                log.append(done)
                grades[done.submission] = done
        told = list(grades.values())
        written = reports.write_reports(options.out, told, lesson.stem)
    print(reports.summary(told), f"Written: {', '.join(map(str, written))}", sep="\n\n")
    again = sum(not grade.final for grade in told)
    if again:
        print(f"The next run tries to grade {again} again.", file=sys.stderr)
    return int(again > 0)


def gradescope(options):
    """Write an autograder for Gradescope: a folder, and the zip file to upload there."""
    from coursehelpers.grading.gradescope import write_autograder

    lesson = _lesson(options.notebook)
    source = notebooks.read(lesson)
    if options.checks:
        private.load(options.checks, lesson.stem)
    _refuse_useless(source, options.notebook)
    archive = write_autograder(options.folder, lesson, options.package, options.checks)
    print(f"Upload {archive} to Gradescope, as the autograder of a programming assignment.")
    return 0


def _lesson(given):
    """Return the path of the teacher's notebook, by its name or path."""
    path = Path(given)
    return path if path.suffix == ".ipynb" else notebooks.find("notebooks", [given])[0]


def _refuse_useless(source, given):
    """Refuse a teacher's notebook by which nothing can be graded."""
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


def _submissions(given, out):
    """Return the notebooks to grade, by what to call them."""
    if given.is_dir():
        folder, out = given.resolve(), out.resolve()
        names = sorted(path.relative_to(folder) for path in folder.rglob("*.ipynb"))
        names = [name for name in names if not is_hidden(name)]
        if out != folder and out.is_relative_to(folder):  # what is written there is no submission
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


def main(arguments=None):
    """Run the command line."""
    # A name that the terminal has no letters for ends no batch.
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="coursehelpers", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    sub = commands.add_parser(
        "grade",
        help="grade one notebook or a folder of them",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub.set_defaults(command=grade)
    sub.add_argument("submissions", type=Path, help="a notebook, or a folder of them")
    _add_lesson(sub)
    sub.add_argument("--out", type=Path, default=Path("results"), help="folder of the results")
    sub.add_argument(
        "--jobs",
        type=int,
        default=1,
        help="submissions at a time, at most one a processor (default: 1)",
    )
    sub.add_argument(
        "--isolation", choices=("best", "required"), default="best", help="default: best there is"
    )
    sub = commands.add_parser("gradescope", help=gradescope.__doc__)
    sub.set_defaults(command=gradescope, jobs=1)
    sub.add_argument("folder", type=Path, help="where to write it; the zip file is put beside it")
    _add_lesson(sub)
    sub.add_argument("--package", help="what pip installs there: a wheel's path, or a requirement")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}.")
    if options.checks and not options.checks.is_file():
        parser.error(f"There is no file {options.checks}.")
    for number in (signal.SIGTERM, signal.SIGHUP):  # like Ctrl-C, so that no kernel is left
        signal.signal(number, signal.default_int_handler)
    kept = "What was graded is kept; the same command goes on from there."
    kept = kept if options.command is grade else ""
    try:
        sys.exit(options.command(options))
    except KeyboardInterrupt:
        _end(f"Interrupted. {kept}", 130)
    except (results.Unusable, private.Unusable) as error:
        _end(error, 2)
    except OSError as error:  # such as a full disk
        _end(f"Stopped: {error}. {kept}", 1)
    except SystemExit as error:
        if isinstance(error.code, str):
            _end(error, 2)
        raise


def _add_lesson(parser):
    parser.add_argument(
        "--notebook",
        required=True,
        help="the teacher's: its path, or its name in the folder notebooks",
    )
    parser.add_argument("--checks", type=Path, help="a Python file of private checks")


def _end(told, code):
    print(f"coursehelpers: {told}", file=sys.stderr)
    sys.exit(code)
