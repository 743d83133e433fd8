"""Pictures of results: trainings epoch by epoch, comparisons, and numbers over other numbers."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from coursehelpers.metrics import mean_interval
from coursehelpers.plots.core import BESIDE, STYLES, WIDE, axes_or_new, mark_values, styled

if TYPE_CHECKING:
    import keras
    import pandas as pd
    from matplotlib.axes import Axes

    from coursehelpers.training import Comparison

SMALLER_IS_BETTER = ("loss", "error", "mae", "mse", "crossentropy")
# Where colour and marker show the settings, the line shows the split.
SPLIT_LINES = {"train": {"linestyle": "--", "linewidth": 1}, "validation": {"linestyle": "-"}}
# For each standing its label, its style, and whether its points are filled.
STANDINGS = {
    "best": ("shown to be the best", STYLES[2], True),
    "tied": ("not told apart from the highest mean", STYLES[0], True),
    "worse": ("shown to be worse", STYLES[1], False),
}


def plot_history(
    history: "keras.callbacks.History", metric: str = "loss", *, ax: "Axes | None" = None
) -> "Axes":
    """Plot a metric over the epochs, on training and, if recorded, on validation data.

    Parameters
    ----------
    history : keras.callbacks.History
        What `coursehelpers.training.fit` returned.
    metric : str, default "loss"
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The best epoch on validation data is marked: the smallest loss or error, the largest
        accuracy or other score.

    Raises
    ------
    ValueError
        If the metric was not recorded.
    """
    values = history.history
    if metric not in values:
        raise ValueError(f"{metric!r} was not recorded; there are: {', '.join(values)}.")
    ax = axes_or_new(ax)
    names = {metric: "training", f"val_{metric}": "validation"}
    for (name, label), style in styled(names.items()):
        if name in values:
            every = max(1, len(values[name]) // 10)
            epochs = np.arange(len(values[name]))
            ax.plot(epochs, values[name], label=label, markevery=every, **style)
    # A training that diverged ends in NaN, which would count as best.
    scores = np.asarray(values.get(f"val_{metric}", ()), float)
    if np.isfinite(scores).any():
        smaller = any(word in metric for word in SMALLER_IS_BETTER)
        best = int((np.nanargmin if smaller else np.nanargmax)(scores))
        ax.axvline(best, color="0.4", linestyle=":", label=f"best validation: epoch {best}")
    _label_epochs(ax, metric)
    ax.legend()
    return ax


def plot_comparison(
    comparison: "Comparison",
    metric: str = "accuracy",
    split: str = "test",
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot each setting's mean over the seeds with its interval, and one point for each seed.

    Parameters
    ----------
    comparison : coursehelpers.training.Comparison
        The last epoch of each seed counts.
    metric : str, default "accuracy"
    split : {"test", "validation", "train", "model"}, default "test"
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        Settings from top to bottom in order of appearance; the bar is Student's 95 % t-interval.
        A setting with one seed has no bar; nor has one in which a value is not finite, as its
        name then says.

    Raises
    ------
    ValueError
        If the metric was not measured on the split.
    """
    last = comparison.final(metric, split)
    names = list(dict.fromkeys(last["setting"]))
    last = last.sort_values("seed", kind="stable")
    # A seed stands at the same height in every setting, so that it can be followed.
    seeds = sorted(set(last["seed"]))
    shifts = {seed: 0.4 * ((i + 0.5) / len(seeds) - 0.5) for i, seed in enumerate(seeds)}
    points: list[tuple[float, float]] = []
    bars, ticks = [], []
    for i, name in enumerate(names):
        runs = last[last["setting"] == name]
        finite = runs[np.isfinite(runs["value"])]
        points += zip(finite["value"], i + finite["seed"].map(shifts), strict=True)
        lost = len(runs) - len(finite)
        ticks.append(f"{name}\n({lost} of {len(runs)} not finite)" if lost else f"{name}")
        if len(runs) > 1 and not lost:
            bars.append((i, *mean_interval(runs["value"])))
    ax = axes_or_new(ax, (6.4, 1.4 + 0.45 * len(ticks)))
    blue, red = STYLES[:2]
    x, y = np.reshape(points, (-1, 2)).T
    ax.scatter(x, y, s=25, alpha=0.5, color=blue["color"], marker=blue["marker"], label="one seed")
    if bars:
        y, mean, low, high = np.transpose(bars)
        ax.errorbar(
            mean,
            y,
            # As lists: some versions of Matplotlib take an array of one number for a number.
            xerr=((mean - low).tolist(), (high - mean).tolist()),
            fmt=red["marker"],
            color=red["color"],
            capsize=4,
            label="mean, 95 % interval",
        )
    ax.set_yticks(range(len(ticks)), ticks)
    # The legend has a row of its own: there is no other place that is empty for sure.
    ax.set_ylim(len(ticks) + 0.2, -0.6)
    ax.legend(loc="lower right", ncols=2, fontsize="small")
    ax.set(xlabel=f"{split} {metric.replace('_', ' ')}", ylabel="setting")
    _mark_partial(comparison, ax)
    return ax


