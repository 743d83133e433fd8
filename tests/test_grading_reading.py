"""Whatever is handed in is read as a notebook, or refused with the reason, in bounded time."""

import json
import os
import socket

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursehelpers.grading import notebook as rebuilding
from coursehelpers.grading.notebook import DAMAGED, Unreadable, load, parse, read, rebuild
from tests.submissions import (
    RIGHT,
    SMALL,
    answers_in,
    code,
    rebuilt,
    small,
    submitted,
    write,
)

TEACHERS = small()
TEXT = json.dumps(submitted({}, ["x = 'é'"]), ensure_ascii=False)
READ = {
    "UTF-8": TEXT.encode(),
    "BOM": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 without BOM": TEXT.encode("utf-16-le"),
    "UTF-32": TEXT.encode("utf-32"),
    "latin-1": TEXT.encode("latin-1"),
    "CRLF": json.dumps(json.loads(TEXT), indent=1).replace("\n", "\r\n").encode(),
    "no minor format": TEXT.replace('"nbformat_minor"', '"other"').encode(),
    "format 4.0": TEXT.replace('"nbformat_minor": 5', '"nbformat_minor": 0').encode(),
    "format 5": TEXT.replace('"nbformat": 4', '"nbformat": 5').encode(),
}


@pytest.mark.parametrize("content", READ.values(), ids=READ)
def test_what_holds_a_notebook_is_read(content):
    steps, mentions = rebuild(TEACHERS, parse(content))
    assert mentions == []
    assert steps[1] == ("extra", "cell 3", "x = 'é'")
    assert answers_in(steps) == RIGHT


@pytest.mark.parametrize("minor", range(6))
def test_every_format_4_is_read(minor):
    copy = submitted()
    if minor < 5:
        for cell in copy.cells:
            del cell["id"]
    copy.nbformat_minor = minor
    notebook = parse(nbformat.writes(copy).encode())  # with its sources as lists of lines
    assert answers_in(rebuild(TEACHERS, notebook)[0]) == RIGHT


def test_format_3_is_read():
    copy = submitted()
    notebook = parse(nbformat.writes(nbformat.convert(copy, 3), version=3).encode())
    assert answers_in(rebuild(TEACHERS, notebook)[0]) == RIGHT
    lines = {"cell_type": "code", "input": ["a = 1", "b = 2"]}
    text = json.dumps({"worksheets": [{"cells": [lines]}, {"cells": [lines]}, {}, 3]})
    assert [cell.source for cell in parse(text.encode()).cells] == ["a = 1\nb = 2"] * 2


@pytest.mark.parametrize("source", [7, None, {}, ["a", 7], [["a"]]])
def test_damaged_cell_is_passed_over_and_mentioned(source):
    cells = [*submitted().cells, {"cell_type": "code", "source": source}, 7]
    assert [cell.cell_type for cell in parse(json.dumps({"cells": cells}).encode()).cells][-2:] == [
        DAMAGED
    ] * 2
    steps, mentions = rebuilt(cells)
    assert answers_in(steps) == RIGHT
    assert mentions == ["Cells that are damaged and were passed over: 2."]


def test_half_a_surrogate_pair_is_no_obstacle():
    steps, _ = rebuilt([code("x = '\ud800'")])
    assert steps[0].source == "x = '?'"


REFUSED = {
    "empty": (b"", "The file is empty."),
    "blank": (b" \n", "The file is empty."),
    "no JSON": (b"hello", "The file is not a notebook: Expecting value: line 1"),
    "cut off": (TEXT[:-50].encode(), "The file is not a notebook: "),
    "smart quotes": ("{“cells”: []}".encode(), "The file is not a notebook: Expecting property"),
    "PDF": (b"%PDF-1.7\x00\xff\xfe\x80", "The file is not a notebook: "),
    "zipped": (b"PK\x03\x04" + bytes(range(256)), "The file is not a notebook: "),
    "no cells": (b"{}", "The file is not a notebook: it has no list of cells"),
    "number": (b"3", "The file is not a notebook: it has no list of cells"),
    "many digits": (b'{"cells": [' + b"9" * 5000 + b"]}", "The file is not a notebook: Exceeds"),
    "deep": (b"[" * 10**5, "The file is nested too deeply."),
    "deep but closed": (b'{"a":' * 900 + b"1" + b"}" * 900, "The file is not a notebook: "),
    "deep metadata": (
        b'{"cells": [], "metadata": ' + b'{"a":' * 900 + b"1" + b"}" * 901,
        "The file is nested too deeply.",
    ),
    "many cells": (
        b'{"cells": [' + b"1," * 10**6 + b"1]}",
        "The file is not a notebook: it has more than 5,000 cells",
    ),
    "parts": (b"[" + b"[]," * 2**20, "The file is made of more than 1,048,576 parts."),
}


