"""Measure how long each check takes with the published solution: a student waits for it."""

import argparse
import importlib
import statistics
import sys
import time

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from coursehelpers.profiles import prepare
from tests.benchmarks.training import row, tell

MOST, MOST_TRAINING = 0.2, 3.0  # seconds
TRAINS = 60  # the time limit from which on a check trains


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.checks", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=7, help="checks of each (default: 7)")
    parser.add_argument("--quick", action="store_true", help="leave out the checks that train")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}.")
    try:
        tell("starting TensorFlow")
        prepare()
        print("seconds of a check: the median, and the most")
        slow = [measure(exercise, options.rounds) for exercise in exercises(options.quick)]
        return int(any(slow))
    except KeyboardInterrupt:
        tell()
        print("Interrupted.", file=sys.stderr)
        return 130


def exercises(quick):
    return [e for e in EXERCISES.values() if not (quick and e.seconds >= TRAINS)]


def measure(exercise, rounds):
    """Print the row of an exercise, and return whether its check is too slow."""
    tell(exercise.id)
    home = importlib.import_module(f"coursehelpers.checks.solutions.{exercise.notebook}")
    seconds = []
    for seed in range(rounds + 1):  # the first one warms up
        answer = getattr(home, exercise.id)
        start = time.perf_counter()
        outcome = judge(exercise, lambda limit, a=answer: LocalAnswer(a, limit), seed=(seed,))
        seconds.append(time.perf_counter() - start)
        if outcome.status != "passed":
            raise SystemExit(f"The solution of {exercise.id} is {outcome}.")
    median, most = statistics.median(seconds[1:]), max(seconds[1:])
    limit = MOST_TRAINING if exercise.seconds >= TRAINS else MOST
    tell()
    return row(exercise.id, median, "most", [most], f"at most {limit}", median <= limit)


if __name__ == "__main__":
    sys.exit(main())
