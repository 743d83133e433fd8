"""Pictures of trainings, of settings compared over seeds, and of numbers over other numbers."""

from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.lines import Line2D
from scipy import stats

from coursehelpers.plots import (
    STYLES,
    describe,
    plot_comparison,
    plot_curves,
    plot_error_vs_ratio,
    plot_history,
    plot_learning_curve_over_m,
    plot_series,
    plot_standings,
)
from coursehelpers.training import Comparison
from tests.test_plots import (
    ACCURACY,
    HISTORY,
    comparison,
    drawn,
    learning_curves,
    legend,
    lines,
    ratios,
)

pytestmark = pytest.mark.usefixtures("close_figures")


# --- plot_history --------------------------------------------------------------------------------


def history(**values):
    return SimpleNamespace(history=values)


def test_history_draws_both_series_over_the_epochs():
    ax = plot_history(HISTORY)
    for label, name in (("training", "loss"), ("validation", "val_loss")):
        assert lines(ax)[label].get_xdata().tolist() == [0, 1, 2, 3]
        assert lines(ax)[label].get_ydata().tolist() == HISTORY.history[name]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    drawn(ax.get_figure())
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


@pytest.mark.parametrize(
    ("history", "metric", "best"), [(HISTORY, "loss", 2), (ACCURACY, "accuracy", 1)]
)
def test_history_marks_the_best_epoch(history, metric, best):
    ax = plot_history(history, metric)
    assert f"best validation: epoch {best}" in legend(ax)
    assert set(lines(ax)[f"best validation: epoch {best}"].get_xdata()) == {best}


def test_history_of_a_training_that_diverged_marks_an_epoch_before():
    nan = float("nan")
    ax = plot_history(history(loss=[2, nan, nan], val_loss=[3, 1, nan]))
    assert "best validation: epoch 1" in legend(ax)
    ax = plot_history(history(loss=[nan], val_loss=[nan]))
    assert legend(ax) == ["training", "validation"]


def test_history_without_validation_marks_nothing():
    assert legend(plot_history(history(loss=[2, 1]))) == ["training"]


def test_history_names_an_unknown_metric_and_those_there_are():
    with pytest.raises(ValueError, match=r"'accuracy' was not recorded.*: loss, val_loss\."):
        plot_history(HISTORY, "accuracy")
    assert plt.get_fignums() == []


# --- plot_comparison -----------------------------------------------------------------------------


def interval(values):
    """Return mean, low and high by scipy's own t-interval."""
    mean, n = np.mean(values), len(values)
    return mean, *stats.t.interval(0.95, n - 1, mean, stats.sem(values))


def seed_points(ax):
    (points,) = (dots for dots in ax.collections if dots.get_label() == "one seed")
    return np.asarray(points.get_offsets())


def bars(ax):
    """Return place, mean, low and high of each error bar."""
    (container,) = ax.containers
    ends = container.lines[2][0].get_segments()
    return [
        (y, x, low[0], high[0])
        for (x, y), (low, high) in zip(container.lines[0].get_xydata(), ends, strict=True)
    ]


