"""Pictures of data, of fits and of decision boundaries."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.contour import QuadContourSet

from coursehelpers.plots import (
    plot_decision_boundary,
    plot_error_vs_ratio,
    plot_regression_fit,
    plot_series,
    show_images,
)
from tests.test_plots import PLOTS, drawn, legend, lines, photos, ratios

properties = settings(derandomize=True, deadline=None, max_examples=50)


pytestmark = pytest.mark.usefixtures("close_figures")


# --- show_images ---------------------------------------------------------------------------------


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


# --- plot_regression_fit -------------------------------------------------------------------------


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


# --- plot_error_vs_ratio -------------------------------------------------------------------------


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


# --- plot_decision_boundary ----------------------------------------------------------------------

X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
Y = np.array([0, 0, 1, 1])


def sigmoid(x):
    return 1 / (1 + np.exp(-4 * x[:, 0]))


class Model:
    """Predicts as Keras does."""

    def predict(self, x, verbose="auto"):
        assert verbose == 0
        return sigmoid(x)[:, None]


def regions(ax):
    return {region.get_gid(): region for region in ax.collections if region.get_gid()}


def boundaries(ax):
    """Return the corners of all lines between classes."""
    outlines = [c for c in ax.collections if isinstance(c, QuadContourSet) and not c.filled]
    return [path.vertices for c in outlines for path in c.get_paths()]


@pytest.mark.parametrize(
    "predict",
    [
        lambda x: (x[:, 0] > 0).astype(int),
        lambda x: x[:, 0] > 0,
        lambda x: np.column_stack([1 - sigmoid(x), sigmoid(x)]),
        lambda x: sigmoid(x)[:, None],
        sigmoid,
        Model(),
    ],
    ids=["numbers", "truths", "probabilities", "column", "probability", "model"],
)
def test_decision_boundary_of_whatever_predicts(predict):
    ax = plot_decision_boundary(predict, X, Y, resolution=100)
    assert list(regions(ax)) == ["class 0 predicted", "class 1 predicted"]
    for k, x in enumerate([-1, 1]):
        (path,) = regions(ax)[f"class {k} predicted"].get_paths()
        assert path.contains_point((x, 0))
        assert not path.contains_point((-x, 0))
    assert boundaries(ax)
    for corners in boundaries(ax):
        # Half a cell of the grid beside zero at most, from the bottom to the top.
        np.testing.assert_allclose(corners[:, 0], 0, atol=0.5 * 2.4 / 99)
        assert (corners[:, 1].min(), corners[:, 1].max()) == pytest.approx((-1.2, 1.2))
    assert (ax.get_xlim(), ax.get_ylim()) == (pytest.approx((-1.2, 1.2)),) * 2
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 1", "feature 2")


def test_decision_boundary_asks_for_a_grid_over_the_examples():
    asked = []
    plot_decision_boundary(lambda x: asked.append(x) or sigmoid(x), X * [1, 10], Y, resolution=7)
    (grid,) = asked
    assert grid.dtype == np.float32
    assert grid.shape == (49, 2)
    np.testing.assert_allclose(grid.min(axis=0), [-1.2, -12], rtol=1e-6)
    np.testing.assert_allclose(grid.max(axis=0), [1.2, 12], rtol=1e-6)


def test_decision_boundary_draws_the_examples_by_their_own_class():
    ax = plot_decision_boundary(sigmoid, X, [0, 1, 0, 1], names=["coat", "bag"], resolution=9)
    dots = {c.get_label(): c for c in ax.collections if c.get_label() in ("coat", "bag")}
    assert dots["coat"].get_offsets().tolist() == [[-1, -1], [1, -1]]
    assert dots["bag"].get_offsets().tolist() == [[-1, 1], [1, 1]]
    assert legend(ax) == ["coat", "bag"]
    assert list(regions(ax)) == ["coat predicted", "bag predicted"]
    shapes = {len(c.get_paths()[0].vertices) for c in dots.values()}
    assert len(shapes) == 2


def test_decision_regions_differ_without_colour():
    ax = PLOTS["plot_decision_boundary"]()
    assert len({tuple(region.hatches) for region in regions(ax).values()}) == 3


def test_decision_boundary_of_three_classes_meets_in_one_point():
    ax = plot_decision_boundary(
        lambda x: x @ [[0, 2, -2], [2, -1, -1]], X, [0, 0, 1, 2], resolution=101
    )
    assert list(regions(ax)) == [f"class {k} predicted" for k in range(3)]
    assert min(np.abs(corners).sum(axis=1).min() for corners in boundaries(ax)) < 0.05


@pytest.mark.parametrize("classes", [1, 3])
def test_decision_boundary_where_one_class_is_predicted_everywhere(classes):
    y = np.arange(4) % classes
    ax = plot_decision_boundary(lambda x: np.zeros(len(x), int), X, y, resolution=9)
    assert list(regions(ax)) == ["class 0 predicted"]
    assert not boundaries(ax)
    assert legend(ax) == [f"class {k}" for k in range(classes)]


def test_decision_boundary_of_examples_on_a_line_has_an_area():
    ax = plot_decision_boundary(sigmoid, [[-1, 5], [1, 5]], [0, 1], resolution=9)
    assert ax.get_ylim() == pytest.approx((4.5, 5.5))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:, :1], Y, r"x must have shape \(n, 2\).* got \(4, 1\)"),
        (X[0], Y[:2], r"x must have shape \(n, 2\).* got \(2,\)"),
        (X[:0], Y[:0], r"x must have shape \(n, 2\).* got \(0, 2\)"),
        (X, Y[:3], "x has 4 examples but y has 3 class numbers"),
        (X, Y - 1, r"class numbers 0, 1, 2, .* got \[.*-1"),
        (X, Y / 2, r"class numbers 0, 1, 2, .* got \[.*0\.5"),
        (X, list("abab"), r"class numbers 0, 1, 2, .* got \[.*'a'"),
    ],
)
def test_decision_boundary_names_examples_that_do_not_fit(x, y, message):
    with pytest.raises(ValueError, match=message):
        plot_decision_boundary(sigmoid, x, y)
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (lambda x: sigmoid(x)[:5], r"shape \(n,\) or \(n, classes\); for n = 81 .* \(5,\)"),
        (lambda x: x.sum(), r"it returned shape \(\)"),
        (lambda x: x[..., None], r"it returned shape \(81, 2, 1\)"),
        (lambda x: x[:, :0], r"it returned shape \(81, 0\)"),
        (lambda x: 0 * x[:, 0] + np.nan, "not finite"),
        (lambda x: 5 * x[:, :1], "between 0 and 1, but predict returned -6 to 6; apply a sigmoid"),
        (lambda x: np.full(len(x), -1), "count from 0, predict returned -1"),
    ],
)
def test_decision_boundary_names_predictions_that_do_not_fit(predict, message):
    with pytest.raises(ValueError, match=message):
        plot_decision_boundary(predict, X, Y, resolution=9)
    assert plt.get_fignums() == []


def test_decision_boundary_names_a_missing_name():
    with pytest.raises(ValueError, match="There are 2 classes but 1 names"):
        plot_decision_boundary(sigmoid, X, Y, names=["coat"], resolution=9)


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


def test_series_differ_without_colour():
    ax = plot_series(pd.DataFrame(np.ones((50, 6))), xlabel="x", ylabel="y")
    looks = {(line.get_marker(), str(line.get_linestyle())) for line in ax.get_lines()}
    assert len(looks) == 6
    assert all(line.get_markevery() == 5 for line in ax.get_lines())


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame(), "The frame is empty"),
        (pd.DataFrame({"a": []}), "The frame is empty"),
        (pd.DataFrame(np.ones((2, 7))), "At most 6 series"),
    ],
)
def test_series_that_cannot_be_drawn_are_told(frame, says):
    with pytest.raises(ValueError, match=says):
        plot_series(frame, xlabel="x", ylabel="y")


def test_logarithmic_axis_of_few_values_is_labelled_by_them():
    def labels(index):
        frame = pd.DataFrame({"a": np.ones(len(index))}, index=index)
        ax = plot_series(frame, xlabel="m", ylabel="y", xscale="log")
        ax.figure.canvas.draw()
        return [label.get_text() for label in ax.get_xticklabels()]

    assert labels([13, 50, 3000]) == ["13", "50", "3,000"]
    assert labels([0.0, 0.001, 0.1]) == ["0.001", "0.1"]
    assert "$\\mathdefault{10^{1}}$" in labels(range(1, 100))
