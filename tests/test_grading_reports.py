"""Tables, pages, frame and summary: what is told of grades, and that no text gets out of hand."""

import csv
import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursehelpers.checks.core import EXERCISES
from coursehelpers.grading import feedback, load_results, reports
from coursehelpers.grading.judge import Grade
from coursehelpers.grading.notebook import lesson_of
from coursehelpers.grading.text import clean, defuse
from coursehelpers.lessons import notebooks

ROOT = Path(__file__).parents[1]
NASTY = "<script>alert(1)</script>\x1b[31m\u202e'\"&;=1+1\r\n\t@\ud800\x00"
BIDI = {"\u202a", "\u202e", "\u2066", "\u2069", "\u200f", "\u061c"}


def outcome(name, status, earned, messages=(), misconception=None):
    return {
        "id": name,
        "status": status,
        "earned": earned,
        "possible": EXERCISES[name].points,
        "messages": list(messages),
        "misconception": misconception,
    }


def made(submission, *outcomes, **facts):
    return Grade(submission, "0" * 64, list(outcomes), **facts)


def nothing(submission, problem):
    """Return the grade of what is no notebook, as `judge.grade` gives it."""
    names = ("l2_penalty", "l1_penalty", "keras_l2")
    outcomes = [outcome(name, "not attempted", 0, [problem]) for name in names]
    return made(submission, *outcomes, problem=problem)


ADA = made(
    "ada/regularization.ipynb",
    outcome("l2_penalty", "passed", 2),
    outcome("l1_penalty", "failed", 0, ["Divide by m."], "forgot m"),
    outcome("keras_l2", "partial", 1, ["Mind the 2."]),
    isolation="bubblewrap",
    seconds=3.5,
    lesson="v1234567",
    mentions=["l2_penalty: found by the function's name."],
)
BOB = made(
    "bob/regularization.ipynb",
    outcome("l2_penalty", "timed out", 0, ["Too long."]),
    outcome("l1_penalty", "failed", 0, ["Divide by m."], "forgot m"),
    outcome("keras_l2", "error", 0, ["Your code raised ValueError."]),
)
EVE = nothing("eve/x.ipynb", "The file is not a notebook.")