def names_of(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_comparison_draws_each_setting_with_its_interval_from_top_to_bottom():
    ax = plot_comparison(comparison("none", "L2"))
    assert names_of(ax) == ["none", "L2"]
    assert ax.get_yticks().tolist() == [0, 1]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    expected = [(i, *interval(0.5 + 0.1 * i + 0.01 * np.arange(3) ** 2)) for i in range(2)]
    np.testing.assert_allclose(bars(ax), expected)
    assert legend(ax) == ["one seed", "mean, 95 % interval"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("test accuracy", "setting")


def test_comparison_draws_a_point_for_each_seed_beside_its_setting():
    first, second = np.split(seed_points(plot_comparison(comparison("none", "L2"))), 2)
    np.testing.assert_allclose(first[:, 0], [0.5, 0.51, 0.54])
    np.testing.assert_allclose(second[:, 0], [0.6, 0.61, 0.64])
    # Apart from each other, near their setting, and the same in every setting and drawing.
    assert len(set(first[:, 1])) == 3
    assert np.abs(first[:, 1]).max() < 0.25
    np.testing.assert_allclose(second[:, 1], first[:, 1] + 1)
    again = seed_points(plot_comparison(comparison("none", "L2")))
    np.testing.assert_array_equal(again, np.concatenate([first, second]))


def test_comparison_takes_the_last_epoch_of_each_seed_in_whatever_order():
    frame = comparison("none", "L2").frame
    frame = frame.sample(frac=1, random_state=0).sort_values("setting", ascending=False)
    ax = plot_comparison(Comparison(frame), "loss", "train")
    assert names_of(ax) == ["none", "L2"]
    # Seed s ends with epoch 3 + s.
    last = 1 + 1 / (4 + np.arange(3)) + 0.1 * np.arange(3) ** 2
    np.testing.assert_allclose(bars(ax), [(0, *interval(last)), (1, *interval(last + 1))])
    assert ax.get_xlabel() == "train loss"


def test_comparison_of_single_runs_draws_points_only():
    ax = plot_comparison(comparison("none", "L2", seeds=1))
    np.testing.assert_allclose(seed_points(ax), [[0.5, 0], [0.6, 1]])
    assert not ax.containers
    assert legend(ax) == ["one seed"]
    # Where only one setting was repeated, only that one has an interval.
    frame = comparison("none", "L2").frame
    ax = plot_comparison(Comparison(frame[(frame["setting"] == "L2") | (frame["seed"] == 0)]))
    assert [place for place, *_ in bars(ax)] == [1]
    assert len(seed_points(ax)) == 4


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_comparison_says_where_a_seed_diverged(value):
    frame = comparison("none", "L2").frame
    lost = (frame["split"] == "test") & (frame["setting"] == "L2") & (frame["seed"] == 1)
    ax = plot_comparison(Comparison(frame.assign(value=frame["value"].mask(lost, value))))
    assert names_of(ax) == ["none", "L2\n(1 of 3 not finite)"]
    # A mean over the others would mislead.
    assert [place for place, *_ in bars(ax)] == [0]
    np.testing.assert_allclose(seed_points(ax)[3:, 0], [0.6, 0.64])


def test_comparison_keeps_its_legend_clear_of_what_it_draws():
    ax = plot_comparison(comparison("none", "L2"))
    ax.get_figure().canvas.draw()
    upper = ax.transData.inverted().transform(ax.get_legend().get_window_extent())[:, 1].min()
    assert upper > max(seed_points(ax)[:, 1])


@pytest.mark.parametrize("plot", [plot_comparison, plot_curves])
def test_comparison_and_curves_name_what_was_measured(plot):
    with pytest.raises(ValueError, match="no 'accuracy' on 'train'; there are: 'loss' on 'train'"):
        plot(comparison("none"), "accuracy", "train")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("plot", [plot_comparison, plot_curves])
def test_comparison_and_curves_leave_the_frame_as_it_is(plot):
    runs = comparison("none", "L2").frame
    before = runs.copy()
    plot(Comparison(runs), "loss", "validation")
    pd.testing.assert_frame_equal(runs, before)


# --- plot_curves ---------------------------------------------------------------------------------


def losses(level, epochs=4):
    """Return the loss of each epoch and seed that `comparison` records."""
    epoch, seed = np.ogrid[:epochs, :3]
    return level + 1 / (epoch + 1) + 0.1 * seed**2


def bands(ax):
    return {band.get_gid(): band for band in ax.collections}


def test_curves_draw_the_mean_over_the_seeds_as_far_as_all_of_them_ran():
    ax = plot_curves(comparison("none", "L2"))
    for i, name in enumerate(["none", "L2"]):
        x, y = lines(ax)[name].get_data()
        # The seeds ran for 4, 5 and 6 epochs.
        assert x.tolist() == [0, 1, 2, 3]
        np.testing.assert_allclose(y, losses(3 + i).mean(axis=1))
    assert legend(ax) == ["none", "L2"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    drawn(ax.get_figure())
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


def test_curves_draw_the_interval_as_a_band():
    ax = plot_curves(comparison("none", "L2"))
    assert list(bands(ax)) == ["none, 95 % interval", "L2, 95 % interval"]
    corners = bands(ax)["L2, 95 % interval"].get_paths()[0].vertices
    for epoch, values in enumerate(losses(4)):
        _, low, high = interval(values)
        found = corners[corners[:, 0] == epoch, 1]
        np.testing.assert_allclose([found.min(), found.max()], [low, high])
    assert ax.get_legend().get_title().get_text() == "mean and 95 % interval"


def test_curves_of_single_runs_have_no_band():
    ax = plot_curves(comparison("none", "L2", seeds=1))
    np.testing.assert_allclose(lines(ax)["none"].get_ydata(), 3 + 1 / np.arange(1, 5))
    assert not ax.collections
    assert ax.get_legend().get_title().get_text() == ""


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_curves_end_where_a_seed_diverges(value):
    frame = comparison("none").frame
    lost = (frame["seed"] == 1) & (frame["epoch"] >= 2)
    diverged = Comparison(frame.assign(value=frame["value"].mask(lost, value)))
    assert lines(plot_curves(diverged))["none"].get_xdata().tolist() == [0, 1]
    nothing = Comparison(frame.assign(value=value))
    assert describe(plot_curves(nothing)).splitlines()[1:] == ["none: no points."]


def test_curves_of_one_setting_tell_the_splits_by_all_means():
    ax = plot_curves(comparison("none"), split=("train", "validation"))
    assert legend(ax) == ["train", "validation"]
    np.testing.assert_allclose(lines(ax)["train"].get_ydata(), losses(1).mean(axis=1))
    for line, style in zip(ax.lines, STYLES, strict=False):
        assert (line.get_color(), line.get_marker()) == (style["color"], style["marker"])
        assert line.get_linestyle() == style["linestyle"]


def test_curves_of_several_settings_and_splits_tell_the_split_by_the_line():
    ax = plot_curves(comparison("none", "L2"), split=("train", "validation"))
    assert legend(ax) == ["none, train", "none, validation", "L2, train", "L2, validation"]
    np.testing.assert_allclose(lines(ax)["L2, train"].get_ydata(), losses(2).mean(axis=1))
    for name, style in zip(["none", "L2"], STYLES, strict=False):
        train, validation = lines(ax)[f"{name}, train"], lines(ax)[f"{name}, validation"]
        assert train.get_linestyle() == "--"
        assert validation.get_linestyle() == "-"
        assert train.get_linewidth() < validation.get_linewidth()
        for line in (train, validation):
            assert (line.get_color(), line.get_marker()) == (style["color"], style["marker"])
    looks = [(line.get_marker(), line.get_linestyle()) for line in ax.lines]
    assert len(set(looks)) == 4


@pytest.mark.parametrize("split", ["test", "model"])
def test_curves_refuse_what_is_measured_once(split):
    with pytest.raises(ValueError, match=f"^{split} is measured once.*plot_comparison"):
        plot_curves(comparison("none"), "accuracy", ("train", split))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("names", [list("abcdef"), ["none", "dropout and batch normalization"]])
def test_many_curves_or_long_names_have_their_legend_beside_them(names):
    ax = plot_curves(comparison(*names), split=("train", "validation"))
    ax.get_figure().canvas.draw()
    beside = ax.get_legend().get_window_extent()
    assert beside.x0 >= ax.get_window_extent().x1
    assert beside.x1 <= ax.get_figure().bbox.x1
    assert beside.y0 >= 0


@pytest.mark.parametrize("plot", [plot_comparison, plot_curves])
def test_interrupted_comparison_says_so(plot):
    frame = comparison("none", "L2").frame
    for partial, title in ((True, "interrupted: complete runs only"), (False, "")):
        ax = plot(Comparison(frame, partial), "loss", "validation")
        assert ax.get_title() == title


# --- plot_series ---------------------------------------------------------------------------------


def test_series_are_the_columns_over_the_index():
    frame = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, np.nan, 1.0]}, index=[0.1, 1.0, 10.0])
    ax = plot_series(frame, xlabel="l2", ylabel="accuracy", xscale="log")
    for line, name in zip(ax.get_lines(), frame, strict=True):
        assert line.get_label() == name
        np.testing.assert_array_equal(line.get_xdata(), frame.index)
        np.testing.assert_array_equal(line.get_ydata(), frame[name])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("l2", "accuracy", "log")
    assert legend(ax) == ["a", "b"]


