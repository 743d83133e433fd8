"""Pictures of data and of what is fitted to it."""

import numpy as np

from coursehelpers.plots.core import STYLES, axes_or_new, mark_values, styled

# One for each style: what lies in a region may be of another class than is predicted there.
HATCHES = ("", "/", "\\", ".", "-", "x")


def show_images(images, labels=None, *, columns=10, ax=None):
    """Draw images side by side, each with its label below.

    Parameters
    ----------
    images : ndarray, shape (n, height, width) or (n, height, width, 3)
        Grey or colour images, ``uint8`` in 0..255 or float in 0..1.
    labels : sequence of str, optional
        One text per image.
    columns : int, default 10
        Images in a row.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the images have another number of dimensions or a label is missing.
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not len(images):
        raise ValueError(
            "images must have shape (n, height, width) or (n, height, width, 3), n at least 1, "
            f"got {images.shape}."
        )
    labels = [""] * len(images) if labels is None else [str(label) for label in labels]
    if len(labels) != len(images):
        raise ValueError(f"There are {len(images)} images but {len(labels)} labels.")
    n, height, width = images.shape[:3]
    rows, columns = -(-n // columns), min(columns, n)
    ax = axes_or_new(ax, (0.95 * columns, (0.75 + 0.2 * any(labels)) * rows * height / width + 0.3))
    top = 255 if images.dtype == np.uint8 else 1
    row_height = height * (1.35 if any(labels) else 1.08)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, upper = (i % columns) * width * 1.08, (i // columns) * row_height
        extent = (left, left + width, upper + height, upper)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=top, extent=extent)
        ax.text(left + width / 2, upper + height * 1.05, label, ha="center", va="top", fontsize=7)
    ax.set_xlim(0, columns * width * 1.08)
    ax.set_ylim(rows * row_height, 0)
    ax.set_axis_off()
    return ax


def plot_regression_fit(x, y, curves, *, validation=None, ax=None):
    """Plot one-feature training data, fitted curves and, if given, validation data.

    Parameters
    ----------
    x, y : array-like, shape (m,)
        Training data.
    curves : mapping of str to callable
        Name of a fit to its prediction, a function of an array.
    validation : tuple of array-like, optional
        ``(x, y)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there are more curves than styles.
    """
    pairs = styled(curves.items(), STYLES[2:] + STYLES[:2])
    ax = axes_or_new(ax)
    x, y = np.ravel(x), np.ravel(y)
    everything = x if validation is None else np.append(x, np.ravel(validation[0]))
    margin = 0.05 * np.ptp(everything)
    grid = np.linspace(everything.min() - margin, everything.max() + margin, 200)
    for (name, curve), style in pairs:
        ax.plot(grid, curve(grid), color=style["color"], linestyle=style["linestyle"], label=name)
    # A curve that leaves the data must not squeeze it to a line.
    seen = y if validation is None else np.append(y, np.ravel(validation[1]))
    margin = 0.5 * np.ptp(seen) or 0.5
    ax.set_ylim(seen.min() - margin, seen.max() + margin)
    ax.scatter(x, y, s=50, color=STYLES[0]["color"], marker="o", label="training", zorder=3)
    if validation is not None:
        ax.scatter(
            np.ravel(validation[0]),
            np.ravel(validation[1]),
            s=60,
            facecolors="none",
            edgecolors=STYLES[1]["color"],
            linewidths=2,
            marker="s",
            label="validation",
            zorder=3,
        )
    ax.set(xlabel="feature x", ylabel="label y")
    ax.legend()
    return ax


def plot_error_vs_ratio(frame, *, ax=None):
    """Plot errors with their intervals over the ratio d/m, on a logarithmic axis.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``series``, ``ratio``, ``estimate``, ``low`` and ``high``; one row per point. An
        error below 1e-4 (zero up to rounding) is left out, a logarithm has no place for it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        A vertical line marks the critical value d/m = 1.

    Raises
    ------
    ValueError
        If there are more series than styles.
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


