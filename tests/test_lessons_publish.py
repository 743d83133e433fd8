"""What publishing refuses, what it stores, and the measured times that it writes."""

import re

import pytest

from coursehelpers.lessons import notebooks
from coursehelpers.lessons.publish import (
    COVER_PATH,
    publish,
    publish_readme,
    section_times,
    with_runtime,
    write_times,
)
from tests.lessons import cell, claiming, executed, notebook, png, shown, stream, text, value, write

RESTING = text("It helps.", coursehelpers={"claims": {"It helps.": "supported"}})


@pytest.mark.parametrize(
    ("cells", "parameters", "says"),
    [
        ([cell("1", stream("hot", name="stderr"))], {}, "cell-2 writes to stderr: hot"),
        ([], {"PROFILE": "smoke"}, "'PROFILE': 'smoke', 'SEED': 0}, expected {'PROF"),
        ([], {"SEED": 7}, "'PROFILE': 'standard', 'SEED': 7}, expected {'P"),
        (
            [cell("1", value("1"), nbgrader={"grade": True, "points": 2})],
            {},
            "only 0 of 1 checks passed",
        ),
        (
            [cell("1", stream("worth inf photos"), tags=["headline"])],
            {},
            "a number without end is no headline: 'worth inf photos'",
        ),
        (
            [cell("1", claiming("undecided")), RESTING],
            {},
            "the text cell-3 needs “It helps.” to be supported",
        ),
    ],
)
def test_what_is_not_fit_for_readers_is_not_published(tmp_path, cells, parameters, says):
    made = notebook(*cells)
    copy = write(tmp_path / "copy.ipynb", executed(made, **parameters))
    path = write(tmp_path / "lesson.ipynb", made)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=re.escape(says)):
        publish(path, copy)
    assert path.read_bytes() == before


def test_stale_copy_is_not_published(tmp_path):
    path = write(tmp_path / "lesson.ipynb", notebook("edited()"))
    copy = write(tmp_path / "copy.ipynb", executed(notebook("old()")))
    with pytest.raises(SystemExit, match="cell-2 is stale"):
        publish(path, copy)


def test_outputs_are_stored_without_traces_of_the_run(tmp_path):
    made = notebook("1 + 1", cell("print()", tags=["headline"]), cell("", tags=["cover"]))
    path = write(tmp_path / "lesson.ipynb", made)

    def change(cells):
        cells[2].update(outputs=[value("2")], execution_count=7)
        cells[2].metadata.update(coursehelpers={"cpu_seconds": 43.2}, papermill={"duration": 31.0})
        cells[3].outputs = [stream("It\nhelps. ")]
        cells[4].outputs = [shown(image_png=png())]

    publish(path, write(tmp_path / "copy.ipynb", executed(made, change)))
    stored = notebooks.read(path)
    assert [c.execution_count for c in notebooks.code_cells(stored)] == [1, 2, 3, 4]
    assert stored.cells[2].outputs[0].data["text/plain"] == "2"
    assert stored.cells[2].outputs[0].execution_count == 2
    assert stored.cells[2].source == "# takes about 30 s on two cores\n1 + 1"
    assert "papermill" not in path.read_text()
    assert stored.metadata.coursehelpers == {
        "cpu_seconds": 43,
        "headline": "It helps.",
        "study_minutes": 5,
    }
    assert [c.id for c in stored.cells] == [f"cell-{number}" for number in range(5)]
    # Once more, from what is stored now.
    publish(path, tmp_path / "copy.ipynb")
    assert notebooks.read(path) == stored

    (tmp_path / "pyproject.toml").write_text(
        '[project.urls]\nRepository = "https://github.com/a/b"'
    )
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- notebooks -->\nold\n<!-- /notebooks -->\nafter\n")
    publish_readme(readme, [path])
    assert "| 5 min | 43 s | It helps. |\n<!-- /notebooks -->\nafter" in readme.read_text()
    assert "old" not in readme.read_text()
    assert (tmp_path / COVER_PATH).read_bytes().startswith(b"\x89PNG")


# the times

TIMES = text("", tags=["times"])
PARTS = [
    text("# Title\n\nWhat it is about."),
    TIMES,
    3.0,
    text("# Part 1: First\n\n## Not yet"),
    TIMES,
    text("## 1.1 One\n\n### A detail"),
    1.4,
    1.0,
    text("## 1.2 Two"),
    0.2,
    text("# Part 2: Second"),
    TIMES,
    0.5,
    text("## 2.1 Three"),
    7.0,
]


def timed(cells):
    """Return a notebook of texts, and of code cells that took so many processor seconds."""
    made = notebook(
        *(cell("", coursehelpers={"cpu_seconds": c}) if isinstance(c, float) else c for c in cells)
    )
    del made.cells[:2]
    made.metadata["coursehelpers"] = {"study_minutes": 30, "cpu_seconds": 13}
    return made


def written(cells):
    made = timed(cells)
    write_times(made, section_times(made))
    return [c.source for c in made.cells if c.metadata.get("tags")]


def test_times_belong_to_the_heading_before_them():
    assert section_times(timed(PARTS)) == {
        None: {None: 3.0},
        "Part 1: First": {"1.1 One": pytest.approx(2.4), "1.2 Two": 0.2},
        "Part 2: Second": {None: 0.5, "2.1 Three": 7.0},
    }


def test_notebook_has_a_table_of_its_parts_and_each_part_one_of_its_sections():
    whole, first, second = written(PARTS)
    assert whole == (
        "**Study time:** about 30 minutes. **CPU time**, measured: 13 s.\n\n"
        "| part | CPU time |\n|---|---|\n"
        "| Preparation | 3 s |\n| Part 1: First | 3 s |\n| Part 2: Second | 8 s |"
    )
    assert first.startswith("**CPU time of this part**, measured: 3 s.\n\n| section |")
    assert first.endswith("| 1.1 One | 2 s |\n| 1.2 Two | < 1 s |")
    assert second.endswith("|---|---|\n| 2.1 Three | 7 s |")


def test_notebook_without_parts_has_one_table_of_its_sections():
    (whole,) = written([TIMES, 3.0, text("## A"), 1.4, text("## B"), 9.0])
    assert whole.endswith("| section | CPU time |\n|---|---|\n| A | 1 s |\n| B | 9 s |")


def test_part_without_a_place_for_its_times_is_told():
    cells = [c for number, c in enumerate(PARTS) if number != 11]
    with pytest.raises(SystemExit, match="There are 2 parts, but 1 cells for their times"):
        written(cells)


@pytest.mark.parametrize(
    ("seconds", "first"),
    [
        (9.9, "fit()"),
        (10.4, "# takes about 10 s on two cores"),
        (43, "# takes about 45 s on two cores"),
    ],
)
def test_cell_that_takes_long_says_so_in_its_first_line(seconds, first):
    for source in ("fit()\nplot()", "# takes about 30 s on two cores\nfit()\nplot()"):
        told = with_runtime(source, seconds)
        assert told.splitlines()[0] == first
        assert notebooks.RUNTIME.sub("", told) == "fit()\nplot()"