def test_series_over_names_are_labelled_by_them():
    names = ["stem", "block2b", "top"]
    ax = plot_series(pd.DataFrame({"a": [3.0, 1.0, 2.0]}, index=names), xlabel="stage", ylabel="y")
    assert [label.get_text() for label in ax.get_xticklabels()] == names
    assert lines(ax)["a"].get_xydata().tolist() == [[0, 3], [1, 1], [2, 2]]


def test_long_series_are_marked_at_every_tenth_of_their_points():
    ax = plot_series(pd.DataFrame(np.ones((50, 6))), xlabel="x", ylabel="y")
    assert all(line.get_markevery() == 5 for line in ax.get_lines())


def test_logarithmic_axis_of_few_values_is_labelled_by_them():
    def labels(index):
        frame = pd.DataFrame({"a": np.ones(len(index))}, index=index)
        ax = plot_series(frame, xlabel="m", ylabel="y", xscale="log")
        ax.figure.canvas.draw()
        return [label.get_text() for label in ax.get_xticklabels()]

    assert labels([13, 50, 3000]) == ["13", "50", "3,000"]
    assert labels([0.0, 0.001, 0.1]) == ["0.001", "0.1"]
    assert "$\\mathdefault{10^{1}}$" in labels(range(1, 100))


# --- plot_error_vs_ratio -------------------------------------------------------------------------


