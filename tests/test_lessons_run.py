"""Each way in which a run can be less than it seems is caught: real papermill."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from coursehelpers.lessons import notebooks
from coursehelpers.lessons.publish import PUBLISHED, section_times
from coursehelpers.lessons.run import execute, gpu_problems, table
from tests.lessons import cell, notebook, stream, write

pytestmark = pytest.mark.heavy

PROGRESS = (
    "from coursehelpers.progress import progress_bar\nprint(1)\n"
    "with progress_bar(3) as bar:\n    for _ in range(3):\n        bar.update()"
)
BUSY = "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.3: pass"
CLAIMS = """\
from coursehelpers.claims import claim
from IPython.display import display
display(claim("A.", "B", {"estimate": 1, "low": 0.5, "high": 2, "n": 5}, above=0))
claim("C.", "D", {"estimate": 1, "low": -9, "high": 9, "n": 3}, below=0)"""
FEATURES = (
    'import os\nos.environ["COURSEHELPERS_CACHE"], os.listdir(os.environ["COURSEHELPERS_CACHE"])'
)
AT_EXIT = "import atexit, pathlib\natexit.register(pathlib.Path('exited').touch)"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Execute a notebook in which all goes well; return the result, the copy and the folder."""
    folder = tmp_path_factory.mktemp("good")
    grade = cell("2", nbgrader={"grade": True, "points": 2})
    cells = ["PROFILE", BUSY, grade, PROGRESS, CLAIMS, FEATURES, AT_EXIT]
    path = write(folder / "lesson.ipynb", notebook(*cells))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEHELPERS_CACHE", str(folder / "earlier"))
        target = folder / "build" / "lesson.ipynb"
        result = execute(path, target, {**PUBLISHED, "PROFILE": "smoke"})
    assert result.problems == ()
    copy = notebooks.read(result.path)
    return result, {c.source: c for c in copy.cells}, folder


def test_good_run_is_told_in_numbers(good):
    result, _, _ = good
    assert (result.cells, result.passed, result.checks) == (8, 1, 1)
    assert (result.supported, result.claims) == (1, 2)
    assert result.seconds > result.cpu_seconds > 0.3
    (sections,) = section_times(notebooks.read(result.path)).values()
    assert sections["Section"] == pytest.approx(result.cpu_seconds, abs=0.1)
    numbers = r"lesson +8 +\d+ +\d+ +cell-\d, \d+ s +1 of 1 +1 of 2 +\S+lesson.ipynb"
    assert re.search(numbers, table([result]))


def test_parameters_reach_the_notebook(good):
    (output,) = good[1]["PROFILE"].outputs
    assert output.data["text/plain"] == "'smoke'"


def test_progress_bar_leaves_nothing_in_the_stored_outputs(good):
    (output,) = good[1][PROGRESS].outputs
    assert output.text == "1\n"


def test_numbers_of_a_claim_lie_beside_the_executed_copy(good):
    recorded = json.loads(Path(good[0].path).with_suffix(".claims.json").read_text())
    first, second = recorded
    assert (first["cell"], first["state"]) == (good[1][CLAIMS].id, "supported")
    assert (first["estimate"], first["low"], first["high"], first["n"]) == (1, 0.5, 2, 5)
    assert (second["state"], second["claimed"]) == ("undecided", "below 0")


def test_no_features_of_an_earlier_run_shorten_the_times(good):
    folder, _, files = good[1][FEATURES].outputs[0].data["text/plain"].partition(", ")
    assert files == "[])"
    assert "earlier" not in folder


def test_kernel_does_nothing_more_after_its_last_cell(good):
    # Its exit is a race of its threads with the sockets that they share.
    assert not (good[2] / "exited").exists()


@pytest.mark.parametrize(
    ("source", "seconds", "problem"),
    [
        ("import sys; sys.exit(0)", 30, "cell cell-2 raised SystemExit: 0"),
        ("import os; os._exit(0)", 30, "the kernel died"),
        ("import time; time.sleep(60)", 2, "a cell ran longer than its time limit"),
    ],
    ids=["exit code 0", "dead kernel", "timeout"],
)
def test_faulty_run_is_caught(tmp_path, source, seconds, problem):
    path = write(tmp_path / "lesson.ipynb", notebook(source, "1 + 1"))
    result = execute(path, tmp_path / "build" / "lesson.ipynb", PUBLISHED, seconds)
    assert any(problem in told for told in result.problems), result.problems
    assert "FAILED lesson: " in table([result])


@pytest.mark.parametrize(("peak", "fine"), [(5 * 2**20, True), (1024, False)])
def test_gpu_run_has_to_show_that_the_gpu_worked(peak, fine):
    proof = nbformat.v4.new_code_cell("", outputs=[stream(f"GPU peak bytes: {peak}\n")])
    assert (gpu_problems(proof) == []) == fine
