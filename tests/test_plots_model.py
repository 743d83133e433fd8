"""Pictures of a model: its weights, its layers, and how far its confidence can be trusted."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from coursehelpers.plots import plot_layer_statistics, plot_reliability, plot_weight_histograms
from tests.test_plots import layer_table, legend, lines, reliability

pytestmark = pytest.mark.usefixtures("close_figures")


# --- plot_weight_histograms ----------------------------------------------------------------------

WEIGHTS = {"kernel": np.arange(8.0).reshape(2, 4), "both": [np.zeros((1, 2)), np.full(2, 10.0)]}


def stairs(ax):
    """Return the shares and the edges by name."""
    return {patch.get_label(): patch.get_data()[:2] for patch in ax.patches}


def test_weight_histograms_draw_shares_over_common_bins():
    ax = plot_weight_histograms(WEIGHTS, bins=5)
    assert list(stairs(ax)) == legend(ax) == ["kernel", "both"]
    for _, edges in stairs(ax).values():
        np.testing.assert_allclose(edges, [0, 2, 4, 6, 8, 10])
    np.testing.assert_allclose(stairs(ax)["kernel"][0], [0.25, 0.25, 0.25, 0.25, 0])
    np.testing.assert_allclose(stairs(ax)["both"][0], [0.5, 0, 0, 0, 0.5])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("weight", "share of weights")


def test_weight_histograms_show_small_shares_too():
    ax = plot_weight_histograms({"mostly zero": np.append(np.zeros(9999), 1), "zero": np.zeros(3)})
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert 1e-5 < low < 1e-4
    assert high > 1
    ax.get_figure().canvas.draw()


def test_weight_histograms_are_outlines_of_different_lines():
    patches = plot_weight_histograms(dict.fromkeys("abcdef", np.arange(9))).patches
    assert not any(patch.get_fill() for patch in patches)
    assert len({str(patch.get_linestyle()) for patch in patches}) == 6
    assert len({patch.get_edgecolor() for patch in patches}) == 6


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, r"weights is empty: .*layer\.get_weights\(\)"),
        ({"dropout": []}, "'dropout' has no weights"),
        ({"fine": [1.0], "empty": np.zeros((0, 3))}, "'empty' has no weights"),
        ({"dense": [np.ones(2), np.array([np.nan])]}, "'dense' has weights that are not finite"),
        ({"dense": np.array([np.inf, 1])}, "'dense' has weights that are not finite"),
    ],
)
def test_weight_histograms_name_what_cannot_be_counted(weights, message):
    with pytest.raises(ValueError, match=message):
        plot_weight_histograms(weights)
    assert plt.get_fignums() == []


# --- plot_layer_statistics -----------------------------------------------------------------------


def test_layer_statistics_draw_a_line_per_network_over_the_layers():
    ax = plot_layer_statistics(layer_table("plain", "small"))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["dense_0", "dense_1", "dense_2"]
    assert lines(ax)["plain"].get_xydata().tolist() == [[0, 1], [1, 1], [2, 1]]
    np.testing.assert_allclose(lines(ax)["small"].get_ydata(), [1, 0.1, 0.01])
    assert legend(ax) == ["plain", "small"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("layer", "std")


def test_layer_statistics_of_one_network_need_no_legend():
    frame = layer_table("plain").drop(columns="series").rename(columns={"std": "share_of_zeros"})
    before = frame.copy()
    ax = plot_layer_statistics(frame, "share_of_zeros")
    pd.testing.assert_frame_equal(frame, before)
    assert ax.get_legend() is None
    assert list(lines(ax)) == ["share_of_zeros"]
    assert ax.get_ylabel() == "share of zeros"


def test_layer_statistics_put_the_layers_of_all_networks_in_order_of_appearance():
    rows = [("deep", "a", 1), ("deep", "b", 2), ("flat", "c", 4), ("flat", "a", 3)]
    ax = plot_layer_statistics(pd.DataFrame(rows, columns=["series", "layer", "std"]))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert lines(ax)["flat"].get_xydata().tolist() == [[0, 3], [2, 4]]
    assert legend(ax) == ["deep", "flat"]


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
    frame = pd.DataFrame({"layer": [f"layer {i}" for i in range(len(values))], "std": values})
    assert plot_layer_statistics(frame).get_yscale() == scale


@pytest.mark.parametrize("count", [2, 8, 20])
def test_names_of_layers_do_not_overlap(count):
    frame = pd.DataFrame({"layer": [f"convolution_{i}" for i in range(count)], "std": 1.0})
    ax = plot_layer_statistics(frame)
    ax.get_figure().canvas.draw()
    labels = ax.get_xticklabels()
    assert {label.get_rotation() for label in labels} == ({0} if count == 2 else {35})
    if count == 2:
        first, second = (label.get_window_extent() for label in labels)
        assert first.x1 < second.x0


@pytest.mark.parametrize(
    ("frame", "statistic", "message"),
    [
        (
            layer_table("a"),
            "mean",
            r"no column \['mean'\]; there are: \['series', 'layer', 'std'\]",
        ),
        (pd.DataFrame({"std": [1]}), "std", r"no column \['layer'\]"),
        (layer_table(), "std", "no rows"),
        (layer_table("a", "a"), "std", r"one row, there are more of \['dense_0', "),
        (layer_table("a", "b").drop(columns="series"), "std", "one row, there are more of"),
    ],
)
def test_layer_statistics_name_what_does_not_fit(frame, statistic, message):
    with pytest.raises(ValueError, match=message):
        plot_layer_statistics(frame, statistic)
    assert plt.get_fignums() == []


# --- plot_reliability ----------------------------------------------------------------------------


def test_reliability_draws_the_accuracy_over_the_confidence_of_bins_with_examples():
    ax = plot_reliability(reliability().sample(frac=1, random_state=0))
    np.testing.assert_allclose(
        lines(ax)["model"].get_xydata(), [[0.3, 0.2], [0.5, 0.4], [0.9, 0.8]]
    )
    assert legend(ax) == ["perfectly calibrated", "model"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("confidence", "accuracy")


def test_reliability_is_square_with_its_diagonal():
    ax = plot_reliability(reliability())
    assert ax.get_xlim() == ax.get_ylim() == (0, 1)
    assert ax.get_aspect() == 1
    diagonal = lines(ax)["perfectly calibrated"]
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert diagonal.get_linestyle() == ":"


def test_reliability_draws_larger_markers_where_there_are_more_examples():
    (markers,) = plot_reliability(reliability()).collections
    np.testing.assert_allclose(markers.get_offsets(), [[0.3, 0.2], [0.5, 0.4], [0.9, 0.8]])
    few, some, many = markers.get_sizes()
    # The area grows in proportion to the share: 0.1, 0.3, 0.6.
    assert few < some < many
    assert (many - some) / (some - few) == pytest.approx(1.5)
    # Whatever the number of examples is.
    tenfold = plot_reliability(reliability().assign(n=[0, 100, 300, 600])).collections[0]
    np.testing.assert_allclose(tenfold.get_sizes(), [few, some, many])


def test_reliability_compares_several_models():
    tables = {"plain": reliability(), "smoothed": reliability(-0.05)}
    before = tables["plain"].copy()
    ax = plot_reliability(tables)
    pd.testing.assert_frame_equal(tables["plain"], before)
    assert legend(ax) == ["perfectly calibrated", "plain", "smoothed"]
    assert len({line.get_marker() for line in ax.lines}) == 3
    first, second = (markers.get_paths()[0].vertices for markers in ax.collections)
    assert len(first) != len(second)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (reliability().drop(columns="n"), r"'model' has no column \['n'\]; there are: \['confid"),
        ({"a": reliability(), "b": pd.DataFrame()}, r"'b' has no column \['confidence', "),
        ({"a": reliability().assign(n=0)}, "'a' has no examples"),
    ],
)
def test_reliability_names_what_does_not_fit(tables, message):
    with pytest.raises(ValueError, match=message):
        plot_reliability(tables)
    assert plt.get_fignums() == []