@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED)
def test_what_holds_no_notebook_is_refused_with_the_reason(content, says):
    with pytest.raises(Unreadable, match=f"^{says}"):
        parse(content)


@pytest.mark.parametrize("unit", ["a", " ", '"', "\n", "a:", " a", "def l2_penalty:\n", '"""\n'])
@pytest.mark.parametrize("start", ["", "def l2_penalty:"])
def test_long_source_takes_no_longer_than_reading_it(start, unit):
    steps, _ = rebuilt([code(start + unit * 10**6)])  # squared it would take hours
    assert {step.kind for step in steps} <= {"answer", "extra", "ask"}


def test_huge_file_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(rebuilding, "MAX_FILE", 1000)
    path = tmp_path / "huge.ipynb"
    with open(path, "wb") as file:
        file.truncate(10**12)  # takes no space on the disk
    assert len(load(path)) == 1001
    with pytest.raises(Unreadable, match=r"^The file is too large.*Clear the outputs"):
        read(path)


def made(folder, kind):
    path = folder / f"{kind.replace(' ', '-')}.ipynb"
    other = write(folder / "other.ipynb", submitted())
    match kind:
        case "folder":
            path.mkdir()
        case "link to another's":
            path.symlink_to(other)
        case "link to nothing":
            path.symlink_to(folder / "nothing")
        case "link to itself":
            path.symlink_to(path)
        case "named pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(str(path))
        case "device":
            return os.devnull
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("folder", "The file is a folder; hand in the notebook itself."),
        ("link to another's", "The file is a link; hand in the notebook itself."),
        ("link to nothing", "The file is a link; hand in the notebook itself."),
        ("link to itself", "The file is a link; hand in the notebook itself."),
        ("named pipe", "The file is a named pipe; hand in the notebook itself."),
        ("socket", "The file is a socket or a device; hand in the notebook itself."),
        ("device", "The file is a socket or a device; hand in the notebook itself."),
        ("gone", "The file is not readable: No such file or directory."),
    ],
)
def test_only_a_file_is_read(kind, says, tmp_path):
    with pytest.raises(Unreadable, match=f"^{says}$"):
        load(made(tmp_path, kind))


def test_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = write(tmp_path / "a.ipynb", submitted())

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(rebuilding.os, "open", refuse)  # root may read everything
    with pytest.raises(Unreadable, match=r"^The file is not readable: Permission denied\.$"):
        load(path)


texts = st.sampled_from(["code", "markdown", "source", "cells", *RIGHT.values()]) | st.text()
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)
facts = st.fixed_dictionaries(
    {}, optional={"grade_id": trees | st.sampled_from(SMALL), "solution": trees | st.just(True)}
)
odd_cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": trees | st.just("code"),
        "source": trees | st.lists(texts),
        "id": trees,
        "metadata": trees | st.fixed_dictionaries({}, optional={"nbgrader": trees | facts}),
    },
)


@given(trees | st.fixed_dictionaries({"cells": st.lists(trees | odd_cells), "metadata": trees}))
def test_any_json_is_a_notebook_or_refused(tree):
    try:
        notebook = parse(json.dumps(tree).encode())
    except Unreadable as error:
        assert str(error).startswith("The file is not a notebook: ")  # noqa: PT017
        assert not isinstance(tree, dict) or not isinstance(tree.get("cells"), list)
    else:
        steps, _ = rebuild(TEACHERS, notebook)
        assert sorted(step.name for step in steps if step.kind == "ask") == sorted(SMALL)
        json.dumps(steps).encode()