def test_error_vs_ratio_draws_each_series_in_order_of_the_ratio():
    ax = plot_error_vs_ratio(ratios("train", "test"))
    assert legend(ax) == ["train", "test", "d/m = 1"]
    assert lines(ax)["train"].get_xydata().tolist() == [[0.5, 0.5], [1, 1], [2, 2]]
    assert lines(ax)["test"].get_xydata().tolist() == [[0.5, 1.5], [1, 2], [2, 3]]
    assert ax.get_yscale() == "log"
    corners = {tuple(point) for point in ax.collections[0].get_paths()[0].vertices.tolist()}
    assert {(0.5, 0.25), (0.5, 1), (1, 0.5), (1, 2), (2, 1), (2, 4)} <= corners


def test_error_vs_ratio_marks_the_critical_value():
    line = lines(plot_error_vs_ratio(ratios("train")))["d/m = 1"]
    assert line.get_xdata() == [1, 1]
    # From the bottom of the picture to its top, whatever the errors are.
    assert line.get_ydata() == [0, 1]


def test_error_vs_ratio_leaves_out_errors_that_are_zero_up_to_rounding():
    frame = ratios("train", estimates=(0.5, 1e-30, 0.0))
    ax = plot_error_vs_ratio(frame)
    assert lines(ax)["train"].get_xydata().tolist() == [[0.5, 0.5]]
    drawn(ax.get_figure())
    assert ax.get_ylim()[0] > 1e-3
    # A series of nothing else is left out as a whole.
    ax = plot_error_vs_ratio(pd.concat([frame, ratios("zero", estimates=(0, 0, 0))]))
    assert legend(ax) == ["train", "d/m = 1"]


def test_error_vs_ratio_draws_an_interval_that_reaches_zero_or_has_no_end():
    frame = ratios("train").assign(low=[-np.inf, -1.0, 0.0], high=[np.inf, 3.0, 4.0])
    ax = plot_error_vs_ratio(frame)
    drawn(ax.get_figure())
    assert 0 < min(ax.get_ylim()) < max(ax.get_ylim()) < np.inf


# --- plot_learning_curve_over_m ------------------------------------------------------------------


