"""Pictures of a model: its weights, what its layers do, how far its confidence can be trusted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from coursehelpers.plots.core import BESIDE, axes_or_new, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_weight_histograms(
    weights: Mapping[str, Sequence[np.ndarray]], *, ax: "Axes | None" = None
) -> "Axes":
    """Plot how the weights of layers or networks are distributed.

    Parameters
    ----------
    weights : mapping of str to list of ndarray
        Name to weights of any shape, such as ``layer.get_weights()``; the arrays of a list count
        together.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The fraction of the weights in each of 60 bins, the same for every name, on a logarithmic
        axis.

    Raises
    ------
    ValueError
        If weights are not finite.
    """
    pairs = styled(weights)
    pooled = {name: np.concatenate([w.ravel() for w in arrays]) for name, arrays in weights.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(pooled.values())), 60)
    shares = {k: np.histogram(values, edges)[0] / len(values) for k, values in pooled.items()}
    ax = axes_or_new(ax)
    for name, style in pairs:
        ax.stairs(
            shares[name],
            edges,
            color=style["color"],
            linestyle=style["linestyle"],
            lw=1.5,
            label=name,
        )
    lowest = min(heights[heights > 0].min() for heights in shares.values())
    # An empty bin has no place on a logarithmic axis: its line falls below the smallest share.
    ax.set(xlabel="weight", ylabel="share of weights", yscale="log", ylim=(lowest / 2, None))
    ax.legend()
    return ax


def plot_layer_statistics(
    frame: "pd.DataFrame", statistic: str, *, ax: "Axes | None" = None
) -> "Axes":
    """Plot a statistic layer by layer, for several networks.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``series`` (the network), ``layer`` and the statistic; one row per layer of each
        network.
    statistic : str
        Name of the column.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Layers from left to right in order of appearance; a logarithmic axis if the statistic is
        positive and its largest value more than 30 times its smallest.

    Raises
    ------
    ValueError
        If a layer has several rows.
    """
    repeated = frame.loc[frame.duplicated(["series", "layer"]), "layer"]
    if len(repeated):
        raise ValueError(
            f"Each layer of a network has one row, there are more of {list(repeated.unique())}."
        )
    layers = {layer: i for i, layer in enumerate(dict.fromkeys(frame["layer"]))}
    frame = frame.assign(place=frame["layer"].map(layers)).sort_values("place", kind="stable")
    pairs = styled(frame.groupby("series", sort=False))
    ax = axes_or_new(ax)
    for (name, rows), style in pairs:
        ax.plot(rows["place"], rows[statistic], label=name, **style)
    values = frame[statistic].to_numpy(float)
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 30 * values.min():
        ax.set_yscale("log")
    ticks = [f"{layer}" for layer in layers]
    crowded = len(ticks) * max(map(len, ticks)) > 50
    slanted: dict[str, Any] = (
        {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    )
    ax.set_xticks(range(len(ticks)), ticks, **slanted)
    ax.set(xlabel="layer", ylabel=statistic.replace("_", " "))
    # Beside the picture: curves of all sizes leave no corner free for sure.
    ax.legend(**BESIDE)
    return ax


def plot_reliability(tables: "Mapping[str, pd.DataFrame]", *, ax: "Axes | None" = None) -> "Axes":
    """Plot how often predictions are right over how confident they are.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        Name of a model to what `coursehelpers.metrics.reliability` returns: columns
        ``confidence``, ``accuracy`` and ``n``, one row per bin. A bin with n = 0 is left out.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The area of a marker grows with the fraction of the examples in its bin. Below the diagonal
        the model is more confident than it is right.
    """
    pairs = styled(tables.items())
    ax = axes_or_new(ax, (4.8, 4.8))
    ax.plot([0, 1], [0, 1], color="0.4", linestyle=":", label="perfectly calibrated")
    for (name, table), style in pairs:
        table = table[table["n"] > 0].sort_values("confidence")
        x, y, shares = table["confidence"], table["accuracy"], table["n"] / table["n"].sum()
        ax.plot(x, y, label=name, markersize=4, **style)
        ax.scatter(
            x,
            y,
            s=16 + 600 * shares,
            color=style["color"],
            marker=style["marker"],
            alpha=0.6,
            clip_on=False,  # a bin may lie in a corner
        )
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.legend(title="larger marker: more examples")
    return ax
