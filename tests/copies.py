"""What comes out of a student's copy: untouched, solved, and with every answer of the bank.

Executed as students do it, in the profile of the lesson, which takes minutes: `make copies`. Each copy
has a module of its own, `test_copy_...`, so that two can run at a time.
"""

from itertools import zip_longest
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from coursehelpers.checks.core import EXERCISES
from coursehelpers.lessons import notebooks
from coursehelpers.lessons.run import drop_empty_displays
from coursehelpers.lessons.validate import LEAST_SHARE, validate
from coursehelpers.transfer.cache import VARIABLE
from tests.answers import BANK, load, source_of

pytestmark = pytest.mark.copies
ROOT = Path(__file__).parents[1]

load()


def exercises_of(path):
    return [e for e in EXERCISES.values() if e.notebook == path.stem]


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


class Live:
    """A copy that is being executed, whose kernel goes on answering."""

    def __init__(self, path, folder):
        self.notebook = notebooks.read(path)
        self.client = NotebookClient(
            self.notebook,
            timeout=300,
            resources={"metadata": {"path": str(folder)}},
            # Errors only: newer kernels warn that a local connection is not encrypted.
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
        self.answers = notebooks.answers(self.notebook)

    def run(self, cell):
        """Execute a cell, with whatever it holds now."""
        return self.client.execute_cell(cell, self.notebook.cells.index(cell))

    def answer(self, name, source):
        """Fill in an answer, run its cell and its check, and return what the check shows."""
        cell = self.answers[name]
        cell.source = source
        self.run(cell)
        check = self.run(self.check_of(name))
        return shown(check), value(check)

    def check_of(self, name):
        facts = ((c, c.metadata.get("nbgrader", {})) for c in self.notebook.cells)
        return next(c for c, fact in facts if fact.get("grade_id") == f"check_{name}")

    def score(self):
        """Return the last line of the score, and the words of each exercise's line."""
        _, *lines, last = value(self.run(by_id(self.notebook)["score"])).splitlines()
        return last, {line.split()[0]: line.split() for line in lines}


def shown(cell):
    return "\n".join(o.data["text/plain"] for o in cell.outputs if o.output_type == "display_data")


def value(cell):
    (result,) = [o for o in cell.outputs if o.output_type == "execute_result"]
    return result.data["text/plain"]


@pytest.fixture(scope="module")
def live(request, tmp_path_factory):
    """Execute the copy that the module is named after, in an empty folder; leave its kernel to the tests."""
    name = request.module.__name__.rpartition("test_copy_")[2]
    (path,) = notebooks.find(ROOT / "notebooks" / "student", [name])
    folder = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder / "cache"))
        copy = Live(path, folder)
        with copy.client.setup_kernel():
            for number, cell in enumerate(copy.notebook.cells):
                copy.client.execute_cell(cell, number)
            copy.untouched = nbformat.from_dict(copy.notebook)
            copy.path = path
            yield copy


def points(live):
    return sum(exercise.points for exercise in exercises_of(live.path))


def test_untouched_copy_runs_and_scores_nothing(live):
    count = len(exercises_of(live.path))
    for cell in notebooks.code_cells(live.untouched):
        assert cell.execution_count is not None, cell.id
        assert not [o for o in cell.outputs if o.output_type == "error"], cell.id
        assert not [o for o in cell.outputs if o.get("name") == "stderr"], cell.id
        if notebooks.is_grade(cell):
            assert "… not attempted, 0 of " in shown(cell)
            assert value(cell) == "0"
    score = value(by_id(live.untouched)["score"])
    assert score.endswith(
        f"\n0 of {points(live)} points; not done yet: {count} of {count} exercises"
    )
    for exercise in exercises_of(live.path):
        assert exercise.section in score


def test_figures_of_the_lesson_appear_in_the_untouched_copy(live):
    published = by_id(notebooks.read(ROOT / "notebooks" / live.path.name))
    for cell in notebooks.code_cells(live.untouched):
        if cell.id in published:
            assert pictures(cell) == pictures(published[cell.id]), cell.id


def pictures(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def test_claims_come_out_as_published(live):
    published = notebooks.read(ROOT / "notebooks" / live.path.name)
    changed = notebooks.changed_claims(published, live.untouched)
    assert not [change for change in changed if not change.by_a_thread]
    assert notebooks.contradictions(live.untouched, live.untouched) == []


def test_outputs_are_those_that_are_stored(live, tmp_path):
    path = ROOT / "notebooks" / live.path.name
    published = notebooks.read(path)
    for name, cell in notebooks.answers(published).items():
        live.answer(name, cell.source)
    for cell in notebooks.code_cells(live.notebook):
        if cell.source.startswith("score("):
            live.run(cell)
    solved = nbformat.from_dict(live.notebook)
    solved.cells = [cell for cell in solved.cells if cell.id in by_id(published)]
    drop_empty_displays(solved)
    nbformat.write(solved, tmp_path / path.name)
    result = validate(path, tmp_path / path.name, "standard", tmp_path / "validation")
    assert result.passed, result.report
    assert result.share >= LEAST_SHARE["standard"], f"compared only {result.share:.0%}"


def test_every_accepted_answer_gets_full_points(live):
    accepted = [
        [v for v in BANK if v.accepted and v.exercise == e.id] for e in exercises_of(live.path)
    ]
    for variants in zip_longest(*accepted):
        for variant in filter(None, variants):
            told, earned = live.answer(variant.exercise, source_of(variant))
            assert earned == str(EXERCISES[variant.exercise].points), (variant.name, told)
            assert "✓ passed" in told
        assert live.score()[0] == f"{points(live)} of {points(live)} points"


def test_every_refused_answer_fails_its_own_check_only(live):
    solutions = notebooks.answers(notebooks.read(ROOT / "notebooks" / live.path.name))
    for name, cell in solutions.items():
        live.answer(name, cell.source)
    complete, passed = live.score()
    assert complete == f"{points(live)} of {points(live)} points"
    for name, cell in solutions.items():
        for variant in (v for v in BANK if v.exercise == name and not v.accepted):
            told, earned = live.answer(name, source_of(variant))
            assert (earned, "✓ passed" in told) == (str(variant.earned), False), variant
            assert variant.is_told_in([told])
            last, lines = live.score()
            left = points(live) - EXERCISES[name].points + variant.earned
            assert last.startswith(f"{left} of {points(live)} points; not done yet: 1 of ")
            assert [n for n in lines if lines[n] != passed[n]] == [name]
        live.answer(name, cell.source)
    assert live.score()[0] == complete
