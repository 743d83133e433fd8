"""Pictures of a model: its weights, its layers, and how far its confidence can be trusted."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from coursehelpers.plots import plot_layer_statistics, plot_reliability, plot_weight_histograms
from tests.test_plots import layer_table, legend, lines, reliability

pytestmark = pytest.mark.usefixtures("close_figures")


# --- plot_weight_histograms ----------------------------------------------------------------------


def test_weight_histograms_draw_shares_over_common_bins():
    weights = {"kernel": [np.arange(8.0).reshape(2, 4)], "both": [np.zeros((1, 2)), np.full(2, 60)]}
    ax = plot_weight_histograms(weights)
    stairs = {patch.get_label(): patch.get_data()[:2] for patch in ax.patches}
    assert list(stairs) == legend(ax) == ["kernel", "both"]
    for _, edges in stairs.values():
        np.testing.assert_allclose(edges, np.arange(61), atol=1e-9)
    np.testing.assert_allclose(stairs["kernel"][0], [1 / 8] * 8 + [0] * 52)
    np.testing.assert_allclose(stairs["both"][0], [0.5] + [0] * 58 + [0.5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight", "share of weights")


def test_weight_histograms_show_small_shares_too_as_outlines():
    weights = {"mostly zero": [np.append(np.zeros(9999), 1)], "zero": [np.zeros(3)]}
    ax = plot_weight_histograms(weights)
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert 1e-5 < low < 1e-4
    assert high > 1
    assert not any(patch.get_fill() for patch in ax.patches)


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        plot_weight_histograms({"dense": [np.ones(2), np.array([np.nan])]})
    assert plt.get_fignums() == []


# --- plot_layer_statistics -----------------------------------------------------------------------


def test_layer_statistics_draw_a_line_per_network_over_the_layers_in_order_of_appearance():
    rows = [("deep", "a", 1), ("deep", "b", 2), ("flat", "c", 4), ("flat", "a", 3)]
    frame = pd.DataFrame(rows, columns=["series", "layer", "share_of_zeros"])
    before = frame.copy()
    ax = plot_layer_statistics(frame, "share_of_zeros")
    pd.testing.assert_frame_equal(frame, before)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert lines(ax)["deep"].get_xydata().tolist() == [[0, 1], [1, 2]]
    assert lines(ax)["flat"].get_xydata().tolist() == [[0, 3], [2, 4]]
    assert legend(ax) == ["deep", "flat"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("layer", "share of zeros")


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 31], "log"),
        ([1, 30], "linear"),
        ([0, 31], "linear"),
        ([-1, 31], "linear"),
        ([1, 31, np.nan], "log"),
        ([np.nan, np.nan], "linear"),
    ],
)
def test_layer_statistics_over_orders_of_magnitude_are_logarithmic(values, scale):
    frame = pd.DataFrame({"series": "a", "layer": range(len(values)), "std": values})
    assert plot_layer_statistics(frame, "std").get_yscale() == scale


@pytest.mark.parametrize("count", [2, 8, 20])
def test_names_of_layers_do_not_overlap(count):
    names = [f"convolution_{i}" for i in range(count)]
    ax = plot_layer_statistics(pd.DataFrame({"series": "a", "layer": names, "std": 1.0}), "std")
    ax.get_figure().canvas.draw()
    labels = ax.get_xticklabels()
    assert {label.get_rotation() for label in labels} == ({0} if count == 2 else {35})
    if count == 2:
        first, second = (label.get_window_extent() for label in labels)
        assert first.x1 < second.x0


def test_several_rows_of_a_layer_are_refused():
    with pytest.raises(ValueError, match=r"one row, there are more of \['dense_0', "):
        plot_layer_statistics(layer_table("a", "a"), "std")
    assert plt.get_fignums() == []


# --- plot_reliability ----------------------------------------------------------------------------


def test_reliability_draws_the_accuracy_over_the_confidence_of_bins_with_examples():
    tables = {
        "plain": reliability().sample(frac=1, random_state=0),
        "smoothed": reliability(-0.05),
    }
    before = tables["plain"].copy()
    ax = plot_reliability(tables)
    pd.testing.assert_frame_equal(tables["plain"], before)
    points = [[0.3, 0.2], [0.5, 0.4], [0.9, 0.8]]
    np.testing.assert_allclose(lines(ax)["plain"].get_xydata(), points)
    assert legend(ax) == ["perfectly calibrated", "plain", "smoothed"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("confidence", "accuracy")
    first, second = (markers.get_paths()[0].vertices for markers in ax.collections)
    assert len(first) != len(second)


def test_reliability_is_square_with_its_diagonal():
    ax = plot_reliability({"model": reliability()})
    assert ax.get_xlim() == ax.get_ylim() == (0, 1)
    assert ax.get_aspect() == 1
    diagonal = lines(ax)["perfectly calibrated"]
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert diagonal.get_linestyle() == ":"


def test_reliability_draws_larger_markers_where_there_are_more_examples():
    (markers,) = plot_reliability({"model": reliability()}).collections
    np.testing.assert_allclose(markers.get_offsets(), [[0.3, 0.2], [0.5, 0.4], [0.9, 0.8]])
    few, some, many = markers.get_sizes()
    # The area grows in proportion to the fraction: 0.1, 0.3, 0.6.
    assert few < some < many
    assert (many - some) / (some - few) == pytest.approx(1.5)
    # Whatever the number of examples is.
    table = reliability().assign(n=[0, 100, 300, 600])
    tenfold = plot_reliability({"model": table}).collections[0]
    np.testing.assert_allclose(tenfold.get_sizes(), [few, some, many])