def rows_of(folder, name):
    with open(folder / name, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# the tables


def test_grades_have_a_row_for_each_submission_and_a_column_for_each_exercise(tmp_path):
    written = reports.write_reports(tmp_path, [ADA, BOB, EVE], "regularization")
    assert {path.name for path in written} == {"grades.csv", "grades.json", "feedback"}
    ada, bob, eve = rows_of(tmp_path, "grades.csv")
    assert (ada["student"], ada["total"], ada["possible"]) == ("ada", "3", "6")
    assert [ada[name] for name in ("l2_penalty", "l1_penalty", "keras_l2")] == ["2", "0", "1"]
    assert (ada["lesson"], bob["lesson"], ada["student read from"]) == (
        *("v1234567", "unknown", "folder"),
    )
    assert (eve["total"], eve["problem"]) == ("0", "The file is not a notebook.")
    assert (tmp_path / ada["feedback"]).is_file()
    assert ada["mentions"] == "l2_penalty: found by the function's name."


def test_all_submissions_of_a_student_are_kept_and_mentioned(tmp_path):
    names = ["lovelaceada_1_2_a.ipynb", "lovelaceada_LATE_1_3_b.ipynb", "other_4_5_a.ipynb"]
    reports.write_reports(tmp_path, [replace(ADA, submission=n) for n in names], "regularization")
    first, second, third = rows_of(tmp_path, "grades.csv")
    assert first["mentions"].startswith("One of 2 submissions of this student.")
    assert "Late, by Canvas." in second["mentions"]
    assert "One of" not in third["mentions"]
    assert "Late" not in third["mentions"]


@given(st.text(), st.text())
def test_no_text_becomes_a_formula_or_another_cell(name, problem):
    grade = made(f"x{name}/{NASTY}{name}.ipynb", problem=NASTY + problem)
    text = reports.grades_table([replace(grade, submission=name or "x"), grade])
    rows = list(csv.reader(text.removeprefix("\ufeff").splitlines()))
    assert len(rows) == 3
    assert {len(row) for row in rows} == {len(rows[0])}
    for cell in (cell for row in rows for cell in row):
        assert cell.isprintable()
        assert ";" not in cell
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert rows[2][rows[0].index("submission")] == defuse(grade.submission)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_formulas_are_defused(text):
    assert defuse(text) == "'" + clean(text)


@given(st.text())
def test_plain_text_keeps_its_printable_characters(text):
    assert len(clean(text)) == len(text)
    assert all(new in (old, " ", "\ufffd") for old, new in zip(text, clean(text), strict=True))
    assert clean(text).isprintable()
    assert clean("Zoë Müller, 李四") == "Zoë Müller, 李四"


def test_canvas_and_moodle_get_a_table_each_with_the_best_of_every_student(tmp_path):
    broken = "lovelaceada_1_4_c.ipynb"
    grades = [
        replace(BOB, submission="lovelaceada_1_2_a.ipynb"),
        replace(ADA, submission="lovelaceada_1_3_a-1.ipynb"),
        replace(EVE, submission=broken),
        replace(EVE, submission="evil_9_9_x.ipynb"),
        replace(ADA, submission="=Ada_77_assignsubmission_file_/x.ipynb"),
    ]
    reports.write_reports(tmp_path, grades, "regularization")
    (canvas,) = rows_of(tmp_path, "canvas.csv")
    assert canvas == {
        **{"Student": "lovelaceada", "ID": "1", "SIS User ID": "", "SIS Login ID": ""},
        **{"Section": "", "regularization": "3"},
    }
    (moodle,) = rows_of(tmp_path, "moodle.csv")
    assert (moodle["Identifier"], moodle["Full name"]) == ("Participant 77", "'=Ada")
    assert (moodle["Grade"], moodle["Maximum Grade"]) == ("3", "6")
    reports.write_reports(tmp_path, [ADA], "regularization")
    assert not {"canvas.csv", "moodle.csv"} & {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("path", notebooks.find(ROOT / "notebooks"), ids=lambda path: path.stem)
def test_copy_says_which_version_of_the_lesson_it_is(path):
    copy = notebooks.read(path.parent / "student" / path.name)
    assert lesson_of(copy) == notebooks.lesson(notebooks.read(path))


@pytest.mark.parametrize(
    "metadata",
    [{}, [], None, {"coursehelpers": 3}]
    + [
        {"coursehelpers": {"lesson": lesson}}
        for lesson in (None, [], "v123456", "=1234567", "v123456\n", "v" * 8, "v12345678")
    ],
)
def test_a_version_that_is_none_is_unknown(metadata):
    assert lesson_of(nbformat.from_dict({"cells": [], "metadata": metadata})) == "unknown"
    assert lesson_of(nbformat.from_dict({"cells": []})) == "unknown"


def test_pages_of_what_is_there_no_more_are_removed(tmp_path):
    for grades in ([ADA, EVE], [EVE]):
        reports.write_reports(tmp_path, grades, "x")
    names = {path.name for path in (tmp_path / "feedback").iterdir()}
    assert names == {feedback.page_name(EVE.submission)}


def test_students_are_not_told_what_broke_in_the_grader():
    broken = replace(EVE, problem="KeyError: 'oops' (/home/teacher/private.py)", final=False)
    assert "your teacher can see why" in feedback.page(broken, "x")
    assert "/home/teacher" not in feedback.page(broken, "x")


# the frame


def test_frame_has_a_row_for_each_exercise(tmp_path):
    reports.write_reports(tmp_path, [ADA, BOB, EVE], "regularization")
    frame = load_results(tmp_path)
    assert len(frame) == 9
    assert set(frame.columns) >= {
        *("submission", "student", "exercise", "status", "earned", "possible", "misconception"),
        *("message", "seconds", "isolation"),
    }
    assert frame.misconception.value_counts().to_dict() == {"forgot m": 2}
    assert frame.groupby("student").earned.sum().to_dict() == {"ada": 3, "bob": 0, "eve": 0}
    assert frame.seconds[0] == 3.5
    assert frame.isolation[0] == "bubblewrap"
    assert pd.api.types.is_integer_dtype(frame.earned)


@given(st.text(st.characters(), min_size=1), st.lists(st.text(st.characters())))
def test_frame_gives_back_every_text(tmp_path_factory, name, messages):
    folder = tmp_path_factory.getbasetemp()
    grade = made(name, outcome("l2_penalty", "failed", 0, messages))
    (folder / "grades.json").write_text(json.dumps([asdict(grade)]), encoding="utf-8")
    frame = load_results(folder)
    assert (frame.submission[0], frame.message[0]) == (name, "\n".join(messages))


def test_frame_of_no_results_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="Give the folder that `coursehelpers grade`"):
        load_results(tmp_path / "nowhere")
    for damaged in ("[{", '[{"submission": "a"}]', "3"):
        (tmp_path / "grades.json").write_text(damaged)
        with pytest.raises(ValueError, match=r"grades\.json is damaged .* grades nothing twice"):
            load_results(tmp_path)


def test_importing_it_imports_neither_tensorflow_nor_pandas():
    code = "import sys, coursehelpers.grading as g; g.load_results; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "coursehelpers.grading.frame" in done.stdout.split()
    assert not {"tensorflow", "keras", "pandas", "nbformat"} & set(done.stdout.split())


# the page


class Page(HTMLParser):
    """The elements of a page, its text, and whatever would run or be loaded."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_page_tells_outcome_points_message_section_and_hint():
    page = Page(feedback.page(ADA, "regularization"))
    assert "3 of 6 points" in page.text
    assert "◐ partial" in page.text
    assert "✓ passed" in page.text
    assert "✗ failed" in page.text
    assert "l1_penalty: failed, 0 of 2 points" in page.text
    assert "Divide by m." in page.text
    assert EXERCISES["l1_penalty"].section in page.text
    assert EXERCISES["l1_penalty"].hints[0] in page.text
    assert page.text.count("Hint: ") == 2  # none for what is passed
    assert "found by the function's name" in page.text
    assert "bubblewrap" not in page.text


def test_page_of_what_is_no_notebook_says_why_once():
    page = Page(feedback.page(EVE, "regularization"))
    assert page.text.count("The file is not a notebook.") == 1
    assert "0 of 6 points" in page.text


def test_page_is_accessible():
    page = Page(feedback.page(ADA, "regularization"))
    assert page.all("html") == [{"lang": "en"}]
    assert [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)] == (
        ["h1", "h2", "h2", "h3", "h3", "h2"]
    )
    assert {th.get("scope") for th in page.all("th")} == {"col", "row"}
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {a["href"].removeprefix("#") for a in page.all("a")} <= ids
    assert page.all("main")


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_text_has_contrast_in_every_mode():
    _, css = feedback._template()
    modes = [dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in css.split(":root")[1:]]
    assert len(modes) == 3
    for mode in modes:
        for ink in ("ink", "quiet", "passed", "partial", "failed", "link"):
            for paper in ("paper", "box"):
                dark, light = sorted([luminance(mode[ink]), luminance(mode[paper])])
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper, mode)


SKELETON = [tag for tag, _ in Page(feedback.page(ADA, "regularization")).elements]


@given(st.text(), st.text())
def test_no_text_gets_out_of_its_place_on_the_page(name, message):
    name, message = f"{name}{NASTY}/x.ipynb", f"{NASTY}{message}"
    first, failed, last = ADA.outcomes
    text = feedback.page(
        replace(
            ADA,
            submission=name,
            mentions=[message],
            outcomes=[first, failed | {"messages": [message]}, last],
        ),
        "regularization",
    )
    page = Page(text)
    assert [tag for tag, _ in page.elements] == SKELETON
    assert clean(message) in page.text
    assert clean(name) in page.text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert not BIDI & set(text)
    assert clean(message) in Page(feedback.page(replace(ADA, problem=message), "x")).text
    told = {key for _, attributes in page.elements for key in attributes}
    assert not {key for key in told if key.startswith("on") or key in ("src", "style", "action")}
    assert all(a["href"].startswith("#") for a in page.all("a"))
    text.encode()


def test_policy_of_the_page_allows_its_own_style_only():
    text = feedback.page(ADA, "regularization")
    (policy,) = (m["content"] for m in Page(text).all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in text.replace("http-equiv", "")


@given(st.sets(st.text(min_size=1), max_size=20))
def test_pages_of_any_names_are_apart_and_safe(names):
    pages = [feedback.page_name(name) for name in names]
    assert len({page.lower() for page in pages}) == len(names)
    for page in pages:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*\.html", page)
        assert len(page) <= 110


@pytest.mark.parametrize(
    "names",
    [
        ("a/b.ipynb", "a-b.ipynb", "a_b.ipynb", "A/b.ipynb", "á/b.ipynb"),
        ("../../etc/passwd", "/etc/passwd", "..", ".", "con", "x" * 5000, "x" * 5001),
    ],
)
def test_pages_lie_in_their_folder_each_in_a_file_of_its_own(names, tmp_path):
    folder = feedback.write_pages(
        tmp_path, [replace(ADA, submission=name) for name in names], "regularization"
    )
    assert {path.parent for path in tmp_path.rglob("*.html")} == {folder}
    assert len(list(folder.iterdir())) == len(names)


def test_only_pages_that_changed_are_written_again(tmp_path, monkeypatch):
    folder = feedback.write_pages(tmp_path, [ADA, BOB], "regularization")
    wrote = []
    write = feedback.results.write
    monkeypatch.setattr(
        feedback.results, "write", lambda path, text: wrote.append(path) or write(path, text)
    )
    feedback.write_pages(tmp_path, [replace(ADA, mentions=[]), BOB], "regularization")
    assert wrote == [folder / feedback.page_name(ADA.submission)]
    assert "found by" not in wrote[0].read_text()


# the summary


def test_summary_tells_pass_rates_misconceptions_and_what_was_not_graded():
    told = reports.summary([ADA, BOB, EVE])
    assert "ada/regularization.ipynb: 3 of 6 points; 1 passed, 1 partial, 1 failed\n" in told
    assert re.search(r"l2_penalty +50% +0% +50% +0% +1\.0 of 2", told)
    assert "2 submissions, in the mean 1.5 of 6 points" in told
    assert "2 x l1_penalty: forgot m" in told
    assert "1 submission could not be graded:\n  eve/x.ipynb: The file is not a note" in told


def test_summary_of_many_is_short():
    graded = [replace(ADA, submission=f"{n}/a.ipynb") for n in range(500)]
    broken = [replace(EVE, submission=f"eve{n}/a.ipynb") for n in range(30)]
    told = reports.summary([*graded, *broken, replace(ADA, submission="7/b.ipynb")])
    assert len(told.splitlines()) < 45
    assert "2 submissions are of 1 student with several, see grades.csv." in told
    assert "and 10 more, see grades.csv" in told


@given(st.text())
def test_summary_lets_no_escape_through(name):
    grades = [replace(ADA, submission=name + NASTY), replace(EVE, problem=name + NASTY)]
    assert all(line.isprintable() for line in reports.summary(grades).split("\n"))


def test_summary_of_nothing_graded_still_says_why():
    assert reports.summary([EVE]).startswith("1 submission could not be graded")
