"""Pictures of augmented images, and of a score over the number of training examples."""

import numpy as np
import pandas as pd
import pytest

from coursehelpers.plots import plot_augmentations, plot_learning_curve_over_m
from tests.test_plots import learning_curves, legend, lines, photos

pytestmark = pytest.mark.usefixtures("close_figures")


def pixels(ax):
    return [np.asarray(image.get_array()) for image in ax.images]


# --- plot_augmentations --------------------------------------------------------------------------


def test_originals_are_on_top_and_a_row_follows_for_each_augmenter():
    images = photos(3, (4, 6, 3))
    mirrored = {"mirrored": lambda x: x[:, :, ::-1], "upside down": lambda x: x[:, ::-1]}
    ax = plot_augmentations(images, mirrored, columns=3)
    expected = np.concatenate([images, images[:, :, ::-1], images[:, ::-1]])
    np.testing.assert_allclose(pixels(ax), expected)
    tops = [image.get_extent()[3] for image in ax.images]
    assert [tops.count(top) for top in sorted(set(tops))] == [3, 3, 3]


def test_every_row_is_named():
    ax = plot_augmentations(photos(), {"one": np.copy, "two": np.copy})
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["original", "one", "two"]


def test_one_image_is_repeated_and_augmented_as_a_batch():
    seen = []

    def darker(batch):
        seen.append(batch.shape)
        return batch * np.linspace(0, 1, len(batch))[:, None, None]

    drawn = pixels(plot_augmentations(photos(1), {"darker": darker}, columns=5))
    assert seen == [(5, 4, 6)]
    assert len(drawn) == 10
    assert all(np.array_equal(image, drawn[0]) for image in drawn[:5])
    assert len({image.tobytes() for image in drawn[5:]}) == 5


def test_channel_of_grey_images_is_left_out():
    ax = plot_augmentations(photos(2, (4, 6, 1)), {"same": np.copy}, columns=2)
    assert {image.shape for image in pixels(ax)} == {(4, 6)}


def test_colours_out_of_range_are_clipped_and_the_originals_stay_as_they_are():
    images = photos(2, (4, 6, 3))
    before = images.copy()
    ax = plot_augmentations(images, {"noise": lambda x: 3 * x - 1}, columns=2)
    assert 0 <= np.min(pixels(ax)) <= np.max(pixels(ax)) <= 1
    np.testing.assert_array_equal(images, before)


def test_bad_input_is_told():
    with pytest.raises(ValueError, match="no image to augment"):
        plot_augmentations(photos(0), {"same": np.copy})
    with pytest.raises(ValueError, match=r"'crop' makes shape \(8, 2, 6\) of \(8, 4, 6\)"):
        plot_augmentations(photos(), {"crop": lambda x: x[:, :2]})


# --- plot_learning_curve_over_m ------------------------------------------------------------------


def test_learning_curve_shows_estimates_and_intervals_over_the_sizes():
    frame = learning_curves("none", "flip")
    ax = plot_learning_curve_over_m(frame.sample(frac=1, random_state=0))
    assert ax.get_xscale() == "log"
    assert legend(ax) == ["none", "flip"] or legend(ax) == ["flip", "none"]
    for name, rows in frame.groupby("series"):
        np.testing.assert_allclose(lines(ax)[name].get_xydata(), rows[["m", "estimate"]])
        (band,) = (c for c in ax.collections if c.get_gid() == f"{name}, interval")
        ys = band.get_paths()[0].vertices[:, 1]
        assert {*rows["low"], *rows["high"]} <= {*np.round(ys, 9)}


def test_learning_curve_has_the_measured_sizes_as_ticks():
    ax = plot_learning_curve_over_m(learning_curves("none"), ylabel="accuracy")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["100", "300", "1,000"]
    assert list(ax.get_xticks(minor=True)) == []
    assert ax.get_ylabel() == "accuracy"
    assert "m" in ax.get_xlabel().split()


def test_learning_curve_without_a_column_is_told():
    with pytest.raises(KeyError, match="series"):
        plot_learning_curve_over_m(pd.DataFrame({"m": [1], "estimate": [1]}))
