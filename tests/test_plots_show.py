"""The words that go with a figure, and how it is shown."""

import base64
import html
import io
import re
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from coursehelpers.plots import (
    DPI,
    describe,
    plot_error_vs_ratio,
    plot_history,
    plot_regression_fit,
    show,
    show_images,
)
from tests.test_plots import ACCURACY, HISTORY, PLOTS, photos, ratios

properties = settings(derandomize=True, deadline=None, max_examples=50)
numbers = st.floats(-1e6, 1e6)


@pytest.fixture(autouse=True)
def _close_figures():
    assert mpl.get_backend().lower() == "agg"
    yield
    plt.close("all")


# --- describe -----------------------------------------------------------------------------------


def test_description_of_a_history():
    assert describe(plot_history(HISTORY)).splitlines() == [
        "x: epoch; y: loss.",
        "training: 4 points from (0, 3) to (3, 0.5), lowest 0.5 at x = 3, highest 3 at x = 0.",
        "validation: 4 points from (0, 3.5) to (3, 4), lowest 2 at x = 2, highest 4 at x = 3.",
        "best validation: epoch 2: vertical line at x = 2.",
    ]


def test_description_of_a_regression_fit_lists_the_points():
    text = describe(PLOTS["plot_regression_fit"]())
    assert "training: 3 points at (0, 0), (1, 1), (2, 4)." in text
    assert "validation: 1 points at (3, 9)." in text
    many = plot_regression_fit(range(11), range(11), {})
    assert "training: 11 points at (0, 0), " in describe(many)
    assert "(7, 7) and 3 more." in describe(many)


def test_description_tells_a_logarithmic_axis_and_no_band():
    text = describe(plot_error_vs_ratio(ratios("train")))
    assert "y: mean squared error (logarithmic)." in text
    assert "d/m = 1: vertical line at x = 1." in text
    assert len(text.splitlines()) == 3


def test_description_of_images():
    ax = show_images(photos(2, (4, 6)), ["coat", "bag"])
    ax.set_title("Two photos")
    assert describe(ax).splitlines() == [
        "Title: Two photos.",
        "2 images of 4 x 6 pixels.",
        "Labels: coat, bag.",
    ]
    assert describe(show_images(photos(2))).splitlines() == ["2 images of 4 x 6 pixels."]


def test_description_of_several_axes_is_one_after_the_other():
    _, axes = plt.subplots(1, 2)
    first, second = (
        plot_history(HISTORY, ax=axes[0]),
        plot_history(ACCURACY, "accuracy", ax=axes[1]),
    )
    assert describe(axes) == describe(list(axes)) == f"{describe(first)}\n{describe(second)}"


@properties
@given(points=st.lists(st.tuples(numbers, numbers), min_size=3, max_size=20, unique=True))
def test_description_tells_the_ends_the_lowest_and_the_highest_point(points):
    _, ax = plt.subplots()
    x, y = np.array(points).T
    ax.plot(x, y, label="series")
    _, text = describe(ax).splitlines()
    plt.close("all")
    found = re.fullmatch(
        r"series: (\d+) points from \((.+), (.+)\) to \((.+), (.+)\), "
        r"lowest (.+) at x = (.+), highest (.+) at x = (.+)\.",
        text,
    )
    lowest, highest = y.argmin(), y.argmax()
    expected = [x[0], y[0], x[-1], y[-1], y[lowest], x[lowest], y[highest], x[highest]]
    assert int(found[1]) == len(points)
    # Four digits are told.
    assert [float(number) for number in found.groups()[1:]] == pytest.approx(expected, rel=1e-3)


def test_description_leaves_out_points_that_are_not_drawn():
    _, ax = plt.subplots()
    ax.plot([0, 1, 2, 3], [np.nan, 5, 4, np.nan], label="gap")
    ax.plot([], [], label="empty")
    ax.plot(["one", "two"], [1, 2], label="names")
    assert describe(ax).splitlines()[1:] == [
        "gap: 2 points from (1, 5) to (2, 4), lowest 4 at x = 2, highest 5 at x = 1.",
        "empty: no points.",
        "names: 2 points from (0, 1) to (1, 2), lowest 1 at x = 0, highest 2 at x = 1.",
    ]


# --- show ---------------------------------------------------------------------------------------

ALT = "Loss falls <fast> & then rises."


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """An IPython shell that publishes what is displayed, without a history file."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    # A shell puts itself in the place of the main module.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def shown(shell):
    """The figure that was shown, its description, and what was published of it."""
    ax = plot_history(HISTORY)
    description, figure = describe(ax), ax.get_figure()
    with capture_output() as captured:
        assert show(ax, ALT) is None
    assert (captured.stdout, captured.stderr) == ("", "")
    return figure, description, captured.outputs


def test_show_publishes_one_picture_with_its_words(shown):
    figure, description, (picture, _) = shown
    assert set(picture.data) == {"image/png", "text/plain"}
    assert picture.data["text/plain"] == f"{ALT}\n{description}"
    # Where exporters look for the alternative text.
    assert picture.metadata == {"image/png": {"alt": f"{ALT}\n{description}"}}
    pixels = plt.imread(io.BytesIO(base64.b64decode(picture.data["image/png"])))
    width, height = figure.get_size_inches() * DPI
    assert pixels.shape[:2] == (height, width)
    assert np.ptp(pixels[..., :3]) > 0.5


def test_show_publishes_the_words_folded_and_escaped(shown):
    _, description, (_, folded) = shown
    page = folded.data["text/html"]
    assert re.fullmatch(r"<details><summary>[^<]+</summary>.*</details>", page)
    assert "&lt;fast&gt; &amp; then" in page
    body = page.partition("</summary>")[2].removesuffix("</details>")
    assert set(re.findall("<.*?>", body)) == {"<br>"}
    assert html.unescape(body.replace("<br>", "\n")) == f"{ALT}\n{description}"
    # What reads the output as plain text has the words with the picture already.
    assert folded.data["text/plain"] == "(figure in words)"


def test_show_closes_its_figure_only(shell):
    other = plt.figure()
    figure, axes = plt.subplots(2)
    for ax in axes:
        plot_history(HISTORY, ax=ax)
    with capture_output() as captured:
        show(axes, "Twice the same.")
    assert plt.get_fignums() == [other.number]
    assert not plt.fignum_exists(figure.number)
    assert captured.outputs[0].data["text/plain"].count("best validation") == 2


@pytest.mark.parametrize("alt", ["", " \n"])
def test_show_refuses_a_figure_without_words(shell, alt):
    with capture_output() as captured, pytest.raises(ValueError, match="needs alternative text"):
        show(plot_history(HISTORY), alt)
    assert captured.outputs == []
