"""What the student sees of check, hint, solution and score, in a notebook and outside one."""

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest

from coursehelpers.checks import check, display, hint, score, solution
from coursehelpers.checks.core import EXERCISES, Exercise


@pytest.fixture(autouse=True)
def fresh_notebook(monkeypatch):
    for name in ("_outcomes", "_calls", "_hints_shown"):
        monkeypatch.setattr(display, name, type(getattr(display, name))())


def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2) for w in weights)


def first_only(weights, lambda_, m):
    return lambda_ / m * np.sum(weights[0] ** 2)


def fails(*inputs):
    raise ValueError("<script>alert('& more')</script>")


# check


def test_check_shows_text_outside_a_notebook(capsys):
    result = check("l2_penalty", l2_penalty)
    assert capsys.readouterr().out == "l2_penalty: ✓ passed, 2 of 2 points\n"
    assert (result.earned, result.possible, result.status) == (2, 2, "passed")


def test_check_tells_every_message(capsys):
    result = check("l2_penalty", first_only)
    shown = capsys.readouterr().out
    title, message, last = shown.splitlines()
    assert title == "l2_penalty: ◐ partial, 1 of 2 points"
    assert message.startswith("  - For ")
    assert "Only one array of the list seems to count; add up" in message
    assert last == '  Next: hint("l2_penalty"), or read section 2.1 The L2 penalty again.'
    assert (result.earned, result.status) == (1, "partial")
    assert f"{result!r}\n" == shown


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (fails, "! error", "ValueError: <script>alert('& more')</script>."),
        (None, "… not attempted", "There is no answer yet."),
    ],
)
def test_check_shows_what_became_of_an_answer_as_it_is(answer, status, says, capsys):
    assert check("l2_penalty", answer).earned == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"l2_penalty: {status}, 0 of 2 points\n")
    assert says in shown


def drawn(monkeypatch, seed, calls=1):
    """Return what is asked in a notebook with this SEED."""
    seen = []
    monkeypatch.setitem(globals(), "SEED", seed)
    display._calls.clear()
    for _ in range(calls):
        check("keras_l2", lambda lambda_, m, convention: seen.append(lambda_) or 0.0)
    return seen


def test_each_check_and_each_seed_draws_other_inputs(capsys, monkeypatch):
    seen = [value for seed in (0, 1) for value in drawn(monkeypatch, seed, calls=2)]
    assert len(set(seen)) == len(seen) == 8


@pytest.mark.parametrize("seed", [None, "0", -1, 0.5])
def test_another_kind_of_seed_is_as_good_as_none(seed, capsys, monkeypatch):
    assert drawn(monkeypatch, seed) == drawn(monkeypatch, 0)


def in_a_notebook(*cells):
    """Run cells that share their names, as in a notebook."""
    names = {"check": check, "np": np}
    for cell in cells:
        exec(cell, names)


RIGHT = inspect.getsource(l2_penalty)


def test_check_finds_the_answer_by_its_name(capsys):
    in_a_notebook(RIGHT, "check('l2_penalty')")
    assert capsys.readouterr().out == "l2_penalty: ✓ passed, 2 of 2 points\n"


@pytest.mark.parametrize(
    ("cells", "status", "says"),
    [
        ([], "not attempted", "Nothing is named l2_penalty yet: run the cell that defines it"),
        ([RIGHT.replace("l2", "L2")], "not attempted", "There is L2_penalty; is it meant to be"),
        ([RIGHT, "l2_penalty = 0.01"], "error", "l2_penalty stands for the number 0.01 now. If an"),
        ([RIGHT, "l2_penalty = np.float32(0.1)"], "error", "stands for the number 0.1 now"),
        ([RIGHT, "l2_penalty = [1]"], "error", "stands for a list of 1 entries now"),
        ([RIGHT, "l2_penalty = {1}"], "error", "stands for a set now"),
        ([RIGHT, "l2_penalty = np.sum"], "error", "stands for sum now. If another cell has"),
        ([RIGHT, "def l2_penalty(a, b, c): return undefined"], "error", "run that one first"),
    ],
    ids=lambda value: value[-1][-20:] if isinstance(value, list) and value else "",
)
def test_check_says_what_became_of_a_name(cells, status, says, capsys):
    in_a_notebook(*cells, "check('l2_penalty')")
    shown = capsys.readouterr().out
    assert shown.startswith("l2_penalty: ")
    assert status in shown
    assert says in shown
    assert score().rows[0][0] == "read_curves"  # the notebook at work is known


