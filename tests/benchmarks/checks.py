"""Measure how long each check takes with the published solution: a student waits for it."""

import statistics
import sys
import time

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import EXERCISES, judge
from coursehelpers.profiles import prepare
from tests.answers import published
from tests.benchmarks.command import row, run, tell

MOST, MOST_TRAINING = 0.2, 3.0  # seconds
TRAINS = 60  # the time limit from which on a check trains


def main(arguments=None):
    return run(
        __doc__, "checks", (7, "checks of each"), "without those that train", benchmark, arguments
    )


def benchmark(rounds, quick):
    tell("starting TensorFlow")
    prepare()
    print("seconds of a check: the median, and the most")
    slow = [measure(exercise, rounds) for exercise in exercises(quick)]
    return any(slow)


def exercises(quick):
    return [e for e in EXERCISES.values() if not (quick and e.seconds >= TRAINS)]


def measure(exercise, rounds):
    """Print the row of an exercise, and return whether its check is too slow."""
    tell(exercise.id)
    seconds = []
    for seed in range(rounds + 1):  # the first one warms up
        answer = published(exercise.id)
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
