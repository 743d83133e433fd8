"""Each way in which a run can be less than it seems is caught: real papermill, real nbval."""

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursehelpers.execution import notebooks
from coursehelpers.execution.publish import PUBLISHED, publish, section_times
from coursehelpers.execution.run import execute, table
from coursehelpers.execution.validate import validate

PARAMETERS = 'PROFILE = "standard"\nSEED = 0\nDEVICE = "cpu"'


def notebook(*cells):
    """Make a notebook of code cells, each a source or a pair of source and tags."""
    made = nbformat.v4.new_notebook()
    made.cells.append(nbformat.v4.new_markdown_cell("## Section", id="heading"))
    for number, cell in enumerate([(PARAMETERS, ["parameters"]), *cells]):
        source, tags = (cell, []) if isinstance(cell, str) else cell
        code = nbformat.v4.new_code_cell(source.strip(), id=f"cell-{number}")
        code.metadata["tags"] = tags
        made.cells.append(code)
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata["kernelspec"] = spec
    made.metadata["coursehelpers"] = {"study_minutes": 5}
    return made


@pytest.fixture
def run(tmp_path):
    """Write a notebook and execute it; returns its path and the result."""

    def run(made, cell_seconds=30, **parameters):
        path = tmp_path / "lesson.ipynb"
        nbformat.write(made, path)
        target = tmp_path / "build" / "lesson.ipynb"
        return path, execute(path, target, {**PUBLISHED, **parameters}, cell_seconds)

    return run


@pytest.fixture(scope="module")
def executions():
    return {}


@pytest.fixture
def published(run, tmp_path, executions):
    """Execute a notebook, once per module, and store its outputs; returns both paths."""

    def published(*cells):
        key = str(cells)
        if key not in executions:
            path, result = run(notebook(*cells))
            publish(path, result.path)
            executions[key] = [Path(p).read_bytes() for p in (path, result.path)]
        paths = tmp_path / "lesson.ipynb", tmp_path / "executed.ipynb"
        for path, content in zip(paths, executions[key], strict=True):
            path.write_bytes(content)
        return paths

    return published


