"""The command line: `coursehelpers COMMAND`, the same as `python -m coursehelpers COMMAND`.

What a command needs is imported when it runs, so that help and refusals are instant.
"""

import argparse
import contextlib
import inspect
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coursehelpers.profiles import DEVICES, PROFILES

COMMANDS: list[Any] = []
SHOWN = 5  # skipped files and duplicates that are named


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, and exit with its status.

    A command returns its status, None for 0. It refuses what it cannot do with SystemExit and a
    text.
    """
    # A name that the terminal has no letters for ends no command.
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    options = _parser().parse_args(arguments)
    if problem := options.problem(options):
        options.parser.error(problem)
    for number in (signal.SIGTERM, signal.SIGHUP):  # like Ctrl-C, so that no kernel is left
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(options.command(options) or 0)
    except KeyboardInterrupt:
        _end(f"Interrupted. {options.kept}", 130)
    except options.expected as error:
        _end(error, 1)
    except OSError as error:  # such as a full disk
        _end(f"Stopped: {error}. {options.kept}", 1)
    except SystemExit as error:
        if isinstance(error.code, str):
            _end(error, options.refused)
        raise


def _end(text, status):
    print(f"coursehelpers: {text}".rstrip(), file=sys.stderr)
    sys.exit(status)


def _parser():
    parser = argparse.ArgumentParser(
        prog="coursehelpers", description="Grade the course, make it, and use it on your photos."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for function, help_after, arguments, facts in COMMANDS:
        name, purpose = function.__name__, inspect.cleandoc(function.__doc__)
        sub = commands.add_parser(
            name,
            help=purpose.partition(".")[0],
            description=purpose,
            epilog=f"example:\n  coursehelpers {name} {help_after}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        usual = {"kept": "", "refused": 1, "expected": (), "problem": lambda options: ""}
        sub.set_defaults(command=function, parser=sub, **{**usual, **facts})
        for names, options in arguments:
            sub.add_argument(*names, **options)
    return parser


def command(help_after, *arguments, **facts):
    """Make a function a command of its name; its help is the docstring, and ends with an example.

    Facts are, if they are not the usual ones: `kept`, what is left after an interruption;
    `refused`, the status with which a refusal ends; `expected`, other errors whose text is for the
    user; and `problem`, a function that says what is wrong with the options.
    """

    def register(function):
        COMMANDS.append((function, help_after, arguments, facts))
        return function

    return register


def argument(*names, **options):
    """Return an argument for `command`, as argparse takes it."""
    return names, options


# Grading

EXIT_CODES = """\
exit codes: 0 all are graded, also those that earn nothing; 1 some could not be graded, which the
next run tries again; 2 wrong usage; 130 interrupted: the same command goes on from there"""
LESSON = (
    argument(
        "--notebook",
        required=True,
        help="the teacher's: its path, or its name in the folder notebooks",
    ),
    argument("--checks", type=Path, help="a Python file of private checks"),
)


def _grading_problem(options):
    if getattr(options, "jobs", 1) < 1:
        return f"--jobs must be at least 1, got {options.jobs}."
    if options.checks and not options.checks.is_file():
        return f"There is no file {options.checks}."
    return ""


@command(
    f"submitted --notebook regularization --out results\n\n{EXIT_CODES}",
    argument("submissions", type=Path, help="a notebook, or a folder of them"),
    *LESSON,
    argument("--out", type=Path, default=Path("results"), help="folder of the results"),
    argument(
        "--jobs",
        type=int,
        default=1,
        help="submissions at a time, at most one a processor (default: 1)",
    ),
    argument(
        "--isolation", choices=("best", "required"), default="best", help="default: best there is"
    ),
    kept="What was graded is kept; the same command goes on from there.",
    refused=2,
    problem=_grading_problem,
)
def grade(options):
    """Grade one notebook or a folder of them."""
    from coursehelpers.grading.batch import grade_batch

    failed = grade_batch(
        options.submissions,
        options.notebook,
        options.out,
        jobs=options.jobs,
        required=options.isolation == "required",
        checks=options.checks,
    )
    return int(failed > 0)


@command(
    "autograder --notebook regularization",
    argument("folder", type=Path, help="where to write it; the zip file is put beside it"),
    *LESSON,
    argument("--package", help="what pip installs there: a wheel's path, or a requirement"),
    refused=2,
    problem=_grading_problem,
)
def gradescope(options):
    """Write an autograder for Gradescope: a folder, and the zip file to upload there."""
    from coursehelpers.grading.batch import read_lesson
    from coursehelpers.grading.gradescope import write_autograder

    lesson, *_ = read_lesson(options.notebook, options.checks)
    archive = write_autograder(options.folder, lesson, options.package, options.checks)
    print(f"Upload {archive} to Gradescope, as the autograder of a programming assignment.")


# Transfer learning

# Options that `coursehelpers.transfer.transfer` has, too, with the same defaults.
PASSED_ON = (
    *("image_size", "backbone", "weights", "keep_last", "epochs", "learning_rate"),
    *("validation", "test", "seed", "batch_size"),
)
PART = {
    "type": float,
    "default": 0.15,
    "metavar": "SHARE",
    "help": "to draw if there is no such folder (default: %(default)s)",
}
DEVICE = argument("--device", choices=DEVICES, default="cpu", help="(default: %(default)s)")


def _transfer_problem(options):
    if options.save and options.save.suffix != ".keras":
        return f"--save must end in .keras, got {options.save}."
    if options.save and not os.access(options.save.parent, os.W_OK):
        return f"--save: nothing can be written to the folder {options.save.parent}."
    if options.cache and options.no_cache:
        return "--cache and --no-cache contradict each other."
    return ""


@command(
    "photos --image-size 224 --save model.keras",
    argument("folder", type=Path),
    argument("--image-size", type=int, default=160, help="pixels per side (default: %(default)s)"),
    argument(
        "--backbone",
        default="efficientnet_lite0",
        help="see build_backbone (default: %(default)s, offline)",
    ),
    argument("--weights", default="imagenet", help="file of its weights, instead of a download"),
    argument(
        "--keep-last", type=int, default=0, metavar="K", help="blocks to fine-tune (default: none)"
    ),
    argument("--epochs", type=int, default=5, help="of fine-tuning (default: %(default)s)"),
    argument(
        "--learning-rate", type=float, default=1e-5, help="of fine-tuning (default: %(default)s)"
    ),
    argument("--validation", **PART),
    argument("--test", **PART),
    argument("--seed", type=int, default=0, help="of the draws (default: %(default)s)"),
    argument("--batch-size", type=int, default=32, help="photos at a time (default: %(default)s)"),
    DEVICE,
    argument("--save", type=Path, metavar="FILE.keras", help="where to store the model"),
    argument(
        "--cache",
        type=Path,
        help="folder for features (default: COURSEHELPERS_CACHE, or the user's own)",
    ),
    argument("--no-cache", action="store_true", help="neither read nor store features"),
    expected=(ValueError, RuntimeError, OSError),
    problem=_transfer_problem,
)
def transfer(options):
    """Train a network on a folder of photos, on top of one trained on ImageNet.

    The folder holds train/, validation/ and test/ with a folder per class each, or just a folder
    per class; parts that are missing are drawn.
    """
    from coursehelpers.profiles import prepare
    from coursehelpers.transfer import transfer as train

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        prepare(seed=options.seed, device=options.device)
        chosen = {name: getattr(options, name) for name in PASSED_ON}
        result = train(options.folder, **chosen, cache=False if options.no_cache else options.cache)
        if options.save:
            result.model.save(options.save)
        for name, value in transfer_table(result, options.save):
            print(f"{name:<12}{value}")
    for warning in caught:
        print(f"Note: {warning.message}", file=sys.stderr)


def transfer_table(result, saved=None):
    """Return the rows of what is told at the end, each a name and a text."""
    from coursehelpers.transfer.workflow import accuracy_text

    counts = result.counts
    rows = [
        ("classes", ", ".join(result.class_names)),
        (
            "photos",
            f"{counts.train} training, {counts.validation} validation, {counts.test} test",
        ),
    ]
    for name in ("validation", "test"):
        accuracy = getattr(result, name)
        rows.append((name, accuracy_text(accuracy) if accuracy else "no photos"))
    stages = ", ".join(f"{name} {value:.1f}" for name, value in result.seconds.items())
    rows.append(("seconds", f"{sum(result.seconds.values()):.1f} ({stages})"))
    rows.append(("skipped", f"{len(result.skipped)} files" if result.skipped else "none"))
    rows += [("", f"{path} {reason}") for path, reason in result.skipped[:SHOWN]]
    if len(result.skipped) > SHOWN:
        rows.append(("", f"and {len(result.skipped) - SHOWN} more"))
    if result.duplicates:
        count = len(result.duplicates)
        rows.append(("duplicates", f"{count} photos are in several parts or classes"))
        rows += [("", ", ".join(map(str, group))) for group in result.duplicates[:SHOWN]]
    if saved:
        rows.append(("model", saved))
    return rows


# Notebooks

KEPT = "What ran so far is kept in the build folder."
NOTEBOOKS = (
    argument("nb", nargs="*", help="names of notebooks; default all"),
    argument("--notebooks", type=Path, default=Path("notebooks"), help="their folder"),
)
BUILD = argument("--build", type=Path, default=Path("build"), help="folder of the copies")
PROFILE = argument("--profile", choices=PROFILES, default="standard", help="(default: %(default)s)")
SEED = argument("--seed", type=int, default=0, help="(default: %(default)s)")


@command("regularization --profile smoke", *NOTEBOOKS, BUILD, PROFILE, SEED, DEVICE, kept=KEPT)
def run(options):
    """Execute notebooks; exit code 0 only if every cell of every one ran."""
    from coursehelpers.lessons import notebooks
    from coursehelpers.lessons.run import execute_all

    parameters = {"PROFILE": options.profile, "SEED": options.seed, "DEVICE": options.device}
    paths = notebooks.find(options.notebooks, options.nb)
    results = execute_all(paths, options.build / options.profile, parameters)
    return int(any(result.problems for result in results))


@command("regularization --profile smoke", *NOTEBOOKS, BUILD, PROFILE, kept=KEPT)
def validate(options):
    """Compare the executed copies with the stored outputs."""
    from coursehelpers.lessons import notebooks
    from coursehelpers.lessons.validate import LEAST_SHARE
    from coursehelpers.lessons.validate import validate as compare

    folder, least = options.build / options.profile, LEAST_SHARE[options.profile]
    failed = False
    for path in notebooks.find(options.notebooks, options.nb):
        result = compare(path, folder / path.name, options.profile, folder / "validation")
        failed |= not result.passed or result.share < least
        print(
            f"{path.stem}: {'agrees' if result.passed else 'DIFFERS'} with its stored outputs; "
            f"compared {result.compared} of {result.outputs} output cells ({result.share:.0%}, at "
            f"least {least:.0%} wanted)"
        )
        if not result.passed:
            print(result.report)
    return int(failed)


@command("regularization", *NOTEBOOKS, BUILD, kept=KEPT)
def publish(options):
    """Store the outputs of the standard profile, and what the README says of them."""
    from coursehelpers.lessons import notebooks
    from coursehelpers.lessons.publish import publish as store
    from coursehelpers.lessons.publish import publish_readme

    for path in notebooks.find(options.notebooks, options.nb):
        store(path, options.build / "standard" / path.name)
    publish_readme(options.notebooks.parent / "README.md", notebooks.find(options.notebooks))


@command("regularization", *NOTEBOOKS, kept=KEPT)
def student(options):
    """Write the students' copies, without solutions and outputs."""
    from coursehelpers.lessons import notebooks
    from coursehelpers.lessons.student import repository, write_student_copy

    address = repository(options.notebooks.parent)
    for path in notebooks.find(options.notebooks, options.nb):
        print(write_student_copy(path, options.notebooks / "student", address))
