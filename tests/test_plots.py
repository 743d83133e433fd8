"""What all plots have in common, the words that go with a figure, and how it is shown."""

import base64
import html
import io
import itertools
import re
import sys
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.markers import MarkerStyle
from matplotlib.patches import StepPatch
from traitlets.config import Config

from coursehelpers.plots import (
    STYLES,
    describe,
    plot_augmentations,
    plot_comparison,
    plot_curves,
    plot_decision_boundary,
    plot_error_vs_ratio,
    plot_history,
    plot_layer_statistics,
    plot_learning_curve_over_m,
    plot_regression_fit,
    plot_reliability,
    plot_series,
    plot_weight_histograms,
    show,
    show_images,
)
from coursehelpers.plots.core import DPI
from coursehelpers.training import Comparison

properties = settings(derandomize=True, deadline=None, max_examples=50)
numbers = st.floats(-1e6, 1e6)

HISTORY = SimpleNamespace(history={"loss": [3.0, 2.0, 1.0, 0.5], "val_loss": [3.5, 2.5, 2.0, 4.0]})
ACCURACY = SimpleNamespace(history={"accuracy": [0.2, 0.4, 0.6], "val_accuracy": [0.3, 0.5, 0.4]})


def ratios(*names, estimates=(0.5, 2.0, 1.0)):
    points = [
        (name, ratio, estimate + i, 0.5 * (estimate + i), 2 * (estimate + i))
        for i, name in enumerate(names)
        for ratio, estimate in zip((0.5, 2.0, 1.0), estimates, strict=True)
    ]
    return pd.DataFrame(points, columns=["series", "ratio", "estimate", "low", "high"])


def photos(n=3, shape=(4, 6)):
    return np.random.default_rng(0).random((n, *shape))


def comparison(*names, seeds=3, epochs=4):
    """Record settings over seeds; each seed runs an epoch longer than the one before."""
    rows = [
        (name, seed, epoch, split, "loss", level + i + 1 / (epoch + 1) + 0.1 * seed**2)
        for i, name in enumerate(names)
        for seed in range(seeds)
        for epoch in range(epochs + seed)
        for split, level in (("train", 1), ("validation", 3))
    ] + [
        (name, seed, epochs + seed - 1, "test", "accuracy", 0.5 + 0.1 * i + 0.01 * seed**2)
        for i, name in enumerate(names)
        for seed in range(seeds)
    ]
    return Comparison(
        pd.DataFrame(rows, columns=["setting", "seed", "epoch", "split", "metric", "value"])
    )


def layer_table(*names):
    rows = [
        (name, f"dense_{k}", 10.0 ** (-i * k)) for i, name in enumerate(names) for k in range(3)
    ]
    return pd.DataFrame(rows, columns=["series", "layer", "std"])


def reliability(gap=0.1):
    return pd.DataFrame(
        {
            "confidence": [np.nan, 0.3, 0.5, 0.9],
            "accuracy": [np.nan, 0.3 - gap, 0.5 - gap, 0.9 - gap],
            "n": [0, 10, 30, 60],
        }
    )


def learning_curves(*names):
    points = [
        (name, m, estimate + 0.1 * i, estimate + 0.1 * i - 0.02, estimate + 0.1 * i + 0.03)
        for i, name in enumerate(names)
        for m, estimate in ((100, 0.5), (300, 0.625), (1000, 0.75))
    ]
    return pd.DataFrame(points, columns=["series", "m", "estimate", "low", "high"]).round(9)


def thirds(x):
    """Predict class 2 to the right, otherwise class 1 above and class 0 below."""
    return np.eye(3)[np.where(x[:, 0] > 0, 2, np.where(x[:, 1] > 0, 1, 0))]


