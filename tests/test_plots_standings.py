"""The picture of the grid: which panels there are, and what a point says."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.lines import Line2D

from coursehelpers.plots import STYLES, describe, plot_standings
from tests.test_plots import drawn

pytestmark = pytest.mark.usefixtures("close_figures")

BEST, TIED = "shown to be the best", "not told apart from the highest mean"
WORSE = "shown to be worse"
NAMES = ["features", "fine-tuning", "scratch"]


def table(domains=("similar", "different"), sizes=("little", "much"), worse=("scratch",)):
    """Return standings whose estimates tell their row, by hundredths."""
    rows = pd.DataFrame(
        [(domain, size, name) for domain in domains for size in sizes for name in NAMES],
        columns=["domain", "size", "strategy"],
    )
    rows["estimate"] = 0.5 + rows.index / 100
    rows["low"], rows["high"] = rows["estimate"] - 0.02, rows["estimate"] + 0.03
    return rows.assign(standing=np.where(rows["strategy"].isin(worse), "worse", "tied"))


def points(ax):
    """Return label, places, face and edge colour of each kind of point."""
    return {
        container.get_label(): (
            container.lines[0].get_xydata().tolist(),
            container.lines[0].get_markerfacecolor(),
            container.lines[0].get_color(),
        )
        for container in ax.containers
    }


def test_there_is_a_panel_for_each_size_and_domain():
    axes = plot_standings(table())
    assert axes.shape == (2, 2)
    assert [ax.get_title() for ax in axes.flat] == [
        "little data, similar domain",
        "little data, different domain",
        "much data, similar domain",
        "much data, different domain",
    ]
    assert len({ax.get_figure() for ax in axes.flat}) == 1


def test_every_panel_shows_its_own_cell():
    frame = table()
    for ax in plot_standings(frame).flat:
        size, _, domain = ax.get_title().split()[:3]
        cell = frame[(frame["domain"] == domain) & (frame["size"] == size)]
        shown = [point for places, *_ in points(ax).values() for point in places]
        expected = [[x, NAMES.index(name)] for x, name in zip(cell["estimate"], NAMES, strict=True)]
        np.testing.assert_allclose(shown, expected)


def test_points_are_hollow_where_a_strategy_was_shown_to_be_worse():
    for ax in plot_standings(table(worse=("features", "scratch"))).flat:
        kinds = points(ax)
        assert list(kinds) == [TIED, WORSE]
        (tied, face, edge), (behind, hollow, outline) = kinds.values()
        assert ([y for _, y in tied], [y for _, y in behind]) == ([1], [0, 2])
        assert same_color(face, edge)
        assert same_color(hollow, "white")
        assert not same_color(outline, hollow)
        # Without colours they differ in shape as well.
        markers = [container.lines[0].get_marker() for container in ax.containers]
        assert markers == [style["marker"] for style in STYLES[:2]]


def test_intervals_are_drawn_even_where_they_are_lopsided():
    for ax in plot_standings(table()).flat:
        for container in ax.containers:
            middle = container.lines[0].get_xydata()[:, 0]
            ends = np.array(container.lines[2][0].get_segments())
            np.testing.assert_allclose(ends[:, :, 0], np.c_[middle - 0.02, middle + 0.03])


def test_strategies_are_named_once_from_top_to_bottom():
    axes = plot_standings(table())
    drawn(axes[0, 0].get_figure())
    for row in axes:
        assert [label.get_text() for label in row[0].get_yticklabels()] == NAMES
        assert all(label.get_visible() for label in row[0].get_yticklabels())
        assert not any(label.get_visible() for label in row[1].get_yticklabels())
    bottom, top = axes[1, 1].get_ylim()
    assert bottom > 2 > 0 > top


def test_panels_share_their_axes_and_the_lowest_ones_are_labelled():
    axes = plot_standings(table())
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes.flat}) == 1
    assert [ax.get_xlabel() for ax in axes.flat] == ["", "", "test accuracy", "test accuracy"]


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"domains": ["similar"]}, (2, 1)),
        ({"sizes": ["much"]}, (1, 2)),
        ({"domains": ["similar"], "sizes": ["much"]}, (1, 1)),
        ({"domains": ["a", "b", "c"]}, (2, 3)),
    ],
)
def test_any_number_of_domains_and_sizes_is_drawn(options, shape):
    axes = plot_standings(table(**options))
    assert axes.shape == shape
    assert {ax.get_xlabel() for ax in axes[-1]} == {"test accuracy"}
    drawn(axes[0, 0].get_figure())


def test_the_best_has_a_kind_of_its_own():
    frame = table()
    here = (frame["domain"] == "similar") & (frame["size"] == "much")
    frame.loc[here, "standing"] = ["best", "worse", "worse"]
    kinds = points(plot_standings(frame)[1, 0])
    assert list(kinds) == [BEST, TIED, WORSE]
    (best, face, edge), (tied, *_), (behind, *_) = kinds.values()
    assert [len(best), len(tied), len(behind)] == [1, 0, 2]
    assert same_color(face, edge)


@pytest.mark.parametrize(
    ("worse", "labels"), [((), [TIED]), (("scratch",), [TIED, WORSE]), (NAMES, [WORSE])]
)
def test_legend_tells_the_kinds_that_are_there(worse, labels):
    axes = plot_standings(table(worse=worse))
    figure = axes[0, 0].get_figure()
    drawn(figure)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == labels
    faces = {line.get_marker(): line.get_markerfacecolor() for line in legend.findobj(Line2D)}
    if TIED in labels:
        assert same_color(faces[STYLES[0]["marker"]], STYLES[0]["color"])
    if WORSE in labels:
        assert same_color(faces[STYLES[1]["marker"]], "white")


def test_nothing_is_cut_off():
    figure = plot_standings(table())[0, 0].get_figure()
    drawn(figure)
    inside = figure.get_tightbbox()
    assert min(inside.x0, inside.y0) >= 0
    assert inside.x1 <= figure.get_figwidth()
    assert inside.y1 <= figure.get_figheight()


def test_words_tell_every_strategy_by_name():
    frame = table(domains=["similar"], sizes=["much"])
    assert describe(plot_standings(frame)).splitlines() == [
        "Title: much data, similar domain.",
        "x: test accuracy; y: (features, fine-tuning, scratch).",
        f"{TIED}: features at 0.5 (0.48 to 0.53); fine-tuning at 0.51 (0.49 to 0.54).",
        f"{WORSE}: scratch at 0.52 (0.5 to 0.55).",
    ]


def test_words_say_so_where_a_panel_lacks_a_kind():
    frame = table()
    frame.loc[frame["domain"] == "similar", "standing"] = "tied"
    words = describe(plot_standings(frame)).splitlines()
    assert words.count(f"{WORSE}: no points.") == 2


def test_words_of_every_panel_are_there():
    words = describe(plot_standings(table())).splitlines()
    assert len(words) == 4 * 4
    assert sum("scratch at" in line and line.startswith(WORSE) for line in words) == 4


def test_it_draws_a_new_figure_and_changes_nothing_else():
    current = plt.figure()
    frame = table()
    before, settings = frame.copy(), dict(mpl.rcParams)
    axes = plot_standings(frame)
    assert plt.get_fignums() == [current.number, axes[0, 0].get_figure().number]
    assert current.axes == []
    assert dict(mpl.rcParams) == settings
    assert axes[0, 0].get_figure().axes == list(axes.flat)
    pd.testing.assert_frame_equal(frame, before)
    # A second call draws the same, into a figure of its own.
    again = plot_standings(frame)
    assert len(plt.get_fignums()) == 3
    np.testing.assert_array_equal(*(drawn(a[0, 0].get_figure()) for a in (axes, again)))
