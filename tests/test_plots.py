"""What all plots have in common: where they draw, what they leave alone, how series differ."""

import itertools
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.markers import MarkerStyle
from matplotlib.patches import StepPatch

from coursehelpers import plots
from coursehelpers.plots import (
    STYLES,
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
    plot_weight_histograms,
    show_images,
)
from tests.test_package import imported_by

HISTORY = {"loss": [3.0, 2.0, 1.0, 0.5], "val_loss": [3.5, 2.5, 2.0, 4.0]}
ACCURACY = {"accuracy": [0.2, 0.4, 0.6], "val_accuracy": [0.3, 0.5, 0.4]}


def ratios(*names, estimates=(0.5, 2.0, 1.0)):
    points = [
        (name, ratio, estimate + i, 0.5 * (estimate + i), 2 * (estimate + i))
        for i, name in enumerate(names)
        for ratio, estimate in zip((0.5, 2.0, 1.0), estimates, strict=True)
    ]
    return pd.DataFrame(points, columns=["series", "ratio", "estimate", "low", "high"])


def photos(n=3, shape=(4, 6)):
    return np.random.default_rng(0).random((n, *shape))


class Comparison(NamedTuple):
    """What a comparison of settings has to offer to the plots."""

    frame: pd.DataFrame


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


def corner(x):
    """Predict class 2 to the right, otherwise class 1 above and class 0 below."""
    return np.where(x[:, 0] > 0, 2, np.where(x[:, 1] > 0, 1, 0))


# A call of each function that draws.
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
        corner, [[-1, -1], [-1, 1], [1, 0]], [0, 1, 2], resolution=20, ax=ax
    ),
    "plot_comparison": lambda ax=None: plot_comparison(comparison("none", "L2", "dropout"), ax=ax),
    "plot_curves": lambda ax=None: plot_curves(comparison("none", "L2", "dropout"), ax=ax),
    "plot_weight_histograms": lambda ax=None: plot_weight_histograms(
        {"none": photos(), "L2": [photos() / 2, photos(1)], "L1": photos() ** 9}, ax=ax
    ),
    "plot_layer_statistics": lambda ax=None: plot_layer_statistics(
        layer_table("Glorot", "He", "small"), ax=ax
    ),
    "plot_reliability": lambda ax=None: plot_reliability(
        {"plain": reliability(), "smoothed": reliability(-0.05)}, ax=ax
    ),
    "plot_augmentations": lambda ax=None: plot_augmentations(
        photos(), {"mirrored": lambda x: x[:, :, ::-1]}, columns=3, ax=ax
    ),
    "plot_learning_curve_over_m": lambda ax=None: plot_learning_curve_over_m(
        learning_curves("none", "flip", "flip and shift"), ax=ax
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
def test_plot_returns_the_axes_that_it_was_given_and_draws_there(plot):
    _, (first, second) = plt.subplots(2)
    empty = len(first.get_children())
    assert plot(ax=first) is first
    assert len(first.get_children()) > empty
    assert len(second.get_children()) == empty
    assert plt.get_fignums() == [1]


@every_plot
def test_plot_makes_a_new_figure_without_axes(plot):
    plt.figure()
    one, other = plot(), plot()
    assert plt.get_fignums() == [1, 2, 3]
    assert one.get_figure().number == 2
    assert other.get_figure().number == 3
    assert one.get_figure().axes == [one]
    # Nothing is cut off or overlaps in what was laid out.
    assert one.get_figure().get_layout_engine() is not None


@every_plot
def test_plot_changes_no_setting_and_no_other_figure(plot):
    target = plt.figure().subplots()
    current = plt.figure()
    before = dict(mpl.rcParams)
    plot(ax=target)
    assert dict(mpl.rcParams) == before
    assert plt.gcf() is current
    assert current.axes == []
    plot()
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


def test_first_four_styles_differ_in_all_respects_and_stand_out_from_white():
    assert len(STYLES) >= 4
    for one, other in itertools.combinations(STYLES[:4], 2):
        for key in ("color", "marker", "linestyle"):
            assert one[key] != other[key]
    # Relative luminance, and the contrast that WCAG asks of graphics.
    for style in STYLES[:4]:
        channels = np.array(mpl.colors.to_rgb(style["color"]))
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3


def test_styles_differ_pairwise():
    for one, other in itertools.combinations(STYLES, 2):
        for key in ("color", "marker", "linestyle"):
            assert one[key] != other[key]


@pytest.mark.parametrize(
    "plot",
    [
        lambda names: plot_regression_fit([0, 1], [0, 1], dict.fromkeys(names, np.square)),
        lambda names: plot_error_vs_ratio(ratios(*names)),
        lambda names: plot_decision_boundary(
            corner, np.eye(len(names), 2), range(len(names)), names=names, resolution=9
        ),
        lambda names: plot_curves(comparison(*names)),
        lambda names: plot_weight_histograms(dict.fromkeys(names, photos())),
        lambda names: plot_layer_statistics(layer_table(*names)),
        lambda names: plot_reliability(dict.fromkeys(names, reliability())),
        lambda names: plot_learning_curve_over_m(learning_curves(*names)),
    ],
)
def test_no_more_series_than_can_be_told_apart(plot):
    names = [str(i) for i in range(len(STYLES))]
    assert set(names) <= set(legend(plot(names)))
    with pytest.raises(ValueError, match=f"At most {len(STYLES)} series .* got {len(STYLES) + 1}"):
        plot([*names, "one more"])
    assert plt.get_fignums() == [1]


# --- The package ---------------------------------------------------------------------------------


def test_import_of_plots_imports_nothing_heavy():
    modules = imported_by("import coursehelpers.plots")
    assert "numpy" in modules
    assert not modules & {"matplotlib", "pandas", "scipy", "tensorflow", "keras"}


def test_plots_offers_each_of_its_functions_by_name():
    assert set(PLOTS) | {"describe", "show", "DPI", "STYLES"} <= set(plots.__all__)
    assert plots.__all__ == sorted(plots.__all__)
    assert all(hasattr(plots, name) for name in plots.__all__)
