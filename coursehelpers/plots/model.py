"""Pictures of a model: its weights, what its layers do, how far its confidence can be trusted."""

import numpy as np

from coursehelpers.plots.core import axes_or_new, styled


def plot_weight_histograms(weights, *, bins=60, ax=None):
    """Plot how the weights of layers or networks are distributed.

    Parameters
    ----------
    weights : mapping of str to ndarray or list of ndarray
        Name to weights of any shape; the arrays of a list count together.
    bins : int, default 60
        Bins over the range of all weights, the same for every name.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The share of the weights in each bin, so that layers of different size compare, on a
        logarithmic axis.

    Raises
    ------
    ValueError
        If there are no weights, or more names than styles, or weights are not finite.
    """
    if not weights:
        raise ValueError(
            "weights is empty: give names and arrays, as in {layer.name: layer.get_weights()}."
        )
    pooled = {name: _flattened(name, arrays) for name, arrays in weights.items()}
    edges = np.histogram_bin_edges(np.concatenate(list(pooled.values())), bins)
    shares = {k: np.histogram(values, edges)[0] / len(values) for k, values in pooled.items()}
    pairs = styled(shares.items())
    ax = axes_or_new(ax)
    for (name, heights), style in pairs:
        ax.stairs(
            heights, edges, color=style["color"], linestyle=style["linestyle"], lw=1.5, label=name
        )
    lowest = min(heights[heights > 0].min() for heights in shares.values())
    # An empty bin has no place on a logarithmic axis: its line falls below the smallest share.
    ax.set(xlabel="weight", ylabel="share of weights", yscale="log", ylim=(lowest / 2, None))
    ax.legend()
    return ax


def _flattened(name, arrays):
    parts = arrays if isinstance(arrays, list | tuple) else [arrays]
    values = np.concatenate([np.empty(0), *(np.ravel(part) for part in parts)])
    if not len(values):
        raise ValueError(f"{name!r} has no weights; leave it out, or build the model first.")
    if not np.isfinite(values).all():
        raise ValueError(f"{name!r} has weights that are not finite; did the training diverge?")
    return values


def plot_layer_statistics(frame, statistic="std", *, ax=None):
    """Plot a statistic layer by layer, for one network or for several.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``layer`` and the statistic, and, to compare networks, ``series``; one row per
        layer of each network.
    statistic : str, default "std"
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
        If a column is missing, there are no rows, a layer has several rows, or there are more
        networks than styles.
    """
    missing = [column for column in ("layer", statistic) if column not in frame]
    if missing:
        raise ValueError(f"There is no column {missing}; there are: {list(frame)}.")
    if not len(frame):
        raise ValueError("The frame has no rows: a plot needs at least one layer.")
    several = "series" in frame
    if not several:
        frame = frame.assign(series=statistic)
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
    slanted = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    ax.set_xticks(range(len(ticks)), ticks, **slanted)
    ax.set(xlabel="layer", ylabel=statistic.replace("_", " "))
    if several:
        # Beside the picture: curves of all sizes leave no corner free for sure.
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_reliability(tables, *, ax=None):
    """Plot how often predictions are right over how confident they are.

    Parameters
    ----------
    tables : pandas.DataFrame, or mapping of str to pandas.DataFrame
        Columns ``confidence``, ``accuracy`` and ``n``, one row per bin; a bin with n = 0 is left
        out.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The area of a marker grows with the share of the examples in its bin. Below the diagonal
        the model is more confident than it is right.

    Raises
    ------
    ValueError
        If a column is missing, a table has no examples, or there are more tables than styles.
    """
    tables = {"model": tables} if hasattr(tables, "columns") else dict(tables)
    for name, table in tables.items():
        missing = [column for column in ("confidence", "accuracy", "n") if column not in table]
        if missing:
            raise ValueError(f"{name!r} has no column {missing}; there are: {list(table)}.")
        if not table["n"].sum():
            raise ValueError(f"{name!r} has no examples: n is 0 in every bin.")
    pairs = styled(tables.items())
    ax = axes_or_new(ax, (4.8, 4.8))
    ax.plot([0, 1], [0, 1], color="0.4", linestyle=":", label="perfectly calibrated")
    for (name, table), style in pairs:
        table = table[table["n"] > 0].sort_values("confidence")
        x, y, shares = table["confidence"], table["accuracy"], table["n"] / table["n"].sum()
        ax.plot(x, y, label=name, markersize=4, **style)
        # In front of the axes: a bin may lie in a corner.
        ax.scatter(
            x,
            y,
            s=16 + 600 * shares,
            color=style["color"],
            marker=style["marker"],
            alpha=0.6,
            clip_on=False,
        )
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.legend(title="larger marker: more examples")
    return ax
