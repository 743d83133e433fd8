"""Command line: run, validate and publish notebooks, and make the students' copies."""

import argparse
import sys
from pathlib import Path

from coursehelpers.execution import notebooks
from coursehelpers.profiles import DEVICES, PROFILES

# Share of the output cells that validation has to compare. What is trained cannot be compared in a
# smoke test, where an epoch is a step.
LEAST_SHARE = {"smoke": 0.3, "standard": 0.9}


def run(options):
    """Execute the notebooks; exit code 0 only if every cell of every one ran."""
    from coursehelpers.execution.run import execute_all

    parameters = {"PROFILE": options.profile, "SEED": options.seed, "DEVICE": options.device}
    paths = notebooks.find(options.notebooks, options.nb)
    results = execute_all(paths, _folder(options), parameters)
    return int(any(result.problems for result in results))


def validate(options):
    """Compare the executed copies with the stored outputs."""
    from coursehelpers.execution.validate import validate as compare

    failed = False
    for path in notebooks.find(options.notebooks, options.nb):
        executed = _folder(options) / path.name
        result = compare(path, executed, options.profile, _folder(options) / "validation")
        enough = result.share >= LEAST_SHARE[options.profile]
        failed |= not (result.passed and enough)
        verdict = "agrees" if result.passed else "DIFFERS"
        print(
            f"{path.stem}: {verdict} with its stored outputs; compared {result.compared} of "
            f"{result.outputs} output cells ({result.share:.0%}, "
            f"at least {LEAST_SHARE[options.profile]:.0%} wanted)"
        )
        if not result.passed:
            print(result.report)
    return int(failed)


def publish(options):
    """Store the outputs of the standard profile, and what the README says of them."""
    from coursehelpers.execution.publish import publish as store
    from coursehelpers.execution.publish import publish_readme

    folder = options.build / "standard"
    for path in notebooks.find(options.notebooks, options.nb):
        store(path, folder / path.name)
    publish_readme(options.notebooks.parent / "README.md", notebooks.find(options.notebooks))
    return 0


def student(options):
    """Write the students' copies, without solutions and outputs."""
    from coursehelpers.execution.student import repository, write_student_copy

    address = repository(options.notebooks.parent)
    for path in notebooks.find(options.notebooks, options.nb):
        print(write_student_copy(path, options.notebooks / "student", address))
    return 0


def _folder(options):
    return options.build / options.profile


def main():
    parser = argparse.ArgumentParser(prog="python -m coursehelpers.execution", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (run, validate, publish, student):
        sub = commands.add_parser(command.__name__, help=command.__doc__.splitlines()[0])
        sub.set_defaults(command=command)
        sub.add_argument("nb", nargs="*", help="names of notebooks; default all")
        sub.add_argument("--notebooks", type=Path, default=Path("notebooks"), help="their folder")
        sub.add_argument("--build", type=Path, default=Path("build"), help="folder of the copies")
        sub.add_argument("--profile", choices=PROFILES, default="standard")
        sub.add_argument("--seed", type=int, default=0)
        sub.add_argument("--device", choices=DEVICES, default="cpu")
    options = parser.parse_args()
    try:
        sys.exit(options.command(options))
    except KeyboardInterrupt:
        sys.exit("Interrupted. What ran so far is kept in the build folder.")


if __name__ == "__main__":
    main()