# A call of each function that draws into one Axes.
PLOTS = {
    "show_images": lambda ax=None: show_images(photos(), ["a", "b", "c"], ax=ax),
    "plot_history": lambda ax=None: plot_history(HISTORY, ax=ax),
    "plot_regression_fit": lambda ax=None: plot_regression_fit(
        [0, 1, 2],
        [0, 1, 4],
        {"line": lambda x: x, "parabola": np.square},
        validation=([3], [9]),
        ax=ax,
    ),
    "plot_error_vs_ratio": lambda ax=None: plot_error_vs_ratio(ratios("train", "test"), ax=ax),
    "plot_decision_boundary": lambda ax=None: plot_decision_boundary(
        thirds, [[-1, -1], [-1, 1], [1, 0]], [0, 1, 2], names=["a", "b", "c"], ax=ax
    ),
    "plot_comparison": lambda ax=None: plot_comparison(comparison("none", "L2", "dropout"), ax=ax),
    "plot_curves": lambda ax=None: plot_curves(comparison("none", "L2", "dropout"), ax=ax),
    "plot_weight_histograms": lambda ax=None: plot_weight_histograms(
        {"none": [photos()], "L2": [photos() / 2, photos(1)], "L1": [photos() ** 9]}, ax=ax
    ),
    "plot_layer_statistics": lambda ax=None: plot_layer_statistics(
        layer_table("Glorot", "He", "small"), "std", ax=ax
    ),
    "plot_reliability": lambda ax=None: plot_reliability(
        {"plain": reliability(), "smoothed": reliability(-0.05)}, ax=ax
    ),
    "plot_augmentations": lambda ax=None: plot_augmentations(
        photos(), {"mirrored": lambda x: x[:, :, ::-1]}, ax=ax
    ),
    "plot_learning_curve_over_m": lambda ax=None: plot_learning_curve_over_m(
        learning_curves("none", "flip", "flip and shift"), ax=ax
    ),
    "plot_series": lambda ax=None: plot_series(
        pd.DataFrame({"a": [1, 2], "b": [2, 1], "c": [3, 0]}), xlabel="x", ylabel="y", ax=ax
    ),
}
every_plot = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
pictures = ("show_images", "plot_augmentations")  # without axes to label
every_chart = pytest.mark.parametrize(
    ("name", "plot"), [(name, plot) for name, plot in PLOTS.items() if name not in pictures]
)


pytestmark = pytest.mark.usefixtures("close_figures")


def drawn(figure):
    """Return what a figure looks like: its pixels."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


def lines(ax):
    """Return the lines of an Axes by their labels."""
    return {line.get_label(): line for line in ax.lines}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def look(artist):
    """Return colour, shape and line style of a legend's entry."""
    if isinstance(artist, ErrorbarContainer):
        artist = artist.lines[0]
    if isinstance(artist, StepPatch):
        return to_hex(artist.get_edgecolor()), None, artist.get_linestyle()
    if isinstance(artist, PathCollection):
        colors = (*artist.get_facecolors(), *artist.get_edgecolors())
        return to_hex(colors[0]), artist.get_paths()[0].vertices.tobytes(), "None"
    marker = artist.get_marker()
    shape = MarkerStyle(marker).get_path().vertices.tobytes() if marker != "None" else None
    return to_hex(artist.get_color()), shape, artist.get_linestyle()


# --- Every function ------------------------------------------------------------------------------


@every_plot
def test_plot_draws_into_the_axes_given_or_a_new_figure_and_changes_nothing_else(plot):
    target = plt.figure().subplots()
    empty = len(target.get_children())
    current = plt.figure()
    before = dict(mpl.rcParams)
    assert plot(ax=target) is target
    assert len(target.get_children()) > empty
    assert plt.gcf() is current
    new = plot().get_figure()
    assert plt.get_fignums() == [1, 2, new.number] == [1, 2, 3]
    # Nothing is cut off or overlaps in what was laid out.
    assert new.get_layout_engine() is not None
    assert current.axes == []
    assert dict(mpl.rcParams) == before


@every_plot
def test_plot_is_not_cut_off(plot):
    figure = plot().get_figure()
    figure.canvas.draw()
    inside = figure.get_tightbbox()
    assert inside.x0 >= 0
    assert inside.y0 >= 0
    assert inside.x1 <= figure.get_figwidth()
    assert inside.y1 <= figure.get_figheight()


@every_chart
def test_chart_labels_its_axes_and_its_series(name, plot):
    ax = plot()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    # A comparison names its settings on the axis.
    assert len(legend(ax)) >= (2 if name == "plot_comparison" else 3)
    assert len(set(legend(ax))) == len(legend(ax))


@every_chart
def test_series_differ_in_colour_and_in_marker_or_line_style(name, plot):
    looks = [look(handle) for handle in plot().get_legend_handles_labels()[0]]
    assert len(looks) >= 2
    for one, other in itertools.combinations(looks, 2):
        assert one[0] != other[0]
        assert one[1:] != other[1:]


