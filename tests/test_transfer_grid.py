"""The stored grid is what would be measured today, or the difference is told."""

import ast
import json
import re
import shutil
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers import data as files
from coursehelpers.transfer import grid, strategies

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "coursehelpers"
properties = settings(derandomize=True, deadline=None, max_examples=60)

SAMPLE = '''"""A module."""

import math

RATES = (3e-5, 3e-4)


def loss(x, *, penalty=0.1, name="l2"):
    """Return the loss."""
    total = 0
    for value in x:
        total += value**2
        total -= 1
    if total > 3 and name == "l2":
        total = -total
    return penalty * total, f"{name} of {total:.2f}"


class Head:
    """A head."""

    strength = None
'''


@pytest.fixture
def stored_now(monkeypatch):
    """Settings as if the grid had been stored at this moment, for the test to change."""
    stored = json.loads(json.dumps(grid.current_settings()))
    monkeypatch.setattr(grid, "stored_settings", lambda: stored)
    return stored


# --- The stored grid ----------------------------------------------------------------------------


def test_stored_grid_is_not_stale():
    changed = grid.differences()
    assert changed == [], f"Changed since it was computed: {', '.join(changed)}. Run `make grid`."


def test_stored_grid_has_one_row_for_each_run_in_the_documented_order():
    frame = grid.load_grid()
    assert list(frame) == list(grid.COLUMNS)
    runs = frame[["seed", "strategy", "size", "domain"]].itertuples(index=False, name=None)
    cells = product(range(grid.SEEDS), strategies.STRATEGIES, strategies.SIZES, strategies.DOMAINS)
    assert list(runs) == list(cells)


def test_stored_grid_has_values_in_their_ranges():
    frame = grid.load_grid()
    for part in ("validation", "test"):
        assert frame[part].dtype == float
        assert frame[part].between(0, 1).all()
    # Shares of 2,000 test images in both domains, as precisely as Keras counts.
    right = frame["test"] * 2000
    assert (right - right.round()).abs().max() < 1e-3
    assert (frame["seconds"] > 0).all()
    assert frame["choice"].map(type).eq(str).all()
    chosen = frame.groupby("strategy")["choice"].agg(set)
    assert chosen["head on top features"] == {""}
    assert chosen["head on earlier features"] <= set(strategies.STAGES)
    for strategy, tuning in (("few", strategies.FEW), ("many", strategies.MANY)):
        rates = {f"learning rate {rate:g}" for rate in tuning.rates}
        assert chosen[f"fine-tune {strategy} blocks"] <= rates
    for network in ("small", "same"):
        assert all(
            re.fullmatch(r"\d+ of \d+ epochs", choice)
            for choice in chosen[f"{network} network from scratch"]
        )


def test_stored_settings_say_with_what_it_was_computed():
    computed_with = grid.stored_settings()["computed with"]
    assert set(computed_with) == {"tensorflow", "keras", "numpy", "python"}
    assert all(re.match(r"\d+\.\d+", version) for version in computed_with.values())


def test_check_of_the_stored_grid_says_up_to_date(capsys):
    assert grid.main(["--check"]) == 0
    assert capsys.readouterr().out.startswith("The stored grid is up to date ({")


# --- What code means ----------------------------------------------------------------------------


@properties
@given(st.data())
def test_comments_and_white_space_do_not_change_the_hash(data):
    comments = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
    lines, inside = [], False
    for line in SAMPLE.splitlines():
        if not inside and data.draw(st.booleans()):
            lines += data.draw(st.sampled_from([[""], ["# before"], ["", "", "    # before"]]))
        if line.strip() and data.draw(st.booleans()):
            line += "  # " + data.draw(comments)
        lines.append(line)
    changed = "\n".join(lines) + "\n"
    assert grid.code_hash(changed) == grid.code_hash(SAMPLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""\n', ""),
        ('"""A module."""', '"""Another one.\n\nOf two paragraphs.\n"""'),
        ('    """Return the loss."""\n', ""),
        ('"""Return the loss."""', "'The sum.'"),
        ('"""A head."""', '"""A head, of more\n    than one line.\n    """'),
        ("penalty=0.1, name", "penalty=0.1,\n    name"),
        ("(3e-5, 3e-4)", "(\n    3e-5,  # weak\n    3e-4\n)"),
        ("\n\n\nclass", "\n\nclass"),
        ("value**2", "value ** 2"),
        ("penalty=0.1, name", "penalty=1e-1, name"),
        ("(3e-5, 3e-4)", "(\n    3e-5,\n    3e-4,\n)"),
        ('"l2":', "'l2':"),
        ("total = -total", "total = (-total)"),
    ],
)
def test_docstrings_and_other_lines_do_not_change_the_hash(old, new):
    assert SAMPLE.count(old) == 1
    changed = SAMPLE.replace(old, new)
    assert grid.code_hash(changed) == grid.code_hash(SAMPLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3e-5", "3e-6"),
        ("total = 0", "total = 1"),
        ("value**2", "value*2"),
        ("total > 3", "total >= 3"),
        ("3 and name", "3 or name"),
        ("total += value", "total -= value"),
        ("= -total", "= total"),
        ("penalty=0.1", "penalty=0.2"),
        ("penalty=0.1", "penalty"),
        ('name="l2"', 'name="l1"'),
        ("x, *, penalty", "x, penalty"),
        ("def loss", "def lost"),
        ("penalty * total", "total * penalty"),
        (":.2f", ":.3f"),
        ("in x:", "in x[1:]:"),
        ("        total -= 1\n", ""),
        ("import math", "import cmath"),
        # In another block, in a text, and behind what looks like a comment.
        ("        total -= 1\n", "    total -= 1\n"),
        ("} of {", "}of{"),
        ("} of {", "} # {"),
        ("None", "'None'"),
    ],
)
def test_what_code_does_changes_the_hash(old, new):
    changed = SAMPLE.replace(old, new)
    assert changed != SAMPLE
    assert grid.code_hash(changed) != grid.code_hash(SAMPLE)


