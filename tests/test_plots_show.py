"""The words that go with a figure, and how it is shown."""

import base64
import html
import io
import re
import sys

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
    plot_comparison,
    plot_curves,
    plot_decision_boundary,
    plot_error_vs_ratio,
    plot_history,
    plot_layer_statistics,
    plot_regression_fit,
    plot_reliability,
    plot_weight_histograms,
    show,
    show_images,
)
from tests.test_plots import (
    ACCURACY,
    HISTORY,
    PLOTS,
    Comparison,
    comparison,
    layer_table,
    legend,
    photos,
    ratios,
    reliability,
)

properties = settings(derandomize=True, deadline=None, max_examples=50)
numbers = st.floats(-1e6, 1e6)


pytestmark = pytest.mark.usefixtures("close_figures")


# --- describe -----------------------------------------------------------------------------------


def test_description_of_a_history():
    assert describe(plot_history(HISTORY)).splitlines() == [
        "x: epoch; y: loss.",
        "training: falls, 4 points from (0, 3) to (3, 0.5), lowest 0.5 at x = 3, highest 3 at x = 0.",
        "validation: falls, then rises, 4 points from (0, 3.5) to (3, 4), lowest 2 at x = 2, highest 4 at x = 3.",
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
        r"series: [a-z, ]+, (\d+) points from \((.+), (.+)\) to \((.+), (.+)\), "
        r"lowest (.+) at x = (.+), highest (.+) at x = (.+)\.",
        text,
    )
    lowest, highest = y.argmin(), y.argmax()
    expected = [x[0], y[0], x[-1], y[-1], y[lowest], x[lowest], y[highest], x[highest]]
    assert int(found[1]) == len(points)
    # Four digits are told.
    assert [float(number) for number in found.groups()[1:]] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("heights", "trend"),
    [
        ([1, 2, 3], "rises"),
        ([3, 3.1, 1], "falls"),
        ([2, 1, 3], "falls, then rises"),
        ([1, 3, 2.9, 0], "rises, then falls"),
        ([1, 3, 0, 2], "up and down"),
        ([1, 1, 1], "constant"),
    ],
)
def test_description_says_which_way_a_series_goes(heights, trend):
    _, ax = plt.subplots()
    ax.plot(range(len(heights)), heights, label="series")
    assert f"series: {trend}, {len(heights)} points" in describe(ax)
    # Upside down the words change places.
    turned = {"rises": "falls", "falls": "rises"}
    _, ax = plt.subplots()
    ax.plot(range(len(heights)), -np.array(heights), label="series")
    words = re.sub("rises|falls", lambda word: turned[word[0]], trend)
    assert f"series: {words}, {len(heights)} points" in describe(ax)


def test_description_leaves_out_points_that_are_not_drawn():
    _, ax = plt.subplots()
    ax.plot([0, 1, 2, 3], [np.nan, 5, 4, np.nan], label="gap")
    ax.plot([], [], label="empty")
    ax.errorbar([], [], yerr=([], []), fmt="o", label="no bars")
    ax.plot(["one", "two"], [1, 2], label="names")
    assert describe(ax).splitlines()[1:] == [
        "gap: falls, 2 points from (1, 5) to (2, 4), lowest 4 at x = 2, highest 5 at x = 1.",
        "empty: no points.",
        "names: rises, 2 points from (0, 1) to (1, 2), lowest 1 at x = 0, highest 2 at x = 1.",
        "no bars: no points.",
    ]


def test_description_of_a_comparison_names_the_settings():
    assert describe(plot_comparison(comparison("none", "L2"))).splitlines() == [
        "x: test accuracy; y: setting (none, L2).",
        "mean, 95 % interval: none at 0.5167 (0.465 to 0.5684); L2 at 0.6167 (0.565 to 0.6684).",
        "one seed: none at 0.5, 0.51, 0.54; L2 at 0.6, 0.61, 0.64.",
    ]


def test_description_of_a_comparison_keeps_the_seeds_in_order_and_tells_a_lost_one():
    frame = comparison("none", "L2").frame.query("split == 'test'")
    lost = (frame["setting"] == "L2") & (frame["seed"] == 1)
    frame = frame.assign(epoch=9 - frame["seed"], value=frame["value"].mask(lost))
    assert describe(plot_comparison(Comparison(frame))).splitlines()[::2] == [
        "x: test accuracy; y: setting (none, L2 (1 of 3 not finite)).",
        "one seed: none at 0.5, 0.51, 0.54; L2 (1 of 3 not finite) at 0.6, 0.64.",
    ]


