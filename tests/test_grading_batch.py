"""The command says what it does, what it cannot do, and never lets one end all."""

import contextlib
import os
import subprocess
import sys
import termios

import pytest

from coursehelpers import cli
from coursehelpers.checks.core import EXERCISES
from coursehelpers.grading import batch as batches
from coursehelpers.grading import isolation, judge
from coursehelpers.lessons import notebooks
from tests.grading_victim import FakeKernel
from tests.submissions import (
    ROOT,
    command,
    grade_here,
    small,
    submitted,
    write,
    write_batch,
)

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    return write_batch(tmp_path_factory.mktemp("batch"))


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(judge, "Kernel", FakeKernel)


@pytest.mark.usefixtures("fake")
def test_error_of_the_graders_own_costs_one_submission_and_is_tried_again(batch, tmp_path, capsys):
    grade_here(batch, tmp_path / "undisturbed", capsys)

    def fail(source, submission, wanted, real=judge.notebooks.rebuild):
        if any("undefined" in cell.source for cell in submission.cells):
            raise KeyError("oops")
        return real(source, submission, wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge.notebooks, "rebuild", fail)
        code, told, error = grade_here(batch, tmp_path, capsys)
    assert code == 1
    assert error == "The next run tries to grade 2 again.\n"
    assert "none right.ipynb: It could not be graded: KeyError: 'oops' (" in told
    assert "all.ipynb: 9 of 9 points; 3 passed" in told
    code, told, _ = grade_here(batch, tmp_path, capsys)
    assert code == 0
    assert "7 submissions, 2 to grade" in told
    assert (tmp_path / "grades.csv").read_text() == (
        tmp_path / "undisturbed" / "grades.csv"
    ).read_text()


@pytest.mark.usefixtures("fake")
def test_mistake_in_a_check_costs_one_exercise_and_is_told(batch, tmp_path, capsys, monkeypatch):
    def specification(answer, expect, rng):
        return 1 / 0

    broken = EXERCISES["l2_penalty"].__class__(
        **{**vars(EXERCISES["l2_penalty"]), "specification": specification}
    )
    monkeypatch.setitem(EXERCISES, "l2_penalty", broken)
    code, told, _ = grade_here(batch, tmp_path, capsys)
    assert code == 1
    says = "The check of l2_penalty could not be completed: ZeroDivisionError: division by zero"
    assert f"all.ipynb: {says} ({__file__}, line " in told
    assert "\nall,,7,9," in (tmp_path / "grades.csv").read_text(encoding="utf-8")


@pytest.mark.usefixtures("fake")
def test_lesson_that_does_not_run_is_no_students_doing(batch, tmp_path, capsys):
    folder = tmp_path / "batch"
    folder.mkdir()
    (folder / "submitted").symlink_to(batch / "submitted")
    write(folder / "teacher.ipynb", small("import nothing_of_that_name"))
    code, told, error = grade_here(folder, tmp_path / "out", capsys)
    assert code == 1
    assert "The lesson's own cell imports failed: ModuleNotFoundError" in told
    assert error == "The next run tries to grade 6 again.\n"
    assert "all.ipynb: " in told


# the command


