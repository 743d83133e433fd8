"""Pictures of data, of augmented images, of fits and of decision boundaries."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.contour import QuadContourSet

from coursehelpers.plots import (
    plot_augmentations,
    plot_decision_boundary,
    plot_regression_fit,
    show_images,
)
from tests.test_plots import PLOTS, drawn, legend, lines, photos

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


# --- plot_decision_boundary ----------------------------------------------------------------------

X = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
Y = np.array([0, 0, 1, 1])


def regions(ax):
    return {region.get_gid(): region for region in ax.collections if region.get_gid()}


def boundaries(ax):
    """Return the corners of all lines between classes."""
    outlines = [c for c in ax.collections if isinstance(c, QuadContourSet) and not c.filled]
    return [path.vertices for c in outlines for path in c.get_paths()]


def sigmoid(x):
    """Return the probabilities of two classes with the boundary at 0."""
    p = 1 / (1 + np.exp(-4 * x[:, 0]))
    return np.column_stack([1 - p, p])


def test_decision_boundary_is_where_the_classes_are_equally_probable():
    asked = []
    ax = plot_decision_boundary(
        lambda x: asked.append(x) or sigmoid(x), X * [1, 10], Y, names=["coat", "bag"]
    )
    (grid,) = asked
    assert (grid.dtype, grid.shape) == (np.float32, (40_000, 2))
    np.testing.assert_allclose(grid.min(axis=0), [-1.2, -12], rtol=1e-6)
    np.testing.assert_allclose(grid.max(axis=0), [1.2, 12], rtol=1e-6)
    assert list(regions(ax)) == ["coat predicted", "bag predicted"]
    for region, x in zip(regions(ax).values(), [-1, 1], strict=True):
        (path,) = region.get_paths()
        assert path.contains_point((x, 0))
        assert not path.contains_point((-x, 0))
    for corners in boundaries(ax):
        # Half a cell of the grid beside zero at most, from the bottom to the top.
        np.testing.assert_allclose(corners[:, 0], 0, atol=0.5 * 2.4 / 199)
        assert (corners[:, 1].min(), corners[:, 1].max()) == pytest.approx((-12, 12))
    assert (ax.get_xlim(), ax.get_ylim()) == (pytest.approx((-1.2, 1.2)), pytest.approx((-12, 12)))


def test_decision_boundary_draws_the_examples_by_their_own_class():
    ax = plot_decision_boundary(sigmoid, X, [0, 1, 0, 1], names=["coat", "bag"])
    dots = {c.get_label(): c for c in ax.collections if c.get_label() in ("coat", "bag")}
    assert dots["coat"].get_offsets().tolist() == [[-1, -1], [1, -1]]
    assert dots["bag"].get_offsets().tolist() == [[-1, 1], [1, 1]]
    assert legend(ax) == ["coat", "bag"]


def test_decision_boundary_of_three_classes_meets_in_one_point_and_needs_no_colour():
    ax = plot_decision_boundary(
        lambda x: x @ [[0, 2, -2], [2, -1, -1]], X, [0, 0, 1, 2], names="abc"
    )
    assert list(regions(ax)) == ["a predicted", "b predicted", "c predicted"]
    assert len({tuple(region.hatches) for region in regions(ax).values()}) == 3
    assert min(np.abs(corners).sum(axis=1).min() for corners in boundaries(ax)) < 0.05


def test_decision_boundary_where_one_class_is_predicted_everywhere():
    ax = plot_decision_boundary(
        lambda x: np.tile([0.6, 0.4], (len(x), 1)), [[-1, 5], [1, 5]], [0, 1], names="ab"
    )
    assert list(regions(ax)) == ["a predicted"]
    assert not boundaries(ax)
    # Examples on a line have an area around them.
    assert ax.get_ylim() == pytest.approx((4.5, 5.5))


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (lambda x: x[:, 0], r"n = 40000 and 2 classes it returned shape \(40000,\)"),
        (lambda x: x[:5], r"it returned shape \(5, 2\)"),
        (lambda x: x * np.nan, "not finite; did the training diverge"),
    ],
)
def test_decision_boundary_names_predictions_that_do_not_fit(predict, message):
    with pytest.raises(ValueError, match=message):
        plot_decision_boundary(predict, X, Y, names="ab")
    assert plt.get_fignums() == []


# --- plot_augmentations --------------------------------------------------------------------------


def pixels(ax):
    return [np.asarray(image.get_array()) for image in ax.images]


def test_originals_are_on_top_and_a_named_row_follows_for_each_augmenter():
    images = photos(8, (4, 6, 3))
    mirrored = {"mirrored": lambda x: x[:, :, ::-1], "upside down": lambda x: x[:, ::-1]}
    ax = plot_augmentations(images, mirrored)
    expected = np.concatenate([images, images[:, :, ::-1], images[:, ::-1]])
    np.testing.assert_allclose(pixels(ax), expected)
    tops = [image.get_extent()[3] for image in ax.images]
    assert [tops.count(top) for top in sorted(set(tops))] == [8, 8, 8]
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["original", *mirrored]


def test_one_image_is_repeated_and_augmented_as_a_batch():
    seen = []

    def darker(batch):
        seen.append(batch.shape)
        return batch * np.linspace(0, 1, len(batch))[:, None, None, None]

    drawn = pixels(plot_augmentations(photos(1, (4, 6, 1)), {"darker": darker}))
    assert seen == [(8, 4, 6, 1)]
    # The channel of grey images is left out.
    assert {image.shape for image in drawn} == {(4, 6)}
    assert all(np.array_equal(image, drawn[0]) for image in drawn[:8])
    assert len({image.tobytes() for image in drawn[8:]}) == 8


def test_colours_out_of_range_are_clipped_and_the_originals_stay_as_they_are():
    images = photos(2, (4, 6, 3))
    before = images.copy()
    ax = plot_augmentations(images, {"noise": lambda x: 3 * x - 1})
    assert 0 <= np.min(pixels(ax)) <= np.max(pixels(ax)) <= 1
    np.testing.assert_array_equal(images, before)
