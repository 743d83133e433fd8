"""What the plots draw, what they leave alone, and the words that go with them."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from coursehelpers.plots import (
    STYLES,
    describe,
    plot_error_vs_ratio,
    plot_history,
    plot_regression_fit,
    show_images,
)

properties = settings(derandomize=True, deadline=None, max_examples=50)
numbers = st.floats(-1e6, 1e6)

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
}
every_plot = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
every_chart = pytest.mark.parametrize(
    "plot", [plot for name, plot in PLOTS.items() if name != "show_images"]
)


@pytest.fixture(autouse=True)
def _close_figures():
    assert mpl.get_backend().lower() == "agg"
    yield
    plt.close("all")


def drawn(figure):
    """Return what a figure looks like: its pixels."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).copy()


def lines(ax):
    """Return the lines of an Axes by their labels."""
    return {line.get_label(): line for line in ax.lines}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# --- Every function -----------------------------------------------------------------------------


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


@every_chart
def test_chart_labels_its_axes_and_its_series(plot):
    ax = plot()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert len(legend(ax)) >= 3
    assert len(set(legend(ax))) == len(legend(ax))


@every_chart
def test_series_differ_in_colour_and_in_marker_or_line_style(plot):
    looks = [
        (to_hex(line.get_color()), line.get_marker(), line.get_linestyle()) for line in plot().lines
    ]
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


# --- show_images --------------------------------------------------------------------------------


def test_images_stand_side_by_side_in_rows_without_overlap():
    ax = show_images(photos(5, (4, 6)), columns=2)
    boxes = [image.get_extent() for image in ax.images]
    assert [(right - left, lower - upper) for left, right, lower, upper in boxes] == [
        pytest.approx((6, 4))
    ] * 5
    lefts, uppers = zip(*((left, upper) for left, _, _, upper in boxes), strict=True)
    assert lefts[0] == lefts[2] == lefts[4] < lefts[1] == lefts[3]
    assert uppers[0] == uppers[1] < uppers[2] == uppers[3] < uppers[4]
    assert lefts[1] >= lefts[0] + 6
    assert uppers[2] >= uppers[0] + 4
    # All of them, upright, in view.
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for box in boxes:
        assert left <= box[0] < box[1] <= right
        assert top <= box[3] < box[2] <= bottom


def test_images_have_their_labels_below():
    ax = show_images(photos(3), ["coat", 7, "bag"])
    assert [text.get_text() for text in ax.texts] == ["coat", "7", "bag"]
    for text, image in zip(ax.texts, ax.images, strict=True):
        left, right, lower, _ = image.get_extent()
        x, y = text.get_position()
        assert left < x < right
        assert lower < y < ax.get_ylim()[0]


@pytest.mark.parametrize("shape", [(28, 28), (5, 3), (5, 3, 3)])
def test_whole_numbers_and_fractions_look_alike(shape):
    levels = np.random.default_rng(1).integers(256, size=(2, *shape)).astype(np.uint8)
    bytes_, fractions, single = (
        drawn(show_images(images).get_figure())
        for images in (levels, levels / 255, (levels / 255).astype(np.float32))
    )
    np.testing.assert_allclose(fractions.astype(int), bytes_, atol=1)
    np.testing.assert_allclose(single.astype(int), bytes_, atol=1)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (float, 1)])
def test_grey_images_keep_their_brightness(dtype, top):
    # On a scale of their own, dim images would become bright. Ink is dark, as on paper.
    def shades(*levels):
        images = np.stack([np.full((4, 4), level) for level in levels]).astype(dtype)
        drawings = show_images(images).images
        return [image.to_rgba(image.get_array()).mean(axis=(0, 1)) for image in drawings]

    assert np.array(shades(0, top)).tolist() == [[1, 1, 1, 1], [0, 0, 0, 1]]
    assert shades(0, top / 5)[1][:3] == pytest.approx([0.8] * 3, abs=0.02)


def test_colour_images_keep_their_colours():
    red, green = np.zeros((2, 4, 4, 3))
    red[..., 0] = green[..., 1] = 1
    ax = show_images([red, green])
    assert [image.get_array()[0, 0].tolist() for image in ax.images] == [[1, 0, 0], [0, 1, 0]]
    pixels = drawn(ax.get_figure()).reshape(-1, 4)[:, :3]
    for colour in ([255, 0, 0], [0, 255, 0]):
        assert (pixels == colour).all(axis=1).sum() > 100