def plot_curves(
    comparison: "Comparison",
    metric: str = "loss",
    split: str | Sequence[str] = "validation",
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot each setting's mean over the seeds, epoch by epoch, with a band for its interval.

    Parameters
    ----------
    comparison : coursehelpers.training.Comparison
    metric : str, default "loss"
    split : str or sequence of str, default "validation"
        "train", "validation" or both.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The band is Student's 95 % t-interval, from two seeds on. A curve ends with the shortest
        run of its setting and leaves out epochs where a seed has no finite value, because a mean
        over the others would mislead.

    Raises
    ------
    ValueError
        If the metric was not measured on a split, or once only, at the end.
    """
    splits = [split] if isinstance(split, str) else list(split)
    once = [split for split in splits if split in ("test", "model")]
    if once:
        raise ValueError(f"{' and '.join(once)} is measured once, at the end; use plot_comparison.")
    rows = {split: comparison.measured(metric, split) for split in splits}
    curves = _styled_curves(list(dict.fromkeys(comparison.frame["setting"])), splits)
    # So many curves, or such long names, would cover what is drawn.
    beside = len(curves) > 4 or max(len(label) for label, *_ in curves) > 25
    ax = axes_or_new(ax, WIDE if beside else (6.4, 4.0))
    bands = False
    for label, name, part, style in curves:
        runs = rows[part][rows[part]["setting"] == name]
        epochs, mean, low, high = _mean_over_seeds(runs)
        ax.plot(epochs, mean, label=label, markevery=max(1, len(epochs) // 10), **style)
        if len(set(runs["seed"])) > 1 and len(epochs):
            band = ax.fill_between(epochs, low, high, color=style["color"], alpha=0.2, linewidth=0)
            band.set_gid(f"{label}, 95 % interval")
            bands = True
    _label_epochs(ax, metric)
    ax.legend(title="mean and 95 % interval" if bands else None, **(BESIDE if beside else {}))
    _mark_partial(comparison, ax)
    return ax


def _label_epochs(ax, metric):
    ax.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    ax.xaxis.get_major_locator().set_params(integer=True)


def _mark_partial(comparison, ax):
    if comparison.partial:
        ax.set_title("interrupted: complete runs only", fontsize="medium")


def _styled_curves(names, splits):
    """Return label, setting, split and style of each curve."""
    if len(splits) == 1:
        return [(f"{name}", name, splits[0], style) for name, style in styled(names)]
    if len(names) == 1:
        return [(split, names[0], split, style) for split, style in styled(splits)]
    return [
        (f"{name}, {split}", name, split, style | SPLIT_LINES[split])
        for (name, style), split in product(styled(names), splits)
    ]


def _mean_over_seeds(runs):
    """Return the epochs that all seeds have, the means there and the ends of the intervals."""
    # No `pivot_table`, which would average what is there twice.
    wide = runs.pivot(index="epoch", columns="seed", values="value")  # noqa: PD010
    wide = wide[np.isfinite(wide).all(axis=1)]
    if wide.shape[1] == 1:
        intervals = list(np.repeat(wide.to_numpy(), 3, axis=1))
    else:
        intervals = [mean_interval(values) for values in wide.to_numpy()]
    return wide.index.to_numpy(), *np.reshape(intervals, (-1, 3)).T


def plot_series(
    frame: "pd.DataFrame",
    *,
    xlabel: str,
    ylabel: str,
    xscale: Literal["linear", "log"] = "linear",
    ax: "Axes | None" = None,
) -> "Axes":
    """Plot the columns of a table as curves over its index.

    Parameters
    ----------
    frame : pandas.DataFrame
        Numbers; the index is what the curves run over, numbers or names. A value that is not finite
        leaves a gap.
    xlabel, ylabel : str
    xscale : {"linear", "log"}, default "linear"
        A logarithmic axis is labelled at the index, if that is short.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    pairs = styled(frame.items())
    beside = frame.shape[1] > 4  # so many curves leave no corner free
    ax = axes_or_new(ax, WIDE if beside else (6.4, 4.0))
    named = frame.index.dtype.kind not in "iuf"
    places = range(len(frame)) if named else frame.index
    for (name, values), style in pairs:
        every = max(1, len(values) // 10)
        ax.plot(places, values, label=f"{name}", markevery=every, **style)
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale)
    if named:  # after the scale, which sets ticks of its own
        ax.set_xticks(places, frame.index)
    elif xscale == "log":
        mark_values(ax, frame.index)
    ax.legend(**(BESIDE if beside else {}))
    return ax


def plot_error_vs_ratio(frame: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Plot errors with their intervals over the ratio d/m, on a logarithmic axis.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``series``, ``ratio``, ``estimate``, ``low`` and ``high``; one row per point. An
        error below 1e-4 (zero up to rounding) is left out: a logarithm has no place for it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        A vertical line marks the critical value d/m = 1.
    """
    frame = frame[frame["estimate"] > 1e-4]
    pairs = styled(frame.groupby("series", sort=False))
    ax = axes_or_new(ax)
    for (name, rows), style in pairs:
        rows = rows.sort_values("ratio")
        ax.plot(rows["ratio"], rows["estimate"], label=name, markersize=4, **style)
        ax.fill_between(
            rows["ratio"], rows["low"].clip(1e-4), rows["high"], color=style["color"], alpha=0.2
        )
    ax.axvline(1, color="0.4", linestyle=":", label="d/m = 1")
    ax.set(
        xlabel="d/m (effective model size over sample size)",
        ylabel="mean squared error",
        yscale="log",
    )
    ax.legend()
    return ax


def plot_learning_curve_over_m(frame: "pd.DataFrame", *, ax: "Axes | None" = None) -> "Axes":
    """Plot the test accuracy with its interval over the number of training examples.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``series``, ``m``, ``estimate``, ``low`` and ``high``; one row per point.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The sample size m on a logarithmic axis, with the sizes in the frame as ticks.
    """
    pairs = styled(frame.groupby("series", sort=False))
    ax = axes_or_new(ax)
    for (name, rows), style in pairs:
        rows = rows.sort_values("m")
        ax.plot(rows["m"], rows["estimate"], label=f"{name}", **style)
        band = ax.fill_between(
            rows["m"], rows["low"], rows["high"], color=style["color"], alpha=0.2, linewidth=0
        )
        band.set_gid(f"{name}, interval")
    ax.set(xlabel="training examples m", ylabel="test accuracy", xscale="log")
    mark_values(ax, frame["m"])
    ax.legend()
    return ax


def plot_standings(table: "pd.DataFrame") -> np.ndarray:
    """Plot how each strategy stands in each cell: a panel per size and domain of the data.

    Parameters
    ----------
    table : pandas.DataFrame
        What `coursehelpers.transfer.standings` returns.

    Returns
    -------
    ndarray of matplotlib Axes, shape (sizes, domains)
        Mean test accuracy with its interval; filled points are strategies that were shown to be
        the best of their cell, or were not told apart from the one with the highest mean; hollow
        ones were shown to be worse.
    """
    import matplotlib.pyplot as plt

    sizes, domains, names = (list(dict.fromkeys(table[c])) for c in ("size", "domain", "strategy"))
    kinds = [kind for kind in STANDINGS if (table["standing"] == kind).any()]
    figure, axes = plt.subplots(
        len(sizes),
        len(domains),
        figsize=(2.2 + 3.6 * len(domains), (0.9 + 0.32 * len(names)) * len(sizes)),
        sharey=True,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, (size, domain) in zip(axes.flat, product(sizes, domains), strict=True):
        cell = table[(table["size"] == size) & (table["domain"] == domain)]
        for kind in kinds:
            label, style, filled = STANDINGS[kind]
            part = cell[cell["standing"] == kind]
            lower, upper = part["estimate"] - part["low"], part["high"] - part["estimate"]
            ax.errorbar(
                part["estimate"],
                part["strategy"].map(names.index),
                xerr=(lower.tolist(), upper.tolist()),
                fmt=style["marker"],
                color=style["color"],
                mfc=style["color"] if filled else "white",
                capsize=3,
                label=label,
            )
        ax.set_title(f"{size} data, {domain} domain", fontsize="medium")
        ax.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    for ax in axes[-1]:
        ax.set_xlabel("test accuracy")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return axes
