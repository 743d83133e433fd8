"""Prove the checks sharp: no right answer may still pass after a change that makes it wrong.

Mutants of the bank's accepted answers are judged by their exercise's check. One that passes with
every seed survives: either the check is too weak there, or the mutant is a right answer too, and
then belongs into `tests/equivalent_mutants.py`, with the reason.
"""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tqdm import tqdm

from coursehelpers.checks.core import EXERCISES
from tests.answers import load, source_of
from tests.equivalent_mutants import EQUIVALENT
from tests.mutants import Mutant, draw, mutants_of
from tests.verdicts import PATIENCE, verdict

LEAST_SCORE = 0.95
MOST_EQUIVALENT = 0.05


@dataclass
class Report:
    """What became of an exercise's mutants, and what is wrong besides the survivors."""

    exercise: str
    accepted: int
    refused: int
    mutants: int
    killed: int = 0
    equivalent: int = 0
    seconds: float = 0.0
    survivors: list = field(default_factory=list)
    errors: list = field(default_factory=list)

    @property
    def score(self):
        """The share killed of the mutants that are not listed as equivalent."""
        return self.killed / max(self.mutants - self.equivalent, 1)


def examine(exercises, bank, equivalent, *, count=25, jobs=2, patience=PATIENCE):
    """Judge mutants of all accepted answers.

    Parameters
    ----------
    exercises : list of Exercise
    bank : list of Variant
        The answers; those to other exercises are passed over.
    equivalent : dict
        As in `tests/equivalent_mutants.py`.
    count : int or None, default 25
        Most mutants of an exercise, None for all of them.
    jobs : int, default 2
        Processes to judge in.
    patience : float, default 30
        Seconds to wait for a process beyond its mutant's time limits before it is killed.

    Returns
    -------
    list of Report
        One for each exercise.
    """
    reports, tasks = [], []
    for exercise in exercises:
        answers = [variant for variant in bank if variant.exercise == exercise.id]
        sources = {v.name: source_of(v) for v in answers if v.accepted}
        pool = [m for name, text in sources.items() for m in mutants_of(text, exercise.id, name)]
        drawn = draw(pool, count)
        report = Report(exercise.id, len(sources), len(answers) - len(sources), len(drawn))
        listed = equivalent.get(exercise.id, {})
        for name, change in listed.keys() - {(m.answer, m.change) for m in pool}:
            report.errors.append(f"listed as equivalent, but not found: {name}: {change}")
        reports.append(report)
        unchanged = [Mutant(exercise.id, name, "", "", "", text) for name, text in sources.items()]
        tasks += [(exercise, mutant, report, listed) for mutant in unchanged + drawn]

    def judged(task):
        exercise, mutant, *_ = task
        start = time.monotonic()
        return *task, verdict(exercise, mutant.source, patience), time.monotonic() - start

    with ThreadPoolExecutor(jobs) as threads:
        try:
            for _, mutant, report, listed, status, seconds in tqdm(
                threads.map(judged, tasks), total=len(tasks), unit="mutant", desc="judged"
            ):
                report.seconds += seconds
                record(mutant, status, report, listed)
        finally:  # when interrupted, the rest is not judged first
            threads.shutdown(cancel_futures=True)
    return reports


def record(mutant, status, report, listed):
    """Enter in the report what the check said to a mutant, or to an answer without a change."""
    known = (mutant.answer, mutant.change) in listed
    if status.startswith("broken"):
        report.errors.append(f"the check is {status}, by {mutant.answer}: {mutant.change}")
    elif not mutant.kind:
        if status != "passed":
            report.errors.append(f"{mutant.answer}, without a change: {status}")
    elif status != "passed":
        report.killed += 1
        if known:
            report.errors.append(
                f"listed as equivalent, but killed: {mutant.answer}: {mutant.change}"
            )
    elif known:
        report.equivalent += 1
    else:
        report.survivors.append(mutant)


def failures(report):
    """Return what keeps an exercise from being proven, a list of texts."""
    found = list(report.errors)
    if report.equivalent > MOST_EQUIVALENT * report.mutants:
        found.append(f"{report.equivalent} listed as equivalent, at most 5 % of the mutants may be")
    if report.score < LEAST_SCORE:
        found.append(f"only {report.score:.0%} of the mutants are killed")
    return found


def show(reports):
    """Print a table of the exercises, what is wrong with them, and the survivors."""
    width = max(len(report.exercise) for report in reports)
    print(f"{'exercise':{width}}  accepted  refused  mutants  killed  equivalent  score  seconds")
    for r in reports:
        print(
            f"{r.exercise:{width}}  {r.accepted:8}  {r.refused:7}  {r.mutants:7}  {r.killed:6}"
            f"  {r.equivalent:10}  {r.score:5.0%}  {r.seconds:7.1f}"
        )
    for report in reports:
        for mutant in report.survivors:
            print(f"\n{report.exercise}, {mutant.answer}:\n- {mutant.old}\n+ {mutant.new}")
    print()
    for report in reports:
        for failure in failures(report):
            print(f"{report.exercise}: {failure}")


def main(arguments=None):
    """Examine the exercises that the arguments name, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="default: all of them")
    parser.add_argument("--jobs", type=int, default=2, help="processes to judge in (default: 2)")
    parser.add_argument("--all", action="store_true", help="all mutants, not 25 of each exercise")
    options = parser.parse_args(arguments)
    if unknown := set(options.exercises) - set(EXERCISES):
        parser.error(f"no exercise {', '.join(sorted(unknown))}; there are {', '.join(EXERCISES)}.")
    if options.jobs < 1:
        parser.error(f"--jobs must be at least 1, got {options.jobs}.")
    wanted = [EXERCISES[name] for name in options.exercises or EXERCISES]
    start = time.monotonic()
    count = None if options.all else 25
    try:
        reports = examine(wanted, load(), EQUIVALENT, count=count, jobs=options.jobs)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    show(reports)
    total = Counter()
    for report in reports:
        total.update(
            mutants=report.mutants, killed=report.killed, failed=min(len(failures(report)), 1)
        )
    print(
        f"{total['killed']} of {total['mutants']} mutants killed in "
        f"{time.monotonic() - start:.0f} s; exercises not proven: {total['failed']}"
    )
    return int(total["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
