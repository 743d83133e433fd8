"""Measure what grading a submission costs, and on what the time is spent."""

import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import nbformat

from coursehelpers.grading import isolation, judge
from coursehelpers.grading.kernel import Kernel
from coursehelpers.grading.notebook import SETUP
from coursehelpers.lessons import notebooks
from tests.benchmarks.command import row, run, tell

ROOT = Path(__file__).parents[2]
PARTS = ("start of the kernel", "imports", "the student's cells", "answering", "judging")


def main(arguments=None):
    return run(
        __doc__, "grading", (4, "submissions of each"), "one notebook only", benchmark, arguments
    )


def benchmark(rounds, quick):
    isolated = isolation.choose()
    print(f"seconds of grading a submission, all exercises solved; isolation: {isolated.name}")
    for path in notebooks.find(ROOT / "notebooks")[: 1 if quick else None]:
        measure(path, rounds, isolated)
    return 0


def measure(path, rounds, isolated):
    """Print the rows of a notebook."""
    source = notebooks.read(path)
    setup = {cell.source for cell in source.cells if {*SETUP} & {*notebooks.tags(cell)}}
    spent = []

    class Timed(Kernel):
        """A kernel that notes what the time goes into."""

        def __init__(self, isolated, seconds):
            self.spent, start = Counter(), time.perf_counter()
            super().__init__(isolated, seconds)
            self.run("", 60)
            self.spent = Counter({PARTS[0]: time.perf_counter() - start})
            spent.append(self.spent)

        def _exchange(self, request, body, seconds):
            start = time.perf_counter()
            try:
                return super()._exchange(request, body, seconds)
            finally:
                cell = PARTS[1] if body.decode(errors="replace") in setup else PARTS[2]
                part = cell if request["verb"] == "run" else PARTS[3]
                self.spent[part] += time.perf_counter() - start

    def grade_one(target):
        grade = judge.grade(target, source, b"secret", isolated)
        if grade.earned != grade.possible:
            raise SystemExit(f"The solutions of {path.stem} get {grade.earned} points: {grade}")
        return grade.seconds

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(judge, "Kernel", Timed):
        target = Path(folder) / path.name
        nbformat.write(source, target)
        took = {}
        for jobs in (1, 2):
            tell(f"{path.stem}: {jobs} at a time")
            start = time.perf_counter()
            with ThreadPoolExecutor(jobs) as threads:
                seconds = list(threads.map(grade_one, [target] * max(rounds, jobs)))
            took[jobs] = (time.perf_counter() - start) / max(rounds, jobs)
            if jobs == 1:
                whole, parts = statistics.median(seconds), spent[:rounds]
    tell()
    print(path.stem)
    for part in PARTS[:-1]:
        row(part, statistics.median(counted[part] for counted in parts))
    row(PARTS[-1], whole - statistics.median(sum(counted.values()) for counted in parts))
    row("all of it", whole)
    row("one at a time", took[1])
    row("two at a time", took[2], "one / two", [took[1] / took[2]])


if __name__ == "__main__":
    sys.exit(main())