def test_a_function_that_is_handed_over_may_have_any_name(capsys):
    in_a_notebook("def mine(*inputs): return 1.0", "check('l2_penalty', mine)")
    assert "stands for" not in capsys.readouterr().out


@pytest.mark.parametrize("verb", [hint, solution, lambda name: check(name, None)])
def test_unknown_name_suggests_a_close_one(verb):
    with pytest.raises(ValueError, match=r"named 'l2_penalti'\. Did you mean 'l2_penalty'\?"):
        verb("l2_penalti")
    with pytest.raises(ValueError, match=r"named 'zzz'\. There are: .*four_point_errors, "):
        verb("zzz")
    with pytest.raises(ValueError, match=r"no exercise named \[1\]"):
        verb([1])


# hint and solution


@pytest.mark.parametrize("name", EXERCISES)
def test_hints_tell_more_and_more_and_the_last_one_stays(name, capsys):
    hints = EXERCISES[name].hints
    for _ in range(len(hints) + 2):
        hint(name)
    lines = [f"Hint {i} of {len(hints)} for {name}: {text}\n" for i, text in enumerate(hints, 1)]
    assert capsys.readouterr().out == "".join(lines + 2 * lines[-1:])


@pytest.mark.parametrize("name", EXERCISES)
def test_solution_shows_the_source_of_the_published_function(name, capsys):
    solution(name)
    source = inspect.getsource(EXERCISES[name].declared.solution)
    assert capsys.readouterr().out == source[source.index("def ") :]


# score


def test_score_before_the_first_check_lists_everything():
    table = score()
    count = len(EXERCISES)
    assert (table.earned, table.possible) == (0, sum(e.points for e in EXERCISES.values()))
    head, *lines, last = repr(table).splitlines()
    assert head.split() == ["exercise", "status", "points", "go", "back", "to"]
    assert sorted(line.split()[0] for line in lines) == sorted(EXERCISES)
    assert all("not attempted" in line for line in lines)
    assert last == f"0 of {table.possible} points; not done yet: {count} of {count} exercises"


@pytest.mark.parametrize("notebook", sorted({e.notebook for e in EXERCISES.values()}))
def test_score_of_a_part_has_its_exercises_only_in_order(notebook, capsys):
    sections = {e.id: e.section for e in EXERCISES.values() if e.notebook == notebook}
    check(next(iter(sections)), None)  # which makes it the notebook at work
    parts = sorted({int(section[0]) for section in sections.values()})
    for part in parts:
        rows = score(part=part).rows
        assert {row[0] for row in rows} == {n for n, s in sections.items() if s[0] == str(part)}
        numbers = [float(sections[row[0]].split()[0]) for row in rows]
        assert numbers == sorted(numbers)
    assert sum(score(part=part).possible for part in parts) == score().possible


def declare(monkeypatch, name, section, notebook="regularization"):
    made = Exercise(name, notebook, section, 5, 1.0, ("hint",), None)
    monkeypatch.setitem(EXERCISES, name, made)


def test_sections_are_sorted_by_number_not_by_letter(monkeypatch, capsys):
    for number in (10, 9):
        declare(monkeypatch, f"later_{number}", f"3.{number} Later")
    check("l2_penalty", None)
    assert [row[0] for row in score(part=3).rows][-2:] == ["later_9", "later_10"]


@pytest.mark.parametrize("part", [0, 9, "1"])
def test_score_names_the_parts_there_are(part):
    with pytest.raises(ValueError, match=rf"There is no part {part!r}; there are: 1, 2, 3, 4\."):
        score(part=part)


