"""The measured times that publishing writes into a notebook, by parts and sections."""

import nbformat
import pytest

from coursehelpers.execution import notebooks
from coursehelpers.execution.publish import _with_runtime, _write_times, section_times

PARTS = [
    ("md", "# Title\n\nWhat it is about."),
    ("times", ""),
    ("code", 3.0),
    ("md", "# Part 1: First\n\n## Not yet"),
    ("times", ""),
    ("md", "## 1.1 One\n\n### A detail"),
    ("code", 1.4),
    ("code", 1.0),
    ("md", "## 1.2 Two"),
    ("code", 0.2),
    ("md", "# Part 2: Second"),
    ("times", ""),
    ("code", 0.5),
    ("md", "## 2.1 Three"),
    ("code", 7.0),
]
ONE_PART = [
    ("times", ""),
    ("code", 3.0),
    ("md", "## A"),
    ("code", 1.4),
    ("md", "## B"),
    ("code", 9.0),
]


def notebook(cells):
    made = nbformat.v4.new_notebook()
    for kind, content in cells:
        if kind == "code":
            cell = nbformat.v4.new_code_cell("")
            cell.metadata["coursehelpers"] = {"cpu_seconds": content}
        else:
            cell = nbformat.v4.new_markdown_cell(content)
            cell.metadata["tags"] = ["times"] * (kind == "times")
        made.cells.append(cell)
    facts = {"study_minutes": 30, "cpu_seconds": 13}
    made.metadata["coursehelpers"] = facts
    return made


def written(cells):
    made = notebook(cells)
    _write_times(made, section_times(made))
    return [cell.source for cell in made.cells if cell.metadata.get("tags")]


def test_times_belong_to_the_heading_before_them():
    assert section_times(notebook(PARTS)) == {
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
    (whole,) = written(ONE_PART)
    assert whole.endswith("| section | CPU time |\n|---|---|\n| A | 1 s |\n| B | 9 s |")


def test_part_without_a_place_for_its_times_is_told():
    cells = [cell for i, cell in enumerate(PARTS) if i != 11]
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
        written = _with_runtime(source, seconds)
        assert written.splitlines()[0] == first
        assert notebooks.RUNTIME.sub("", written) == "fit()\nplot()"
