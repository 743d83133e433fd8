"""Pictures of trainings: one run, and settings compared over several seeds."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coursehelpers import training
from coursehelpers.plots import STYLES, describe, plot_comparison, plot_curves, plot_history
from tests.test_plots import ACCURACY, HISTORY, Comparison, comparison, drawn, legend, lines

properties = settings(derandomize=True, deadline=None, max_examples=50)
numbers = st.floats(-1e6, 1e6)


pytestmark = pytest.mark.usefixtures("close_figures")


# --- plot_history --------------------------------------------------------------------------------


def test_history_draws_both_series_over_the_epochs():
    ax = plot_history(HISTORY)
    for label, name in (("training", "loss"), ("validation", "val_loss")):
        assert lines(ax)[label].get_xdata().tolist() == [0, 1, 2, 3]
        assert lines(ax)[label].get_ydata().tolist() == HISTORY[name]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    drawn(ax.get_figure())
    assert all(float(tick).is_integer() for tick in ax.get_xticks())


@pytest.mark.parametrize(
    ("history", "metric", "best"),
    [(HISTORY, "loss", 2), (ACCURACY, "accuracy", 1)],
)
def test_history_marks_the_best_epoch(history, metric, best):
    ax = plot_history(history, metric)
    assert f"best validation: epoch {best}" in legend(ax)
    assert set(lines(ax)[f"best validation: epoch {best}"].get_xdata()) == {best}


@properties
@given(values=st.lists(numbers, min_size=1, max_size=30), metric=st.sampled_from(["loss", "f1"]))
def test_history_marks_an_epoch_that_none_surpasses(values, metric):
    ax = plot_history({metric: values, f"val_{metric}": values}, metric)
    (mark,) = (line for line in ax.lines if line.get_label().startswith("best"))
    best = values[int(mark.get_xdata()[0])]
    assert best == (min if metric == "loss" else max)(values)
    plt.close("all")


def test_history_of_a_training_that_diverged_marks_an_epoch_before():
    nan = float("nan")
    ax = plot_history({"loss": [2, nan, nan], "val_loss": [3, 1, nan]})
    assert "best validation: epoch 1" in legend(ax)
    ax = plot_history({"loss": [nan], "val_loss": [nan]})
    assert legend(ax) == ["training", "validation"]


def test_history_without_validation_marks_nothing():
    assert legend(plot_history({"loss": [2, 1]})) == ["training"]


def test_history_names_an_unknown_metric_and_those_there_are():
    with pytest.raises(ValueError, match=r"'accuracy' was not recorded.*: loss, val_loss\."):
        plot_history(HISTORY, "accuracy")
    assert plt.get_fignums() == []


def test_history_may_be_keras_own():
    import keras

    history = keras.callbacks.History()
    history.history = HISTORY
    assert describe(plot_history(history)) == describe(plot_history(HISTORY))


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
@pytest.mark.parametrize(("metric", "split"), [("accuracy", "train"), ("f1", "validation")])
def test_comparison_and_curves_name_what_was_recorded(plot, metric, split):
    message = f"{split} {metric} was not recorded; .*: train loss, validation loss, test accuracy"
    with pytest.raises(ValueError, match=message):
        plot(comparison("none"), metric, split)
    assert plt.get_fignums() == []
    # Interrupted before the first run was complete.
    with pytest.raises(ValueError, match="there are: no complete runs"):
        plot(Comparison(comparison("none").frame.head(0)), metric, split)


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


def test_curves_of_one_setting_tell_the_splits_by_all_means():
    ax = plot_curves(comparison("none", "L2"), split=("train", "validation"), settings=["L2"])
    assert legend(ax) == ["train", "validation"]
    np.testing.assert_allclose(lines(ax)["train"].get_ydata(), losses(2).mean(axis=1))
    for one, other in itertools.combinations(ax.lines, 2):
        assert one.get_color() != other.get_color()
        assert one.get_marker() != other.get_marker()
        assert one.get_linestyle() != other.get_linestyle()


def test_curves_draw_the_settings_that_were_chosen():
    runs = comparison(*map(str, range(len(STYLES) + 2)))
    assert legend(plot_curves(runs, settings=["7", "2"])) == ["7", "2"]
    assert legend(plot_curves(runs, settings="3")) == ["3"]
    with pytest.raises(
        ValueError, match=r"no settings \['8', 'x'\]; there are: \['0', '1', .*'7'\]"
    ):
        plot_curves(runs, settings=["1", "8", "x"])


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
        ax = plot(training.Comparison(frame, partial), "loss", "validation")
        assert ax.get_title() == title
