"""A teacher's private checks count like the public ones, and no kernel ever sees them."""

import json

import pytest

from coursehelpers import cli
from coursehelpers.checks.core import EXERCISES
from coursehelpers.grading import isolation, judge, private
from tests.grading_victim import FakeKernel
from tests.submissions import RIGHT, SMALL, small, submitted, write

CHECKS = """
from coursehelpers.checks.core import exercise

CANARY = "only the teacher knows this"


@exercise("l2_penalty", notebook="teacher", section="2", points=5, hints=["Think."])
def l2_penalty(answer, expect, rng):
    w = rng.normal(size=(2, 2))
    got = answer.call([w], 0.5, 7)
    expect.close(got, 0.5 * (w**2).sum(), "In this course the penalty is not divided.", points=5)


@exercise("double", notebook="teacher", section="9", points=2, hints=["Add."])
def double(answer, expect, rng):
    x = rng.normal()
    expect.close(answer.call(x), 2 * x, "Twice as much.", points=2)


@exercise("of_another", notebook="other", section="9", points=2, hints=["Add."])
def of_another(answer, expect, rng):
    raise AssertionError
"""


@pytest.fixture(autouse=True)
def exercises():
    """Have only the public exercises again after the test."""
    public = dict(EXERCISES)
    yield public
    EXERCISES.clear()
    EXERCISES.update(public)


@pytest.fixture
def grade(tmp_path, capsys):
    """Return a function that grades a notebook; it returns the exit code, outcomes and errors."""
    (tmp_path / "submitted").mkdir()
    write(tmp_path / "teacher.ipynb", small())

    def run(notebook, checks=None, *more):
        folder, out = tmp_path / "submitted", tmp_path / "out"
        write(folder / "a.ipynb", notebook)
        options = [folder, "--notebook", tmp_path / "teacher.ipynb", "--out", out, *more]
        if checks is not None:
            (tmp_path / "private.py").write_text(checks)
            options += ["--checks", tmp_path / "private.py"]
        with pytest.raises(SystemExit) as end:
            cli.main(["grade", *map(str, options)])
        found = {}
        if (out / "results.jsonl").exists():
            last = (out / "results.jsonl").read_text().splitlines()[-1]
            found = {o["id"]: o for o in json.loads(last)["grade"]["outcomes"]}
        return end.value.code, found, capsys.readouterr().err

    return run


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(judge, "Kernel", FakeKernel)


DOUBLE = "def double(x): return 2 * x"
UNDIVIDED = "def l2_penalty(w, l, m): return l * sum((v**2).sum() for v in w)"


@pytest.mark.usefixtures("fake")
def test_private_check_refuses_what_the_public_one_passes_and_the_other_way_round(grade, exercises):
    for source, public, own in ((RIGHT["l2_penalty"], 2, 0), (UNDIVIDED, 0, 5)):
        notebook = submitted({"l2_penalty": source}, [DOUBLE])
        EXERCISES.clear()
        EXERCISES.update(exercises)
        code, found, _ = grade(notebook)
        assert (code, found["l2_penalty"]["earned"], set(found)) == (0, public, set(SMALL))
        code, found, _ = grade(notebook, CHECKS)
        assert (code, found["l2_penalty"]["earned"], list(found)) == (0, own, [*SMALL, "double"])
        assert found["l2_penalty"]["possible"] == 5
        assert {found[name]["status"] for name in (*SMALL[1:], "double")} == {"passed"}
    assert found["l2_penalty"]["messages"] == []
    _, found, _ = grade(submitted(), CHECKS)
    assert found["l2_penalty"]["messages"][0].startswith("In this course the penalty is not div")
    assert found["double"]["status"] == "not attempted"


@pytest.mark.usefixtures("fake")
def test_changed_private_checks_are_used_at_once(grade):
    grade(submitted({}, [DOUBLE]), CHECKS)
    _, found, _ = grade(submitted({}, [DOUBLE]), CHECKS.replace("2 * x", "3 * x"))
    assert found["double"]["messages"][0].startswith("Twice as much.")


@pytest.mark.usefixtures("fake")
def test_mistake_in_a_private_check_is_told_with_its_line(grade, tmp_path):
    checks = CHECKS.replace("    x = rng.normal()", "    x = rng.nomal()")
    code, found, error = grade(submitted({}, [DOUBLE]), checks)
    assert code == 1
    assert found["double"]["status"] == "error"
    assert f"({tmp_path / 'private.py'}, line 16)" in (tmp_path / "out" / "grades.csv").read_text()
    assert found["double"]["messages"] == [judge.NOT_GRADED]
    assert found["early_stopping"]["status"] == "passed"
    assert error == "The next run tries to grade 1 again.\n"


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        ("x = (", "private.py, line 1: SyntaxError: '(' was never closed"),
        ("\n\nimport nothing_like_it", "private.py, line 3: ModuleNotFoundError: No module named"),
        ("\nraise SystemExit(3)", "private.py, line 2: SystemExit: 3"),
        (CHECKS + CHECKS, "line 29: ValueError: An exercise named 'l2_penalty' exists already"),
        ("\0", "private.py, line ?: "),
        ("", "private.py declares no exercise with notebook='teacher'."),
        (CHECKS.replace("teacher", "x"), "private.py declares no exercise with notebook='teacher'"),
    ],
)
def test_unusable_file_says_why_and_where(checks, says, grade, exercises):
    code, found, error = grade(submitted(), checks)
    assert (code, found) == (2, {})
    assert says in error
    assert exercises == EXERCISES


def test_loading_declares_what_is_the_notebooks(tmp_path, exercises):
    path = tmp_path / "private.py"
    path.write_text(CHECKS)
    assert private.load(path, "teacher") == ["l2_penalty", "double"]
    assert set(EXERCISES) == {*exercises, "double"}
    assert EXERCISES["l2_penalty"].points == 5
    assert not (tmp_path / "__pycache__").exists()


SPY = """
import os, sys
FOUND = []
for folder in ("..", "/tmp", "/proc/self/cwd", {folder!r}):
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".py", ".ipynb", ".jsonl")):
                try:
                    FOUND += ["only the teacher" + " knows this" in open(place + "/" + name).read()]
                except OSError:
                    pass
MODULES = any("private" in name for name in sys.modules)
def double(x):
    import coursehelpers.checks.core as core
    known = "double" in core.EXERCISES or core.EXERCISES["l2_penalty"].points == 5
    return 2 * x + 100 * known + 1000 * (any(FOUND) or MODULES)
"""


def test_private_checks_are_not_where_a_kernel_can_read_them(grade, tmp_path):
    if isolation.choose().name != "bubblewrap":
        pytest.skip("without bubblewrap every file of the teacher's can be read")
    notebook = submitted({}, [SPY.format(folder=str(tmp_path))])
    code, found, _ = grade(notebook, CHECKS, "--isolation", "required")
    assert code == 0
    assert found["double"]["status"] == "passed", found["double"]
    assert found["l2_penalty"]["possible"] == 5