@pytest.mark.parametrize("shape", [(4, 4), (4,), (1, 2, 3, 4, 5), (0, 4, 4)])
def test_images_name_a_bad_shape(shape):
    with pytest.raises(ValueError, match=r"images must have shape \(n, height, width\)") as error:
        show_images(np.zeros(shape))
    assert str(error.value).endswith(f"got {shape}.")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("labels", [[], ["a", "b"], ["a"] * 4])
def test_images_and_labels_have_to_match(labels):
    with pytest.raises(ValueError, match=rf"3 images but {len(labels)} labels\."):
        show_images(photos(3), labels)


# --- plot_history -------------------------------------------------------------------------------


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


# --- plot_regression_fit ------------------------------------------------------------------------


def test_regression_fit_draws_points_and_curves_over_all_of_them():
    ax = PLOTS["plot_regression_fit"]()
    points = {dots.get_label(): dots.get_offsets().tolist() for dots in ax.collections}
    assert points == {"training": [[0, 0], [1, 1], [2, 4]], "validation": [[3, 9]]}
    for name, curve in (("line", lambda x: x), ("parabola", np.square)):
        x, y = lines(ax)[name].get_data()
        assert (x[0], x[-1]) == pytest.approx((-0.15, 3.15))
        np.testing.assert_array_equal(y, curve(x))
    assert legend(ax) == ["line", "parabola", "training", "validation"]


def test_regression_fit_without_validation_spans_the_training_data():
    ax = plot_regression_fit([[0], [1]], [[0], [1]], {"line": lambda x: x})
    assert lines(ax)["line"].get_xdata()[[0, -1]] == pytest.approx([-0.05, 1.05])
    assert legend(ax) == ["line", "training"]


@properties
@given(y=st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=6), scale=st.floats(0, 1e9))
def test_regression_fit_shows_the_data_however_far_a_curve_goes(y, scale):
    x = np.arange(len(y))
    ax = plot_regression_fit(
        x[:2], y[:2], {"steep": lambda x: scale * x}, validation=(x[2:], y[2:])
    )
    low, high = ax.get_ylim()
    assert low < min(y) <= max(y) < high
    assert high - low <= max(2 * np.ptp(y), 1) * (1 + 1e-9)
    plt.close("all")


def test_regression_fit_tells_training_from_validation_without_colour():
    training, validation = PLOTS["plot_regression_fit"]().collections
    assert len(training.get_paths()[0]) != len(validation.get_paths()[0])
    assert len(training.get_facecolors()) == 1
    assert len(validation.get_facecolors()) == 0


@pytest.mark.parametrize(
    "plot",
    [
        lambda names: plot_regression_fit([0, 1], [0, 1], dict.fromkeys(names, np.square)),
        lambda names: plot_error_vs_ratio(ratios(*names)),
    ],
)
def test_no_more_series_than_can_be_told_apart(plot):
    names = [str(i) for i in range(len(STYLES))]
    assert set(names) <= set(legend(plot(names)))
    with pytest.raises(ValueError, match=f"At most {len(STYLES)} series .* got {len(STYLES) + 1}"):
        plot([*names, "one more"])
    assert plt.get_fignums() == [1]


# --- plot_error_vs_ratio ------------------------------------------------------------------------


def test_error_vs_ratio_draws_each_series_in_order_of_the_ratio():
    ax = plot_error_vs_ratio(ratios("train", "test"))
    assert legend(ax) == ["train", "test", "d/m = 1"]
    assert lines(ax)["train"].get_xydata().tolist() == [[0.5, 0.5], [1, 1], [2, 2]]
    assert lines(ax)["test"].get_xydata().tolist() == [[0.5, 1.5], [1, 2], [2, 3]]
    assert ax.get_yscale() == "log"


def test_error_vs_ratio_draws_the_intervals():
    band, _ = plot_error_vs_ratio(ratios("train", "test")).collections
    corners = {tuple(point) for point in band.get_paths()[0].vertices.tolist()}
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


def test_error_vs_ratio_leaves_the_frame_as_it_is():
    frame = ratios("train", "test")
    before = frame.copy()
    plot_error_vs_ratio(frame)
    pd.testing.assert_frame_equal(frame, before)