def plot_series(frame, *, xlabel, ylabel, xscale="linear", ax=None):
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

    Raises
    ------
    ValueError
        If the frame is empty or has more columns than styles.
    """
    if frame.empty:
        raise ValueError("The frame is empty: a plot needs a column and a row at least.")
    pairs = styled(frame.items())
    beside = frame.shape[1] > 4  # so many curves leave no corner free
    ax = axes_or_new(ax, (8.4, 4.0) if beside else (6.4, 4.0))
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
    ax.legend(**({"loc": "upper left", "bbox_to_anchor": (1, 1)} if beside else {}))
    return ax


def plot_decision_boundary(predict, x, y, *, names=None, ax=None, resolution=200):
    """Plot which class is predicted where, and the examples of each class.

    Parameters
    ----------
    predict : callable or object with a method ``predict``, such as a Keras model
        From a float32 array of shape (n, 2) to class numbers (n,), to probabilities of the
        classes (n, classes), or to the probability of class 1, (n,) or (n, 1).
    x : array-like, shape (n, 2)
        Examples with two features.
    y : array-like of int, shape (n,)
        Their class numbers, from 0.
    names : sequence of str, optional
        One for each class; by default "class 0", "class 1", ...
    ax : matplotlib Axes, optional
    resolution : int, default 200
        Points on each side of the grid on which `predict` is called.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a shape is another one, `y` holds no class numbers, a probability is not between 0 and
        1, a name is missing, or there are more classes than styles.
    """
    x, y = np.asarray(x, float), np.ravel(y)
    if x.ndim != 2 or x.shape[1] != 2 or not len(x):
        raise ValueError(f"x must have shape (n, 2), two features, n at least 1, got {x.shape}.")
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} examples but y has {len(y)} class numbers.")
    if y.dtype.kind not in "buif" or (y < 0).any() or (y % 1).any():
        raise ValueError(f"y must hold class numbers 0, 1, 2, ..., got {list(np.unique(y)[:5])}.")
    margin = 0.1 * np.ptp(x, axis=0)
    margin[margin == 0] = 0.5
    sides = np.linspace(x.min(axis=0) - margin, x.max(axis=0) + margin, resolution).T
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2).astype(np.float32)
    outputs = predict.predict(grid, verbose=0) if hasattr(predict, "predict") else predict(grid)
    scores = _class_scores(np.asarray(outputs), len(grid))
    classes = max(scores.shape[1], int(y.max()) + 1)
    names = [f"class {k}" for k in range(classes)] if names is None else list(names)
    if len(names) < classes:
        raise ValueError(f"There are {classes} classes but {len(names)} names.")
    looks = list(styled(names[:classes]))
    # A class that is never predicted loses everywhere; so does a last one, which is none.
    missing = ((0, 0), (0, classes + 1 - scores.shape[1]))
    scores = np.pad(scores, missing, constant_values=scores.min() - 1)
    ax = axes_or_new(ax, (6.4, 4.4))
    for k, (name, style) in enumerate(looks):
        lead = scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)
        lead = lead.reshape(resolution, resolution)
        if lead.max() > 0:
            color, top = style["color"], 2 * lead.max()
            region = ax.contourf(
                *sides, lead, levels=[0, top], colors=[color], alpha=0.2, hatches=[HATCHES[k]]
            )
            region.set_gid(f"{name} predicted")
        if lead.min() < 0 < lead.max():
            ax.contour(*sides, lead, levels=[0], colors="0.2", linewidths=1.5)
        ax.scatter(
            *x[y == k].T,
            s=30,
            color=style["color"],
            marker=style["marker"],
            edgecolors="white",
            linewidths=0.5,
            label=name,
            zorder=3,
        )
    ax.set(xlabel="feature 1", ylabel="feature 2")
    # Beside the picture, where no example can be below it.
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def _class_scores(outputs, n):
    """Return a score for each class, shape (n, classes), from what a prediction may look like."""
    if outputs.shape[:1] != (n,) or outputs.ndim > 2 or outputs.size == 0:
        raise ValueError(
            f"predict must return shape (n,) or (n, classes); for n = {n} it returned shape "
            f"{outputs.shape}."
        )
    if not np.isfinite(outputs).all():
        raise ValueError("predict returned numbers that are not finite; did the training diverge?")
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs
    outputs = outputs.ravel()
    if outputs.dtype.kind == "f":
        if outputs.min() < 0 or outputs.max() > 1:
            raise ValueError(
                "One output is the probability of class 1, between 0 and 1, but predict returned "
                f"{outputs.min():.4g} to {outputs.max():.4g}; apply a sigmoid, or return class "
                "numbers as integers."
            )
        return np.column_stack([1 - outputs, outputs])
    outputs = outputs.astype(int)
    if outputs.min() < 0:
        raise ValueError(f"Class numbers count from 0, predict returned {outputs.min()}.")
    return np.eye(outputs.max() + 1)[outputs]
