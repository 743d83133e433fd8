"""The autograder for Gradescope, run as Gradescope would, in a folder of its own."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.cli import main
from coursehelpers.grading import gradescope
from coursehelpers.lessons import notebooks
from tests.test_grading_private import CHECKS
from tests.test_grading_reports import ADA, EVE, NASTY

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).parents[1]
LESSON = ROOT / "notebooks" / "regularization.ipynb"
RIGHT = "def l2_penalty(weights, lambda_, m):\n    return lambda_ / m * sum((w**2).sum() for w in weights)"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "autograder"
    checks = folder.with_name("private.py")
    # Two exercises more, of 5 and 2 points.
    checks.write_text(CHECKS.replace('"teacher"', f'"{LESSON.stem}"').replace('"l2_pen', '"own_'))
    public = dict(EXERCISES)
    with pytest.raises(SystemExit) as end:
        main(["gradescope", f"{folder}", "--notebook", f"{LESSON}", "--checks", f"{checks}"])
    EXERCISES.clear()  # of the private ones, which are not for other tests
    EXERCISES.update(public)
    assert end.value.code == 0
    return folder.with_suffix(".zip")


@pytest.fixture
def graded(archive, tmp_path):
    """Return a function that unpacks the autograder, hands in files, and reads what it writes."""

    def run(**handed_in):
        source = tmp_path / "source"
        subprocess.run([sys.executable, "-m", "zipfile", "-e", archive, source], check=True)
        for folder in ("submission", "results"):
            (tmp_path / folder).mkdir()
        for name, text in handed_in.items():
            (tmp_path / "submission" / f"{name}.ipynb").write_text(text)
        done = subprocess.run(
            ["bash", source / "run_autograder"],
            env={
                **os.environ,
                "AUTOGRADER": str(tmp_path),
                "COURSEHELPERS_PYTHON": sys.executable,
                "PYTHONPATH": str(ROOT),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "results" / "results.json").read_text()), done.stdout

    return run


def answered():
    copy = notebooks.read(ROOT / "notebooks" / "student" / LESSON.name)
    notebooks.answers(copy)["l2_penalty"].source = RIGHT
    copy.metadata["coursehelpers"]["lesson"] = "v0000000"
    return nbformat.writes(copy)


def test_autograder_grades_a_submission(graded):
    told, printed = graded(any_name=answered())
    assert told["score"] == 2
    assert sum(test["score"] for test in told["tests"]) == 2
    assert sum(test["max_score"] for test in told["tests"]) == 56 + 5 + 2
    (passed,) = (test for test in told["tests"] if test["status"] == "passed")
    assert passed["name"] == "l2_penalty (section 2.1 The L2 penalty)"
    assert "made from another version of the lesson" in told["output"]
    assert printed.startswith("isolation: ")
    assert "isolation" not in json.dumps(told)


def test_autograder_says_what_it_cannot_grade(graded):
    told, _ = graded(a="{}", b="{}")
    assert told["score"] == 0
    assert "There are 2 notebooks in what you handed in; hand in one, named reg" in told["output"]


def test_archive_holds_what_gradescope_runs(archive):
    with zipfile.ZipFile(archive) as file:
        names = {name for name in file.namelist() if not name.endswith("/")}
        assert names == {
            *("setup.sh", "run_autograder", "lesson/regularization.ipynb", "lesson/private.py")
        }
        assert file.getinfo("run_autograder").external_attr >> 16 & 0o111
        setup = file.read("setup.sh").decode()
    assert "install --python /opt/coursehelpers/bin/python git+https://github.com/" in setup
    for script in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", archive.with_suffix("") / script], check=True)


def test_a_wheel_is_packed_and_another_lesson_takes_the_place_of_the_first(tmp_path):
    wheel = tmp_path / "coursehelpers-1 2.whl"
    wheel.write_bytes(b"wheel")
    other = LESSON.with_name("data_augmentation.ipynb")
    for lesson in (LESSON, other):
        archive = gradescope.write_autograder(tmp_path / "made", lesson, str(wheel))
    with zipfile.ZipFile(archive) as file:
        assert "bin/python './coursehelpers-1 2.whl'" in file.read("setup.sh").decode()
        assert {n for n in file.namelist() if n.endswith(("whl", "ipynb"))} == {
            *("coursehelpers-1 2.whl", "lesson/data_augmentation.ipynb"),
        }
    with pytest.raises(SystemExit, match=r"There is no wheel nothing\.whl"):
        gradescope.write_autograder(tmp_path / "made", LESSON, "nothing.whl")
    with pytest.raises(SystemExit, match=r"There is no notebook nothing\.ipynb"):
        gradescope.write_autograder(tmp_path / "made", "nothing.ipynb")


def test_report_has_what_gradescope_reads():
    told = gradescope.report(ADA, 6)
    assert told["score"] == 3
    assert {test["status"] for test in told["tests"]} == {"passed", "failed"}
    assert {test["output_format"] for test in told["tests"]} == {"text"}
    assert "✗ failed, 0 of 2 points\nDivide by m.\nHint: " in told["tests"][1]["output"]
    assert told["output"].startswith("3 of 6 points.\nl2_penalty: found")
    assert "not a notebook" in gradescope.report(EVE, 6)["output"]


def test_report_lets_no_escape_through():
    first, *rest = ADA.outcomes
    grade = replace(ADA, mentions=[NASTY], outcomes=[first | {"messages": [NASTY]}, *rest])
    told = gradescope.report(grade, 6)
    for text in (told["output"], told["tests"][0]["output"]):
        assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (["a.ipynb"], "a.ipynb"),
        (["folder/a.ipynb", "folder/regularization.ipynb"], "folder/regularization.ipynb"),
        (["a.ipynb", ".ipynb_checkpoints/a.ipynb", "__MACOSX/a.ipynb"], "a.ipynb"),
        (["a.txt"], "There is no notebook"),
        ([], "There is no notebook"),
        (["a/regularization.ipynb", "b/regularization.ipynb"], "There are 2 notebooks"),
    ],
)
def test_notebook_is_found_among_what_was_handed_in(files, wanted, tmp_path):
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    if wanted.endswith(".ipynb"):
        assert gradescope._submitted(tmp_path, LESSON.name) == tmp_path / wanted
    else:
        with pytest.raises(LookupError, match=wanted):
            gradescope._submitted(tmp_path, LESSON.name)


def test_a_link_to_another_file_is_not_graded(tmp_path):
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "a.ipynb").symlink_to(LESSON)
    with pytest.raises(LookupError, match="There is no notebook"):
        gradescope._submitted(tmp_path / "submission", LESSON.name)