def test_learning_curve_shows_estimates_and_intervals_over_the_sizes():
    frame = learning_curves("none", "flip")
    ax = plot_learning_curve_over_m(frame.sample(frac=1, random_state=0))
    assert ax.get_xscale() == "log"
    assert sorted(legend(ax)) == ["flip", "none"]
    for name, rows in frame.groupby("series"):
        np.testing.assert_allclose(lines(ax)[name].get_xydata(), rows[["m", "estimate"]])
        (band,) = (c for c in ax.collections if c.get_gid() == f"{name}, interval")
        ys = band.get_paths()[0].vertices[:, 1]
        assert {*rows["low"], *rows["high"]} <= {*np.round(ys, 9)}
    # The measured sizes are its ticks.
    assert [text.get_text() for text in ax.get_xticklabels()] == ["100", "300", "1,000"]
    assert list(ax.get_xticks(minor=True)) == []


# --- plot_standings -------------------------------------------------------------------------------

BEST, TIED = "shown to be the best", "not told apart from the highest mean"
WORSE = "shown to be worse"
NAMES = ["features", "fine-tuning", "scratch"]


def standings(domains=("similar", "different"), sizes=("little", "much"), worse=("scratch",)):
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


def test_every_panel_shows_its_own_cell():
    frame = standings()
    axes = plot_standings(frame)
    assert [ax.get_title() for ax in axes.flat] == [
        "little data, similar domain",
        "little data, different domain",
        "much data, similar domain",
        "much data, different domain",
    ]
    assert [ax.get_xlabel() for ax in axes.flat] == ["", "", "test accuracy", "test accuracy"]
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes.flat}) == 1
    for ax in axes.flat:
        size, _, domain = ax.get_title().split()[:3]
        cell = frame[(frame["domain"] == domain) & (frame["size"] == size)]
        shown = [point for places, *_ in points(ax).values() for point in places]
        expected = [[x, NAMES.index(name)] for x, name in zip(cell["estimate"], NAMES, strict=True)]
        np.testing.assert_allclose(shown, expected)


def test_points_are_hollow_where_a_strategy_was_shown_to_be_worse():
    for ax in plot_standings(standings(worse=("features", "scratch"))).flat:
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


def test_strategies_are_named_once_from_top_to_bottom():
    axes = plot_standings(standings())
    drawn(axes[0, 0].get_figure())
    for row in axes:
        assert [label.get_text() for label in row[0].get_yticklabels()] == NAMES
        assert all(label.get_visible() for label in row[0].get_yticklabels())
        assert not any(label.get_visible() for label in row[1].get_yticklabels())
    bottom, top = axes[1, 1].get_ylim()
    assert bottom > 2 > 0 > top


def test_the_best_has_a_kind_of_its_own():
    frame = standings()
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
    axes = plot_standings(standings(worse=worse))
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
    figure = plot_standings(standings())[0, 0].get_figure()
    drawn(figure)
    inside = figure.get_tightbbox()
    assert min(inside.x0, inside.y0) >= 0
    assert inside.x1 <= figure.get_figwidth()
    assert inside.y1 <= figure.get_figheight()


def test_words_tell_every_strategy_by_name():
    frame = standings(domains=["similar"], sizes=["much"])
    assert describe(plot_standings(frame)).splitlines() == [
        "Title: much data, similar domain.",
        "x: test accuracy; y: (features, fine-tuning, scratch).",
        f"{TIED}: features at 0.5 (0.48 to 0.53); fine-tuning at 0.51 (0.49 to 0.54).",
        f"{WORSE}: scratch at 0.52 (0.5 to 0.55).",
    ]


def test_words_say_so_where_a_panel_lacks_a_kind():
    frame = standings()
    frame.loc[frame["domain"] == "similar", "standing"] = "tied"
    words = describe(plot_standings(frame)).splitlines()
    assert words.count(f"{WORSE}: no points.") == 2


def test_it_draws_a_new_figure_and_changes_nothing_else():
    current = plt.figure()
    frame = standings()
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
