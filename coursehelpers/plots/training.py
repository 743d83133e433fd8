"""Pictures of trainings: one run, or settings compared over several seeds."""

from itertools import product

import numpy as np

from coursehelpers.metrics import mean_interval
from coursehelpers.plots.core import STYLES, axes_or_new, styled

SMALLER_IS_BETTER = ("loss", "error", "mae", "mse", "crossentropy")
# Where colour and marker tell the settings, the line tells the split.
SPLIT_LINES = {"train": {"linestyle": "--", "linewidth": 1}, "validation": {"linestyle": "-"}}


def plot_history(history, metric="loss", *, ax=None):
    """Plot a metric over the epochs, on training and, if recorded, on validation data.

    Parameters
    ----------
    history : keras.callbacks.History or mapping of str to sequence of float
        What `fit` returned, or its ``.history``.
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
    values = getattr(history, "history", history)
    if metric not in values:
        raise ValueError(f"{metric!r} was not recorded; there are: {', '.join(values)}.")
    ax = axes_or_new(ax)
    for name, label, style in (
        (metric, "training", STYLES[0]),
        (f"val_{metric}", "validation", STYLES[1]),
    ):
        if name in values:
            every = max(1, len(values[name]) // 10)
            ax.plot(
                np.arange(len(values[name])), values[name], label=label, markevery=every, **style
            )
    # A training that diverged ends in NaN, which would count as best.
    scores = np.asarray(values.get(f"val_{metric}", ()), float)
    if np.isfinite(scores).any():
        smaller = any(word in metric for word in SMALLER_IS_BETTER)
        best = int((np.nanargmin if smaller else np.nanargmax)(scores))
        ax.axvline(best, color="0.4", linestyle=":", label=f"best validation: epoch {best}")
    ax.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def plot_comparison(comparison, metric="accuracy", split="test", *, ax=None):
    """Plot each setting's mean over the seeds with its interval, and one point for each seed.

    Parameters
    ----------
    comparison : object with a pandas.DataFrame as ``.frame``
        Columns ``setting``, ``seed``, ``epoch``, ``split``, ``metric`` and ``value``; one row per
        value. The last epoch of each seed counts.
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
        If the metric was not recorded for the split.
    """
    rows = _recorded(comparison.frame, metric, [split])
    last = rows.sort_values(["seed", "epoch"]).drop_duplicates(["setting", "seed"], keep="last")
    # A seed stands at the same height in every setting, so that it can be followed.
    seeds = sorted(set(last["seed"]))
    shifts = {seed: 0.4 * ((i + 0.5) / len(seeds) - 0.5) for i, seed in enumerate(seeds)}
    points, bars, ticks = [], [], []
    for i, name in enumerate(dict.fromkeys(rows["setting"])):
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


def plot_curves(comparison, metric="loss", split="validation", *, settings=None, ax=None):
    """Plot each setting's mean over the seeds, epoch by epoch, with a band for its interval.

    Parameters
    ----------
    comparison : object with a pandas.DataFrame as ``.frame``
        Columns ``setting``, ``seed``, ``epoch``, ``split``, ``metric`` and ``value``; one row per
        value.
    metric : str, default "loss"
    split : str or sequence of str, default "validation"
        "train", "validation" or both.
    settings : str or sequence of str, optional
        The settings to plot; by default all of them.
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
        If the metric was not recorded for a split or was measured but once, at the end, if a
        setting is unknown, or if there are more settings than styles.
    """
    frame = comparison.frame
    there = list(dict.fromkeys(frame["setting"]))
    names, splits = there if settings is None else _listed(settings), _listed(split)
    unknown = [name for name in names if name not in there]
    if unknown:
        raise ValueError(f"There are no settings {unknown}; there are: {there}.")
    once = [split for split in splits if split in ("test", "model")]
    if once:
        raise ValueError(f"{' and '.join(once)} is measured once, at the end; use plot_comparison.")
    rows = _recorded(frame[frame["setting"].isin(names)], metric, splits)
    curves = _styled_curves(names, splits)
    # So many curves, or such long names, would cover what is drawn.
    beside = len(curves) > 4 or max(len(label) for label, *_ in curves) > 25
    ax = axes_or_new(ax, (8.4, 4.0) if beside else (6.4, 4.0))
    bands = False
    for label, name, part, style in curves:
        runs = rows[(rows["setting"] == name) & (rows["split"] == part)]
        epochs, mean, low, high = _mean_over_seeds(runs)
        ax.plot(epochs, mean, label=label, markevery=max(1, len(epochs) // 10), **style)
        if runs["seed"].nunique() > 1 and len(epochs):
            band = ax.fill_between(epochs, low, high, color=style["color"], alpha=0.2, linewidth=0)
            band.set_gid(f"{label}, 95 % interval")
            bands = True
    ax.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    ax.xaxis.get_major_locator().set_params(integer=True)
    place = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if beside else {}
    ax.legend(title="mean and 95 % interval" if bands else None, **place)
    _mark_partial(comparison, ax)
    return ax


def _mark_partial(comparison, ax):
    if getattr(comparison, "partial", False):
        ax.set_title("interrupted: complete runs only", fontsize="medium")


def _listed(names):
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def _recorded(frame, metric, splits):
    """Return the rows of a metric, in all splits or not at all."""
    there = list(dict.fromkeys(zip(frame["split"], frame["metric"], strict=True)))
    missing = [f"{split} {metric}" for split in splits if (split, metric) not in there]
    if missing:
        raise ValueError(
            f"{' and '.join(missing)} was not recorded; "
            f"there are: {', '.join(map(' '.join, there)) or 'no complete runs'}."
        )
    return frame[(frame["metric"] == metric) & frame["split"].isin(splits)]


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
    wide = runs.pivot(index="epoch", columns="seed", values="value")
    wide = wide[np.isfinite(wide).all(axis=1)]
    if wide.shape[1] == 1:
        intervals = np.repeat(wide.to_numpy(), 3, axis=1)
    else:
        intervals = [mean_interval(values) for values in wide.to_numpy()]
    return wide.index.to_numpy(), *np.reshape(intervals, (-1, 3)).T