def png(height=1.0, width=3.0, title="", color="C0"):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 2))
    axes = figure.subplots()
    axes.plot([0, 1, height], color=color)
    axes.set_title(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def compare(path, executed, profile="standard"):
    return validate(path, executed, profile, path.parent / "validation")


def edit(path, change):
    made = notebooks.read(path)
    change(made)
    nbformat.write(made, path)


# A run that went well


def test_good_run_is_told_in_numbers(run):
    grade = ("2", [])
    made = notebook(
        "import time; t = time.process_time()", "while time.process_time() - t < 0.3: pass", grade
    )
    made.cells[-1].metadata["nbgrader"] = {"grade": True, "points": 2}
    _, result = run(made)
    assert result.problems == ()
    assert (result.cells, result.passed, result.checks) == (4, 1, 1)
    assert result.seconds > result.cpu_seconds > 0.3
    executed = notebooks.read(result.path)
    (sections,) = section_times(executed).values()
    assert sections["Section"] == pytest.approx(result.cpu_seconds, abs=0.1)
    printed = table([result])
    assert re.search(
        r"lesson +4 +\d+ +\d+ +cell-\d, \d+ s +1 of 1 +0 of 0 +\S+lesson.ipynb", printed
    )


def test_parameters_reach_the_notebook(run):
    _, result = run(notebook("PROFILE"), PROFILE="smoke")
    (output,) = notebooks.code_cells(notebooks.read(result.path))[-1].outputs
    assert output.data["text/plain"] == "'smoke'"


def test_progress_bar_leaves_nothing_in_the_stored_outputs(run):
    bar = "from coursehelpers.progress import progress_bar\nprint(1)\nwith progress_bar(3): pass"
    _, result = run(notebook(bar))
    (output,) = notebooks.code_cells(notebooks.read(result.path))[-1].outputs
    assert output.text == "1\n"


# Runs that are less than they seem


@pytest.mark.parametrize(
    ("source", "seconds", "problem"),
    [
        ("import sys; sys.exit(0)", 30, "cell cell-1 raised SystemExit: 0"),
        ("raise KeyError('lost')", 30, "cell cell-1 raised KeyError: 'lost'"),
        ("import os; os._exit(0)", 30, "the kernel died"),
        ("import time; time.sleep(60)", 2, "a cell ran longer than its time limit"),
    ],
    ids=["exit code 0", "error", "dead kernel", "timeout"],
)
def test_faulty_run_is_caught(run, source, seconds, problem):
    _, result = run(notebook(source, "1 + 1"), seconds)
    assert any(problem in told for told in result.problems), result.problems
    assert "FAILED lesson: " in table([result])


def test_cell_that_did_not_run_is_a_fault():
    source, executed = notebook("1", "2"), notebook("1", "2")
    notebooks.code_cells(executed)[0].execution_count = 1
    found = notebooks.faults(executed, source)
    assert found == ["cell cell-1 did not run", "cell cell-2 did not run"]


def test_command_line_fails_on_a_faulty_run_and_goes_on(tmp_path):
    for name, source in (("a", "1 / 0"), ("b", "1 + 1")):
        nbformat.write(notebook(source), tmp_path / f"{name}.ipynb")
    options = [
        "--notebooks",
        str(tmp_path),
        "--build",
        str(tmp_path / "build"),
        "--profile",
        "smoke",
    ]
    command = [sys.executable, "-m", "coursehelpers.execution", "run", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "FAILED a: cell cell-1 raised ZeroDivisionError: division by zero" in done.stdout
    assert re.search(r"^b +2 ", done.stdout, re.M)
    assert "Traceback" not in done.stderr


def test_kernel_does_nothing_more_after_its_last_cell(run, tmp_path):
    # Its exit is a race of its threads with the sockets that they share.
    trace = tmp_path / "exited"
    _, result = run(
        notebook(f"import atexit, pathlib; atexit.register(pathlib.Path({str(trace)!r}).touch)")
    )
    assert not result.problems
    assert not trace.exists()


def test_command_line_names_an_unknown_notebook(tmp_path):
    nbformat.write(notebook(), tmp_path / "a.ipynb")
    command = [
        sys.executable,
        "-m",
        "coursehelpers.execution",
        "run",
        "b",
        "--notebooks",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip() == f"There is no notebook b in {tmp_path}; there are: a."


@pytest.mark.skipif(any(Path("/dev").glob("nvidia[0-9]*")), reason="a GPU is there")
def test_gpu_run_without_a_gpu_is_an_error(tmp_path):
    nbformat.write(notebook("1"), tmp_path / "a.ipynb")
    options = ["--notebooks", str(tmp_path), "--build", str(tmp_path / "build"), "--device", "gpu"]
    command = [sys.executable, "-m", "coursehelpers.execution", "run", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "DEVICE is gpu, but TensorFlow finds no usable GPU" in done.stderr
    assert not (tmp_path / "build" / "a.ipynb").exists()


# What validation catches


def test_faithful_copy_agrees(published):
    path, executed = published("print('a', 0.5)", "{'b': [1, 2]}", ("print('c')", ["by-profile"]))
    result = compare(path, executed)
    assert result.passed, result.report
    assert (result.outputs, result.compared) == (3, 3)
    smoke = compare(path, executed, "smoke")
    assert smoke.passed
    assert (smoke.outputs, smoke.compared) == (3, 2)


def test_stderr_is_not_compared(published):
    path, executed = published("print(1)")
    warning = nbformat.v4.new_output("stream", name="stderr", text="a warning")
    edit(executed, lambda made: made.cells[-1].outputs.insert(0, warning))
    assert compare(path, executed).passed


def _stale(made):
    made.cells[-1].source += "  # edited since"


def _not_run(made):
    made.cells[-1].update(execution_count=None, outputs=[])


def _swallowed_error(made):
    made.cells[-1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[])]


def _missing(made):
    made.cells.pop()


def _other_value(made):
    made.cells[-1].outputs[0].text = "0.51\n"


def _additional_output(made):
    made.cells[-1].outputs.append(nbformat.v4.new_output("display_data", {"text/plain": "more"}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_stale, "the source of cell cell-1 differs"),
        (_not_run, "cell cell-1 was not run"),
        (_swallowed_error, "E"),
        (_missing, "the executed copy has no more cells"),
        (_other_value, "0.51"),
        (_additional_output, "Unexpected output fields"),
    ],
)
def test_validation_refuses_a_copy_that_differs(published, change, told):
    path, executed = published("print(0.5)")
    edit(executed, change)
    result = compare(path, executed)
    assert not result.passed
    assert told in result.report


def test_validation_refuses_a_notebook_that_was_never_published(run):
    path, result = run(notebook("x = 1"))
    validated = compare(path, result.path)
    assert not validated.passed
    assert "Never published: cell-0, cell-1" in validated.report


def test_drifted_figure_is_caught(published):
    path, executed = published("print(0.5)")

    def draw(height):
        data = {"image/png": png(height), "text/plain": "a figure"}
        output = nbformat.v4.new_output("display_data", data)
        return lambda made: made.cells[-1].update(outputs=[output])

    edit(path, draw(2))
    edit(executed, draw(2))
    assert compare(path, executed).passed
    # Same source, same text, another curve: only the picture tells.
    edit(executed, draw(0))
    validated = compare(path, executed)
    assert not validated.passed
    assert "looks as stored" in validated.report
    # A picture that is lost altogether, its text still there.
    edit(executed, lambda made: made.cells[-1].outputs[0].data.pop("image/png"))
    assert not compare(path, executed).passed


def test_trained_values_agree_within_the_tolerance_of_their_cell(published):
    path, executed = published(("print('loss 0.500')", ["rtol=0.05"]))
    for text, agrees in (("loss 0.52", True), ("loss 0.54", False)):
        edit(executed, lambda made, text=text: made.cells[-1].outputs[0].update(text=text))
        assert compare(path, executed).passed == agrees


# Publishing


def test_publish_refuses_red_output(run):
    path, result = run(notebook("import sys; print('hot', file=sys.stderr)"))
    with pytest.raises(SystemExit, match="cell-1 writes to stderr: hot"):
        publish(path, result.path)


@pytest.mark.parametrize("parameter", [{"PROFILE": "smoke"}, {"SEED": 7}])
def test_publish_refuses_another_run_than_the_standard_one(run, parameter):
    path, result = run(notebook("1"), **parameter)
    with pytest.raises(SystemExit, match="it was executed with"):
        publish(path, result.path)


def test_publish_refuses_a_check_without_all_its_points(run):
    made = notebook("1")
    made.cells[-1].metadata["nbgrader"] = {"grade": True, "points": 2}
    path, result = run(made)
    assert result.passed == 0
    with pytest.raises(SystemExit, match="only 0 of 1 checks passed"):
        publish(path, result.path)


def test_publish_refuses_a_headline_without_end(run):
    path, result = run(notebook(("print('worth', float('inf'), 'photos')", ["headline"])))
    with pytest.raises(SystemExit, match="a number without end is no headline: 'worth inf photos'"):
        publish(path, result.path)


def test_publish_refuses_a_stale_copy(run):
    path, result = run(notebook("1"))
    edit(path, _stale)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match="cell-1 is stale"):
        publish(path, result.path)
    assert path.read_bytes() == before


def test_publish_stores_outputs_without_traces_of_the_run(published):
    path, _ = published("1 + 1")
    made = notebooks.read(path)
    assert [c.execution_count for c in notebooks.code_cells(made)] == [1, 2]
    assert made.cells[-1].outputs[0].data["text/plain"] == "2"
    assert "papermill" not in path.read_text()
    assert made.metadata.coursehelpers.cpu_seconds >= 0
    assert [c.id for c in made.cells] == ["heading", "cell-0", "cell-1"]


# GPU runs


@pytest.mark.parametrize(("peak", "fine"), [(5 * 2**20, True), (1024, False)])
def test_gpu_run_has_to_show_that_the_gpu_worked(peak, fine):
    from coursehelpers.execution.run import _gpu_problems

    output = nbformat.v4.new_output("stream", name="stdout", text=f"GPU peak bytes: {peak}\n")
    proof = nbformat.v4.new_code_cell("", outputs=[output])
    assert (_gpu_problems(proof) == []) == fine


def test_no_features_of_an_earlier_run_shorten_the_times(run, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSEHELPERS_CACHE", str(tmp_path))
    cell = (
        "import os\n"
        'folder = os.environ["COURSEHELPERS_CACHE"]\n'
        f"assert folder != {str(tmp_path)!r} and os.listdir(folder) == []"
    )
    _, result = run(notebook(cell))
    assert result.problems == ()
    assert os.environ["COURSEHELPERS_CACHE"] == str(tmp_path)