def test_score_shows_every_status_of_the_last_checks_and_where_to_go_back_to(capsys):
    check("l2_penalty", fails)
    answers = {
        "l2_penalty": l2_penalty,
        "l1_penalty": l2_penalty,
        "keras_l2": None,
        "least_squares_errors": fails,
        "early_stopping": lambda val_losses, patience: [
            len(val_losses) - 1,
            int(np.argmin(val_losses)),
        ],
    }
    for name, answer in answers.items():
        check(name, answer)
    table = score()
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in repr(table).splitlines()}
    assert lines["l2_penalty"] == "✓ passed         2 of 2"
    assert lines["l1_penalty"] == "✗ failed         0 of 2  2.2 The L1 penalty"
    assert lines["keras_l2"].startswith("… not attempted  0 of 2  2.3 Three conventions")
    assert lines["least_squares_errors"].startswith("! error          0 of ")
    assert lines["early_stopping"].startswith("◐ partial        1 of 4")
    done = f"not done yet: {len(table.rows) - 1} of {len(table.rows)} exercises"
    assert lines["3"] == f"of {table.possible} points; {done}"
    assert table.earned == 3
    html = table._repr_html_()
    assert html.count("<tr>") == 1 + len(table.rows)
    assert ">l2_penalty</td><td" in html
    assert ">✓ passed</td>" in html
    assert f"<b>3 of {table.possible} points; not done yet: " in html


def test_score_lists_the_notebook_at_work(monkeypatch, capsys):
    declare(monkeypatch, "other", "2 <Other>", notebook="another <notebook>")
    assert "2 <Other>" in repr(score())
    assert "2 &lt;Other&gt;" in score()._repr_html_()
    check("l2_penalty", l2_penalty)
    assert "other" not in repr(score())


def test_table_shows_the_same_as_text_and_as_html():
    class Fruit(display.Table):
        head = ("fruit", "how many")

    assert repr(Fruit([], "none")) == "fruit  how many\nnone"
    html = Fruit([("<figs>", 2)], "a & b")._repr_html_()
    assert ">&lt;figs&gt;</td>" in html
    assert "<b>a &amp; b</b>" in html


# in a notebook


SCRIPT = """
import contextlib, io, json, sys
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config, display_pub_class=CapturingDisplayPublisher)
shown = {}
for cell in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        shell.run_cell(cell).raise_error()
    shown[cell] = [[o["data"] for o in shell.display_pub.outputs], out.getvalue()]
    shell.display_pub.outputs.clear()
print(json.dumps(shown))
"""
CELLS = [
    "from coursehelpers.checks import check, hint, score, solution",
    "def fails(*inputs): raise ValueError('<script>alert(1)</script>')",
    "result = check('l2_penalty', fails)",
    "check('l2_penalty', fails)",
    "check('l2_penalty', fails).earned",
    "hint('keras_l2')",
    "solution('early_stopping')",
    "score()",
]


@pytest.fixture(scope="module")
def notebook():
    """What a real shell publishes and prints for each cell."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    given = json.dumps(CELLS)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("cell", CELLS[2:4])
def test_check_displays_one_bundle_and_its_result_nothing(notebook, cell):
    (bundle,), printed = notebook[cell]
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"].startswith("l2_penalty: ! error, 0 of 2 points\n")
    assert "<script>alert(1)</script>" in bundle["text/plain"]
    assert "ValueError: &lt;script&gt;alert(1)&lt;/script&gt;." in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    # The prompt of a terminal comes before anything is asked for its text; a notebook has none.
    assert printed.removeprefix("Out[0]: ") == ""


def test_points_and_score_are_values_of_their_cells(notebook):
    bundles, printed = notebook["check('l2_penalty', fails).earned"]
    assert len(bundles) == 1
    assert printed.endswith(": 0\n")
    bundles, printed = notebook["score()"]
    assert bundles == []
    assert "l2_penalty             ! error          0 of 2  2.1 The L2 penalty" in printed


@pytest.mark.parametrize(
    ("cell", "text", "html"),
    [
        ("hint('keras_l2')", "Hint 1 of 2", "<b>Hint 1 of 2"),
        ("solution('early_stopping')", "def early_", "if val_loss &lt; val_losses"),
    ],
)
def test_hint_and_solution_display_one_bundle(notebook, cell, text, html):
    (bundle,), printed = notebook[cell]
    assert bundle["text/plain"].startswith(text)
    assert html in bundle["text/html"]
    assert printed == ""