def test_description_of_curves_tells_the_bands():
    assert describe(plot_curves(comparison("none", epochs=2))).splitlines() == [
        "x: epoch; y: loss.",
        "Legend: mean and 95 % interval.",
        "none: falls, 2 points from (0, 4.167) to (1, 3.667), lowest 3.667 at x = 1, "
        "highest 4.167 at x = 0.",
        "none, 95 % interval: 3.65 to 4.684 at the first point, 3.15 to 4.184 at the last.",
    ]


def test_description_of_weight_histograms_tells_range_and_peak():
    weights = {"wide": [-1, 0, 0, 3], "narrow": np.zeros(5)}
    assert describe(plot_weight_histograms(weights, bins=4)).splitlines() == [
        "x: weight; y: share of weights (logarithmic).",
        "wide: 3 of 4 bins filled, from -1 to 3, highest 0.5 from 0 to 1.",
        "narrow: 1 of 4 bins filled, from 0 to 1, highest 1 from 0 to 1.",
    ]


def test_description_of_layer_statistics_names_the_layers():
    assert describe(plot_layer_statistics(layer_table("plain", "small"))).splitlines() == [
        "x: layer (dense_0, dense_1, dense_2); y: std (logarithmic).",
        "plain: dense_0 at 1; dense_1 at 1; dense_2 at 1.",
        "small: dense_0 at 1; dense_1 at 0.1; dense_2 at 0.01.",
    ]


def test_description_of_a_reliability_diagram():
    assert describe(plot_reliability(reliability())).splitlines() == [
        "x: confidence; y: accuracy.",
        "Legend: larger marker: more examples.",
        "perfectly calibrated: rises, 2 points from (0, 0) to (1, 1), lowest 0 at x = 0, "
        "highest 1 at x = 1.",
        "model: rises, 3 points from (0.3, 0.2) to (0.9, 0.8), lowest 0.2 at x = 0.3, "
        "highest 0.8 at x = 0.9.",
    ]


def test_description_of_a_decision_boundary_tells_the_areas():
    def inside(x):
        return (x**2).sum(axis=1) < 1

    ax = plot_decision_boundary(inside, [[-2, -2], [2, 2], [0, 0]], [0, 0, 1], names=["out", "in"])
    # The unit circle on a square of side 4.8; around it, an area with a hole.
    assert describe(ax).splitlines() == [
        "x: feature 1; y: feature 2.",
        "out predicted: 86 % of the area.",
        "out: 2 points at (-2, -2), (2, 2).",
        "in predicted: 14 % of the area.",
        "in: 1 points at (0, 0).",
    ]


def test_description_of_error_bars_over_numbers():
    _, (left, right) = plt.subplots(1, 2)
    left.errorbar([1, 2, 3], [4, np.nan, 6], yerr=[[1, 1, 1], [2, 2, 2]], label="up", capsize=3)
    right.errorbar([4], [1], xerr=0.5, label="across")
    assert describe([left, right]).splitlines() == [
        "x: ; y: .",
        "up: x = 1 at 4 (3 to 6); x = 3 at 6 (5 to 8).",
        "x: ; y: .",
        "across: y = 1 at 4 (3.5 to 4.5).",
    ]


def test_description_takes_no_written_number_for_a_name():
    _, axes = plt.subplots(1, 2)
    for ax in axes:
        ax.plot([0, 30, 100], [1, 2, 3], label="series")
    axes[0].set_xticks([0, 50, 100], ["0 %", "50 %", "100 %"])
    axes[1].set_xticks([0, 1, 2])
    assert describe(axes).count("series: rises, 3 points from (0, 1) to (100, 3)") == 2


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_description_has_no_name_that_matplotlib_made_up(plot):
    ax = plot()
    ax.plot([0, 1], [2, 3])
    ax.fill_between([0, 1], [2, 3])
    ax.stairs([1, 2])
    assert "_" not in describe(ax).replace("dense_", "")
    if not ax.images:
        assert "unnamed series: " in describe(ax)
        assert all(f"\n{name}: " in describe(ax) for name in legend(ax))


def test_description_of_empty_bins():
    _, ax = plt.subplots()
    ax.stairs([0, 0], label="nothing")
    assert describe(ax).splitlines()[1:] == ["nothing: 2 empty bins."]


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