@pytest.mark.usefixtures("fake")
def test_nothing_in_the_results_folder_is_graded(tmp_path, capsys):
    write(tmp_path / "teacher.ipynb", small())
    folder = tmp_path / "submitted"
    for name in ("ada.ipynb", "out/feedback/bob.ipynb", ".ipynb_checkpoints/ada.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, submitted())
    assert "1 submissions" in grade_here(tmp_path, folder / "out", capsys)[1]
    assert "2 submissions" in grade_here(tmp_path, folder, capsys)[1]
    assert "2 submissions" in grade_here(tmp_path, tmp_path, capsys)[1]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({0: "nowhere"}, "There is no file or folder nowhere."),
        ({0: "empty"}, "There is no notebook (*.ipynb) in empty."),
        ({2: "physics"}, "There is no notebook physics in notebooks; there are: data_augm"),
        ({2: "nowhere.ipynb"}, "There is no notebook nowhere.ipynb."),
        ({2: "broken.ipynb"}, "broken.ipynb is not a notebook: "),
        ({2: "notebooks/student/regularization.ipynb"}, "ization.ipynb is a student's copy; give"),
        ({2: "text.ipynb"}, "text.ipynb asks no exercise: it has no cell for an answer."),
        ({2: "strange.ipynb"}, "strange.ipynb asks exercises that have no check: strange."),
        ({4: "broken.ipynb"}, "No results can be written to broken.ipynb: File exists."),
        ({4: "broken.ipynb/out"}, "No results can be written to broken.ipynb/out: Not a dir"),
        ({6: "0"}, "--jobs must be at least 1, got 0."),
        ({6: "many"}, "invalid int value: 'many'"),
        ({7: "--checks=none.py"}, "There is no file none.py."),
        ({7: "--checks=wrong.py"}, "wrong.py, line 2: NameError: name 'what' is not defined"),
        ({7: "--what"}, "unrecognized arguments: --what"),
    ],
)
def test_wrong_use_says_what_is_wrong(changes, says, batch, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.ipynb").write_text("what")
    (tmp_path / "wrong.py").write_text("\nwhat")
    source = small()
    notebooks.answers(source)["l2_penalty"].metadata.nbgrader["grade_id"] = "strange"
    write(tmp_path / "strange.ipynb", source)
    source.cells = source.cells[:2]
    write(tmp_path / "text.ipynb", source)
    arguments = dict(enumerate(command(batch, "out"))) | changes
    with pytest.raises(SystemExit) as end:
        cli.main(["grade", *arguments.values()])
    assert end.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--checks=wrong.py", "wrong.py, line 2: NameError: name 'what' is not defined"),
        ("--package=none.whl", "There is no wheel none.whl."),
        ("--notebook=physics", "There is no notebook physics"),
    ],
)
def test_no_autograder_is_made_of_what_cannot_grade(option, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.py").write_text("\nwhat")
    lesson = f"--notebook={ROOT / 'notebooks' / 'regularization.ipynb'}"
    with pytest.raises(SystemExit) as end:
        cli.main(["gradescope", "made", lesson, option])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert says in error
    assert "graded is kept" not in error
    assert not (tmp_path / "made.zip").exists()


@pytest.mark.usefixtures("fake")
def test_what_was_graded_with_less_isolation_than_required_is_graded_again(batch, tmp_path, capsys):
    grade_here(batch, tmp_path, capsys)
    path = tmp_path / "results.jsonl"
    path.write_text(path.read_text().replace('"bubblewrap"', '"limits only"', 2))
    assert "7 submissions, 0 to grade" in grade_here(batch, tmp_path, capsys)[1]
    if isolation.choose().name == "bubblewrap":
        required = ("--isolation", "required")
        assert "7 submissions, 2 to grade" in grade_here(batch, tmp_path, capsys, *required)[1]
        assert "7 submissions, 0 to grade" in grade_here(batch, tmp_path, capsys, *required)[1]


def test_files_of_programs_are_no_submissions(tmp_path):
    for name in ("a.ipynb", "__MACOSX/._a.ipynb", "b/.ipynb_checkpoints/b.ipynb", "._c.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert list(batches.submissions_in(tmp_path, tmp_path / "out")) == ["a.ipynb"]


def test_progress_is_for_a_terminal_only(batch, tmp_path):
    terminal, inside = os.openpty()
    termios.tcsetwinsize(inside, (24, 99))
    code = (
        "from tests import grading_victim as v; v.judge.Kernel = v.FakeKernel; "
        f"v.cli.main(['grade', *{command(batch, tmp_path)!r}])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=inside, stdout=subprocess.PIPE)
    os.close(inside)
    shown = ""
    with contextlib.suppress(OSError):  # the end of what a terminal shows
        while part := os.read(terminal, 10**6):
            shown += part.decode()
    os.close(terminal)
    assert "| 7 of 7, " in shown
    assert " per minute, 00:00 left" in shown