def test_styles_differ_in_all_respects_and_the_first_ones_stand_out_from_white():
    for one, other in itertools.combinations(STYLES, 2):
        assert all(one[key] != other[key] for key in ("color", "marker", "linestyle"))
    # Relative luminance, and the contrast that WCAG asks of graphics.
    for style in STYLES[:4]:
        channels = np.array(mpl.colors.to_rgb(style["color"]))
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3


@pytest.mark.parametrize(
    "plot",
    [
        lambda names: plot_regression_fit([0, 1], [0, 1], dict.fromkeys(names, np.square)),
        lambda names: plot_error_vs_ratio(ratios(*names)),
        lambda names: plot_decision_boundary(
            lambda x: x @ np.ones((2, len(names))), np.eye(7, 2), np.zeros(7), names=names
        ),
        lambda names: plot_curves(comparison(*names)),
        lambda names: plot_weight_histograms({name: [photos()] for name in names}),
        lambda names: plot_layer_statistics(layer_table(*names), "std"),
        lambda names: plot_reliability(dict.fromkeys(names, reliability())),
        lambda names: plot_learning_curve_over_m(learning_curves(*names)),
        lambda names: plot_series(
            pd.DataFrame(np.ones((2, len(names))), columns=names), xlabel="x", ylabel="y"
        ),
    ],
)
def test_no_more_series_than_can_be_told_apart(plot):
    names = [str(i) for i in range(len(STYLES))]
    assert set(names) <= set(legend(plot(names)))
    with pytest.raises(ValueError, match=f"At most {len(STYLES)} series .* got {len(STYLES) + 1}"):
        plot([*names, "one more"])
    assert plt.get_fignums() == [1]


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
    many = describe(plot_regression_fit(range(11), range(11), {}))
    assert re.search(r"training: 11 points at \(0, 0\), .*\(7, 7\) and 3 more\.", many)


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
    ax.plot(["one", "two"], [1, 2], label="names")
    assert describe(ax).splitlines()[1:] == [
        "gap: falls, 2 points from (1, 5) to (2, 4), lowest 4 at x = 2, highest 5 at x = 1.",
        "empty: no points.",
        "names: rises, 2 points from (0, 1) to (1, 2), lowest 1 at x = 0, highest 2 at x = 1.",
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
    weights = {"wide": [np.array([-30, 0, 0, 30])], "narrow": [np.full(5, 1.5)]}
    assert describe(plot_weight_histograms(weights)).splitlines() == [
        "x: weight; y: share of weights (logarithmic).",
        "wide: 3 of 60 bins filled, from -30 to 30, highest 0.5 from 0 to 1.",
        "narrow: 1 of 60 bins filled, from 1 to 2, highest 1 from 1 to 2.",
    ]


def test_description_of_layer_statistics_names_the_layers():
    assert describe(plot_layer_statistics(layer_table("plain", "small"), "std")).splitlines() == [
        "x: layer (dense_0, dense_1, dense_2); y: std (logarithmic).",
        "plain: dense_0 at 1; dense_1 at 1; dense_2 at 1.",
        "small: dense_0 at 1; dense_1 at 0.1; dense_2 at 0.01.",
    ]


def test_description_of_a_reliability_diagram():
    assert describe(plot_reliability({"model": reliability()})).splitlines() == [
        "x: confidence; y: accuracy.",
        "Legend: larger marker: more examples.",
        "perfectly calibrated: rises, 2 points from (0, 0) to (1, 1), lowest 0 at x = 0, "
        "highest 1 at x = 1.",
        "model: rises, 3 points from (0.3, 0.2) to (0.9, 0.8), lowest 0.2 at x = 0.3, "
        "highest 0.8 at x = 0.9.",
    ]


def test_description_of_a_decision_boundary_tells_the_areas():
    def inside(x):
        return np.eye(2)[((x**2).sum(axis=1) < 1).astype(int)]

    ax = plot_decision_boundary(inside, [[-2, -2], [2, 2], [0, 0]], [0, 0, 1], names=["out", "in"])
    # The unit circle on a square of side 4.8; around it, an area with a hole.
    assert describe(ax).splitlines() == [
        "x: feature 1; y: feature 2.",
        "out predicted: 86 % of the area.",
        "out: 2 points at (-2, -2), (2, 2).",
        "in predicted: 14 % of the area.",
        "in: 1 points at (0, 0).",
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