@properties
@given(st.data())
def test_every_number_in_the_code_of_the_grid_counts(data):
    source = (PACKAGE / data.draw(st.sampled_from(grid.CODE))).read_text()
    numbers = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
        # Before Python 3.12 what is inside of a formatted text has a wrong position.
        if re.fullmatch(r"[\d_.e-]+", ast.get_source_segment(source, node) or "")
    ]
    node = data.draw(st.sampled_from(numbers or [None]))
    if node is not None:
        lines = source.splitlines(keepends=True)
        line = lines[node.lineno - 1].encode()
        line = line[: node.col_offset] + b"987" + line[node.end_col_offset :]
        lines[node.lineno - 1] = line.decode()
        assert grid.code_hash("".join(lines)) != grid.code_hash(source)


# --- What has changed ---------------------------------------------------------------------------


def test_settings_of_now_differ_in_nothing(stored_now):
    assert grid.differences() == []
    # What it was computed with is told, but another version is no reason to compute it again.
    stored_now["computed with"] = {"python": "3.0"}
    assert grid.differences() == []


@pytest.mark.parametrize(
    ("module", "attribute", "value", "told"),
    [
        (grid, "SEEDS", 3, "seeds"),
        (strategies, "IMAGE_SIZE", 64, "image size"),
        (strategies, "BATCH_SIZE", 8, "batch size"),
        (strategies, "DOMAINS", {"similar": ("cat", "dog")}, "domains"),
        (strategies, "SIZES", strategies.SIZES | {"more": strategies.Size(9, 9)}, "sizes"),
        (strategies, "STRATEGIES", {"none": None}, "strategies"),
        (strategies, "STAGES", strategies.STAGES[1:], "stages"),
        (strategies, "FEW", strategies.FEW._replace(keep_last=2), "fine-tuning"),
        (strategies, "MANY", strategies.MANY._replace(rates=(1e-3,)), "fine-tuning"),
        (strategies, "SMALL", strategies.SMALL._replace(epochs={"little": 1}), "from scratch"),
        (strategies, "SAME", strategies.SAME._replace(patience={"much": 1}), "from scratch"),
    ],
)
def test_changed_setting_is_told_by_its_name(
    stored_now, monkeypatch, module, attribute, value, told
):
    monkeypatch.setattr(module, attribute, value)
    assert grid.differences() == [told]


def test_changed_code_is_told_by_its_file(stored_now, monkeypatch, tmp_path):
    package = tmp_path / "coursehelpers"
    for name in grid.CODE:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGE / name, package / name)
    monkeypatch.setattr(grid, "__file__", str(package / "transfer" / "grid.py"))
    assert grid.differences() == []
    head = package / "transfer" / "head.py"
    head.write_text(head.read_text() + "\n# Nothing but a comment.\n")
    assert grid.differences() == []
    head.write_text(head.read_text().replace("PATIENCE = 2", "PATIENCE = 3"))
    assert grid.differences() == ["transfer/head.py"]
    monkeypatch.setattr(grid, "CODE", [name for name in grid.CODE if "blocks" not in name])
    assert grid.differences() == ["models/blocks.py", "transfer/head.py"]


def test_changed_data_is_told_by_its_file(stored_now, monkeypatch):
    hashes = files.recorded_hashes()
    monkeypatch.setattr(grid, "recorded_hashes", lambda: hashes)
    hashes["digits/digits.csv.gz"] = "0" * 64  # in no domain
    assert grid.differences() == []
    hashes["cats-dogs/test-cats.png"] = "0" * 64
    hashes["cats-dogs/test-cows.png"] = "0" * 64
    del hashes["efficientnet-lite0/efficientnet-lite0.npz"]
    assert grid.differences() == [
        *("cats-dogs/test-cats.png", "cats-dogs/test-cows.png"),
        "efficientnet-lite0/efficientnet-lite0.npz",
    ]


def test_settings_that_an_older_grid_has_not_are_told(stored_now):
    del stored_now["stages"], stored_now["data"]
    assert grid.differences()[0] == "stages"
    assert "cats-dogs/test-cats.png" in grid.differences()
