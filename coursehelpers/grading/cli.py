"""Command line: grade submitted notebooks."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from coursehelpers.grading import isolation, reports, results


def grade(options):
    """Grade one notebook or a folder of them; exit code 0 if every one has a result."""
    from coursehelpers.execution import notebooks
    from coursehelpers.grading.judge import digest_of
    from coursehelpers.grading.judge import grade as grade_one

    source = notebooks.read(_lesson(options.notebook))
    paths = _submissions(options.submissions)
    isolated = isolation.choose(required=options.isolation == "required")
    options.out.mkdir(parents=True, exist_ok=True)
    secret = results.secret_of(options.out)
    log = results.Log(options.out, results.checks_version(source))
    grades = {name: log.find(name, digest_of(path)) for name, path in paths.items()}
    left = [name for name, found in grades.items() if found is None]
    print(f"{len(paths)} submissions, {len(left)} to grade; isolation: {isolated.name}")

    def one(name):
        return grade_one(paths[name], source, secret, isolated, name)

    with ThreadPoolExecutor(options.jobs) as threads:
        bar = tqdm(threads.map(one, left), total=len(left), unit="submission", disable=None)
        for done in bar:
            log.append(done)
            grades[done.submission] = done
    told = list(grades.values())
    written = reports.write_reports(options.out, told, _lesson(options.notebook).stem)
    print(reports.summary(told), f"Written: {', '.join(map(str, written))}", sep="\n\n")
    return 0


def gradescope(options):
    """Write an autograder for Gradescope: a folder, and the zip file to upload there."""
    from coursehelpers.grading.gradescope import write_autograder

    archive = write_autograder(options.folder, _lesson(options.notebook), options.package)
    print(f"Upload {archive} to Gradescope, as the autograder of a programming assignment.")
    return 0


def _lesson(given):
    """Return the path of the teacher's notebook, by its name or path."""
    from coursehelpers.execution import notebooks

    path = Path(given)
    return path if path.suffix == ".ipynb" else notebooks.find("notebooks", [given])[0]


def _submissions(given):
    """Return the notebooks to grade, by what to call them."""
    if given.is_file():
        return {given.name: given}
    if not given.is_dir():
        raise SystemExit(f"There is no file or folder {given}.")
    found = sorted(
        path for path in given.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
    )
    if not found:
        raise SystemExit(f"There is no notebook (*.ipynb) in {given}.")
    return {path.relative_to(given).as_posix(): path for path in found}


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="coursehelpers", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    sub = commands.add_parser("grade", help=grade.__doc__)
    sub.set_defaults(command=grade)
    sub.add_argument("submissions", type=Path, help="a notebook, or a folder of them")
    sub.add_argument("--notebook", required=True, help="the teacher's: its name, or its path")
    sub.add_argument("--out", type=Path, default=Path("results"), help="folder of the results")
    sub.add_argument("--jobs", type=int, default=1, help="submissions at a time (default: 1)")
    sub.add_argument(
        "--isolation", choices=("best", "required"), default="best", help="default: best there is"
    )
    sub = commands.add_parser("gradescope", help=gradescope.__doc__)
    sub.set_defaults(command=gradescope, jobs=1)
    sub.add_argument("folder", type=Path, help="where to write it; the zip file is put beside it")
    sub.add_argument("--notebook", required=True, help="the teacher's: its name, or its path")
    sub.add_argument("--package", help="what pip installs there: a wheel's path, or a requirement")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}.")
    try:
        sys.exit(options.command(options))
    except KeyboardInterrupt:
        sys.exit("Interrupted. What was graded is kept; the same command goes on from there.")
