"""Every notebook executes from top to bottom, and shows what is stored in it."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.checks.display import solution_source
from coursehelpers.lessons import notebooks
from coursehelpers.lessons.publish import COVER, COVER_PATH, HEADLINE, TIMES, readme_table
from coursehelpers.lessons.run import execute
from coursehelpers.lessons.student import repository
from coursehelpers.lessons.validate import KERNEL, LEAST_SHARE, replaying, validate

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
PATHS = notebooks.find(ROOT / "notebooks")
NBGRADER_KEYS = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def executed(request, profile):
    """Execute each notebook once, when the first test asks for it."""
    done = {}
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def run(path):
        if path not in done:
            # It takes a minute or more: let the progress bar through.
            with capture.global_and_fixture_disabled():
                print(f"\nexecuting {path.stem} ({profile})", file=sys.stderr, flush=True)
                parameters = {"PROFILE": profile, "SEED": 0, "DEVICE": "cpu"}
                done[path] = execute(path, BUILD / profile / path.name, parameters)
        return done[path]

    return run


@each_notebook
def test_no_cell_takes_long(path):
    said = [notebooks.RUNTIME.match(c.source) for c in notebooks.code_cells(notebooks.read(path))]
    # A minute on a laptop; what is published may have been measured on a slower machine.
    assert all(int(match[1]) <= 75 for match in said if match)


@each_notebook
def test_claims_stand_alone_and_lie_beside_the_executed_copy(path, executed):
    result = executed(path)
    copy = notebooks.read(result.path)
    making = [c for c in notebooks.code_cells(copy) if notebooks.claims(c)]
    # The outputs of such a cell are compared by their states alone.
    assert all(len(cell.outputs) == len(notebooks.claims(cell)) for cell in making)
    recorded = json.loads(Path(result.path).with_suffix(".claims.json").read_text())
    assert [claim["cell"] for claim in recorded] == [c.id for c in making for _ in c.outputs]
    assert len(recorded) == result.claims > 0


@each_notebook
def test_every_cell_runs_and_every_check_passes(path, executed):
    result = executed(path)
    assert result.problems == ()
    assert result.cells == len(notebooks.code_cells(notebooks.read(path)))
    assert result.passed == result.checks > 0


@each_notebook
def test_outputs_are_those_that_are_stored(path, executed, profile):
    result = validate(path, executed(path).path, profile, BUILD / profile / "validation")
    assert result.passed, result.report
    assert result.share >= LEAST_SHARE[profile], f"compared only {result.share:.0%}"


@each_notebook
def test_nbgrader_validates_it(path, executed, profile, tmp_path):
    # The recorded outputs again serve for a second run.
    result = executed(path)
    source = notebooks.read(path)
    nbformat.write(source, tmp_path / path.name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "nbgrader", "validate", path.name),
            f"--Execute.kernel_name={KERNEL}",
        ],
        env=replaying(result.path, tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "Success! Your notebook passes all the tests." in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


@each_notebook
def test_nothing_red_and_no_trace_of_a_progress_bar_is_recorded(path, executed):
    for source in (path, executed(path).path):
        for cell in notebooks.code_cells(notebooks.read(source)):
            for output in cell.outputs:
                assert output.get("name") != "stderr", (cell.id, output.text)
                # Any letters may follow each other in a picture's base64.
                shown = {
                    kind: x for kind, x in output.get("data", {}).items() if kind != "image/png"
                }
                assert "it/s" not in json.dumps([shown, output.get("text")]), cell.id


@each_notebook
def test_notebook_is_valid_and_its_cells_have_stable_ids(path):
    notebook = notebooks.read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert not [cell.id for cell in notebook.cells if re.fullmatch(r"[0-9a-f]{8}", cell.id)]


@each_notebook
def test_parameters_are_one_assignment_per_line(path):
    (cell,) = [c for c in notebooks.read(path).cells if "parameters" in notebooks.tags(c)]
    names = [node.targets[0].id for node in ast.parse(cell.source).body]
    assert names == ["PROFILE", "SEED", "DEVICE"]
    assert 'PROFILE = "standard"' in cell.source


@each_notebook
def test_cells_are_short(path):
    long = {c.id: c.source.count("\n") + 1 for c in notebooks.code_cells(notebooks.read(path))}
    assert not {name: lines for name, lines in long.items() if lines > 15}


@each_notebook
def test_every_figure_has_alternative_text(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 40, cell.id


@each_notebook
def test_every_exercise_has_its_cells(path):
    notebook = notebooks.read(path)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    wanted = {e.id: e for e in EXERCISES.values() if e.notebook == path.stem}
    solutions = notebooks.answers(notebook)
    grades = [cell for cell in notebook.cells if notebooks.is_grade(cell)]
    assert set(solutions) == set(wanted)
    assert [cell.metadata.nbgrader.grade_id for cell in grades] == [f"check_{n}" for n in solutions]
    for cell in grades:
        name = cell.metadata.nbgrader.grade_id.removeprefix("check_")
        assert cell.source == f'check("{name}").earned'
        assert cell.metadata.nbgrader.points == wanted[name].points
        assert f"# {wanted[name].section}\n" in text, "the section to go back to does not exist"


@each_notebook
def test_solution_cells_hold_the_published_solutions(path):
    for name, cell in notebooks.answers(notebooks.read(path)).items():
        lines = cell.source.splitlines()
        markers = [line.strip() for line in lines if line.strip().startswith("### ")]
        assert markers == ["### BEGIN SOLUTION", "### END SOLUTION"]
        without = "\n".join(line for line in lines if not line.strip().startswith("### "))
        assert without == solution_source(name)


@each_notebook
def test_nbgrader_metadata_follows_schema_3(path):
    for cell in notebooks.read(path).cells:
        facts = cell.metadata.get("nbgrader")
        if facts is not None:
            assert set(facts) == NBGRADER_KEYS | ({"points"} if facts.grade else set())
            assert facts.schema_version == 3
            assert facts.grade != facts.solution
            assert facts.locked == facts.grade
            assert facts.task is False


@each_notebook
def test_published_facts_are_written_by_the_execution(path):
    notebook = notebooks.read(path)
    facts = notebook.metadata.coursehelpers
    by_tag = {
        tag: [c for c in notebook.cells if tag in notebooks.tags(c)] for tag in (TIMES, HEADLINE)
    }
    assert f"**CPU time**, measured: {facts.cpu_seconds} s." in by_tag[TIMES][0].source
    assert facts.headline == " ".join(by_tag[HEADLINE][0].outputs[0].text.split())


def test_readme_shows_what_the_notebooks_say():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    read = {path: notebooks.read(path) for path in PATHS}
    assert readme_table(read, repository(ROOT)) in readme
    assert str(COVER_PATH) in readme
    covers = [c for path in PATHS for c in notebooks.read(path).cells if COVER in notebooks.tags(c)]
    assert len(covers) == 1
    assert (ROOT / COVER_PATH).stat().st_size > 10_000
